create or replace function ingest.ingest_step_marks(p_steps jsonb) returns text[]
language sql immutable
return array(select ' step ' || k.name from jsonb_object_keys(p_steps) as k (name));

comment on function ingest.ingest_step_marks(jsonb) is
  'A listener''s own steps as a claim passes them on among its folders, which no path begins like; those of ingest_listeners.steps.';
