create or replace function ingest.ingest_may_follow(p_collection text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_may('submit'::text, p_collection) or ingest.ingest_may('operate'::text, p_collection);
$$;

comment on function ingest.ingest_may_follow(text) is
  'Whether the caller may know what becomes of a collection''s requests: by the right to submit there, or to operate it.';
