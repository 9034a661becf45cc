create or replace function ingest.ingest_has_steps(p_known text[], p_steps jsonb) returns boolean
language sql immutable
return p_steps is null or p_steps = '[]' or not exists (
  select from jsonb_array_elements(p_steps) as s (one) where ' step ' || (s.one ->> 'name') <> all (p_known));

comment on function ingest.ingest_has_steps(text[], jsonb) is 'Whether all own steps that a collection or a request names are among those of a listener (ingest_step_marks).';
