create or replace function ingest.ingest_await_query(p_space int, p_hash bytea, p_began timestamptz, p_timeout interval, p_look int)
returns boolean
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_questions q set asked_by = ingest.ingest_caller()  -- asked before the migration
  where q.space_id = p_space and q.hash = p_hash and q.asked_by = '';
  select coalesce((
    select ingest.ingest_await(q.id, p_look) from ingest.ingest_questions q
    where q.space_id = p_space and q.hash = p_hash and q.asked_by = ingest.ingest_caller() order by q.id desc limit 1), true);
$$;

comment on function ingest.ingest_await_query(int, bytea, timestamptz, interval, int) is
  'For listeners of the former release: ingest_await, for calls of its ingest_embed_query that a migration finds under way.';
