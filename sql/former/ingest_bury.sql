create or replace function ingest_bury(p_judge text) returns setof text
language sql set search_path from current
as $$
  select ingest_declare_dead(p_judge);
$$;

comment on function ingest_bury(text) is 'For listeners of the former release: ingest_declare_dead.';
