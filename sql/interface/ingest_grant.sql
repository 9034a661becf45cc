create or replace function ingest.ingest_grant(p_role name, p_as text, p_collection text default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_right text := ingest.ingest_right_of(p_as);
  v_one record;
begin
  perform ingest.ingest_check_granted(v_right, p_collection);
  if not exists (select from pg_roles r where r.rolname = p_role) then
    raise exception 'there is no role "%"', p_role
      using errcode = 'IG041', constraint = 'unknown_role', hint = format('Create it first: create role %I login;', p_role);
  end if;
  if v_right = 'operate' and p_collection is not null then
    -- Made by its operator, in a transaction that stays open, it would keep claims waiting.
    insert into ingest.ingest_collections (name, created_by) values (p_collection, ingest.ingest_caller()) on conflict do nothing;
  end if;
  insert into ingest.ingest_collection_grants (role, may, collection) values (p_role, v_right, coalesce(p_collection, ''))
  on conflict do nothing;
  perform ingest.ingest_apply_right(p_role, v_right);
  if v_right = 'search' then
    -- An existing view stays: recreating it would wait for all its readers, and keep others waiting.
    for v_one in
      select c.name, to_regclass(format('%I.%I', '{schema}', 'ingest_chunks_' || c.name)) as view from ingest.ingest_collections c
      where c.space_id is not null and c.name = coalesce(p_collection, c.name) order by c.name
    loop
      if obj_description(v_one.view, 'pg_class') like 'Live chunks of collection %' then
        execute format('grant select on %s to %I', v_one.view, p_role);
      else
        perform ingest.ingest_make_chunks_view(v_one.name);
      end if;
    end loop;
  end if;
end
$$;

comment on function ingest.ingest_grant(name, text, text) is
  'Makes a role submitter, searcher, operator or gateway of a collection, or of all (null), or lets it run listeners (listener). For the owner. '
  'IG041 unknown role or kind.';
