create or replace function ingest.ingest_was_dropped(p_collection text, p_uri text, p_seq bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from ingest.ingest_revisions v
    where hashtextextended(v.uri, 0) = hashtextextended(p_uri, 0) and v.state = 'skipped'  -- named for the index
      and v.collection = p_collection and v.uri = p_uri and v.reason = 'dropped' and v.read_seq > coalesce(p_seq, 0)
      and not exists (select from ingest.ingest_requests r where r.id = v.request_id and ingest.ingest_is_plan(r)));
$$;

comment on function ingest.ingest_was_dropped(text, text, bigint) is
  'Whether an own step has left out a later reading of a document than this one: then this one is not brought back.';
