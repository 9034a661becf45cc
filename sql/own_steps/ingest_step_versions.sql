create or replace function ingest.ingest_step_versions(p_steps jsonb, p_known jsonb) returns jsonb
language sql immutable
return case when p_steps is null or p_steps = '[]' then '{}' else (
  select jsonb_build_object('step_versions', jsonb_object_agg(s.one ->> 'name', p_known -> (s.one ->> 'name') -> 'version'))
  from jsonb_array_elements(p_steps) as s (one)) end;

comment on function ingest.ingest_step_versions(jsonb, jsonb) is
  'What the settings of a request say of the versions of its own steps, as its listener has them (ingest_listeners.steps); nothing without steps.';
