create or replace function ingest.ingest_check_steps(p_steps jsonb) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- What the steps are is known from the listeners that live; where none does, from nobody, and it is found out later.
declare
  v_step jsonb;
  v_known jsonb;
  v_option record;
  v_are_alive boolean := exists (
    select from ingest.ingest_listeners l where ingest.ingest_seems_alive(l) and l.steps <> '{}');
begin
  if p_steps is null or p_steps = 'null' then
    return;
  end if;
  if jsonb_typeof(p_steps) <> 'array' or jsonb_array_length(p_steps) > 8 or octet_length(p_steps::text) > 16000 then
    raise exception 'collection setting steps is %', left(p_steps::text, 100)
      using errcode = 'IG012', constraint = 'wrong_setting_value', hint = 'It takes at most 8 steps, like [{"name": "redact", "options": {"patterns": ["email"]}}].';
  end if;
  for v_step in select s.one from jsonb_array_elements(p_steps) as s (one) loop
    if jsonb_typeof(v_step) <> 'object' or v_step - '{name,options}'::text[] <> '{}' or coalesce(v_step ->> 'name', '') !~ '^[a-z][a-z0-9_-]{0,47}$'
       or coalesce(jsonb_typeof(v_step -> 'options'), 'object') <> 'object' then
      raise exception 'collection setting steps has %', left(v_step::text, 100)
        using errcode = 'IG012', constraint = 'wrong_setting_value', hint = 'A step is like {"name": "redact", "options": {…}}.';
    end if;
    if (select count(*) from jsonb_array_elements(p_steps) as o (one) where o.one -> 'name' = v_step -> 'name') > 1 then
      raise exception 'collection setting steps names "%" twice', v_step ->> 'name'
        using errcode = 'IG012', constraint = 'wrong_setting_value', hint = 'A collection has each step once.';
    end if;
    select l.steps -> (v_step ->> 'name') into v_known from ingest.ingest_listeners l
    where ingest.ingest_seems_alive(l) and l.steps ? (v_step ->> 'name') order by l.started_at desc limit 1;
    if not found then
      continue when not v_are_alive;
      raise exception 'there is no own step "%"', v_step ->> 'name'
        using errcode = 'IG012', constraint = 'unknown_step_name',
              hint = 'Running listeners have ' || (
                select string_agg(distinct k.name, ', ' order by k.name) from ingest.ingest_listeners l cross join jsonb_object_keys(l.steps) as k (name)
                where ingest.ingest_seems_alive(l)) || '. For another one, start a listener where its package is installed.';
    end if;
    select o.key, o.value into v_option from jsonb_each(coalesce(v_step -> 'options', '{}')) as o (key, value)
    where position(jsonb_typeof(o.value) in coalesce(v_known -> 'options' ->> o.key, '')) = 0 limit 1;
    if found then
      raise exception 'own step "%" takes no option "%" that is %', v_step ->> 'name', v_option.key, left(v_option.value::text, 100)
        using errcode = 'IG012', constraint = 'wrong_step_options',
              hint = coalesce('It takes ' || (
                select string_agg(format('%s (%s)', t.key, t.value), ', ' order by t.key) from jsonb_each_text(v_known -> 'options') as t (key, value)) || '.', 'It takes none.');
    end if;
  end loop;
end
$$;

comment on function ingest.ingest_check_steps(jsonb) is
  'Raises IG012 where a collection can''t have these as its steps: their form, a name or an option that the listeners that live do not know.';
