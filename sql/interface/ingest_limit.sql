create or replace function ingest.ingest_limit(p_role name, p_settings jsonb) returns ingest.ingest_limits
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_limits ingest.ingest_limits;
  v_wrong text;
begin
  if p_role <> '' and p_settings is not null and not exists (select from pg_roles r where r.rolname = p_role) then
    raise exception 'there is no role "%"', p_role
      using errcode = 'IG041', constraint = 'unknown_role', hint = format('Create it first: create role %I login;', p_role);
  end if;
  if jsonb_typeof(p_settings) <> 'object' then
    raise exception 'limits are a JSON %, not an object', jsonb_typeof(p_settings)
      using errcode = 'IG012', constraint = 'wrong_limit', hint = 'Write them like {"max_running": 4}.';
  end if;
  select string_agg(s.key, ', ') into v_wrong from jsonb_object_keys(p_settings) as s (key)
  where s.key not in ('max_pending', 'max_running', 'max_pending_bytes', 'max_new_collections', 'min_priority', 'max_queries', 'weight');
  if v_wrong is not null then
    raise exception 'limit % is not known', v_wrong
      using errcode = 'IG012', constraint = 'unknown_setting',
            hint = 'Known are max_pending, max_running, max_pending_bytes, max_new_collections, min_priority, max_queries and weight.';
  end if;
  select string_agg(s.key, ', ') into v_wrong from jsonb_each(p_settings) as s (key, value)
  where case jsonb_typeof(s.value) when 'null' then s.key in ('max_queries', 'weight') when 'number' then
          s.value::numeric <> trunc(s.value::numeric)
          or s.value::numeric not between case s.key when 'min_priority' then -2147483648 when 'weight' then 1 else 0 end
                                  and case s.key when 'max_pending_bytes' then 9223372036854775807 when 'weight' then 100 else 2147483647 end
        else true end;
  if v_wrong is not null then
    raise exception 'limit % is not a valid number', v_wrong
      using errcode = 'IG012', constraint = 'wrong_limit', hint = 'Give whole numbers from 0 on (min_priority may be negative; weight is 1 to 100), or null: no limit (not of max_queries and weight).';
  end if;
  perform ingest.ingest_as_system();
  if p_settings is null then
    delete from ingest.ingest_limits l where l.role = p_role and p_role <> '';
  else
    insert into ingest.ingest_limits
      (role, max_pending, max_running, max_pending_bytes, max_new_collections, min_priority, max_queries)
    select p_role, l.max_pending, l.max_running, l.max_pending_bytes, l.max_new_collections, l.min_priority, l.max_queries
    from ingest.ingest_limits l where l.role = ''
    on conflict on constraint ingest_limits_pkey do nothing;
    update ingest.ingest_limits l
    set max_pending = case when p_settings ? 'max_pending' then (p_settings ->> 'max_pending')::numeric::int else l.max_pending end,
        max_running = case when p_settings ? 'max_running' then (p_settings ->> 'max_running')::numeric::int else l.max_running end,
        max_pending_bytes = case when p_settings ? 'max_pending_bytes' then (p_settings ->> 'max_pending_bytes')::numeric::bigint
                                 else l.max_pending_bytes end,
        max_new_collections = case when p_settings ? 'max_new_collections' then (p_settings ->> 'max_new_collections')::numeric::int
                                   else l.max_new_collections end,
        min_priority = case when p_settings ? 'min_priority' then (p_settings ->> 'min_priority')::numeric::int else l.min_priority end,
        weight = case when p_settings ? 'weight' then (p_settings ->> 'weight')::numeric::int else l.weight end,
        max_queries = case when p_settings ? 'max_queries' then (p_settings ->> 'max_queries')::numeric::int else l.max_queries end
    where l.role = p_role;
  end if;
  select l.* into strict v_limits from ingest.ingest_limits l where l.role in (p_role, '') order by l.role desc limit 1;
  return v_limits;
end
$$;

comment on function ingest.ingest_limit(name, jsonb) is
  'Limits how much of the shared resources a submitter may use; '''': all that have no limits of their own. Limits that are not named stay '
  '(initially those of ''''), null removes one, and null instead of the object returns to those of ''''. For the owner. '
  'IG012 unknown limit, IG041 unknown role.';
