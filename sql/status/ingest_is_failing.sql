create or replace function ingest.ingest_is_failing(p_revision bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- As the owner: who resolved it is confidential, that it is resolved is not. Numbers of readings say what is newer.
  select not exists (
           select from ingest.ingest_revisions later
           where later.collection = v.collection and later.uri = v.uri and later.id > v.id and later.error is not null
             and not exists (select from ingest.ingest_requests r where r.id = later.request_id and ingest.ingest_is_plan(r)))
     and not exists (
           select from ingest.ingest_documents d
           where d.collection = v.collection and d.uri = v.uri and d.revision_id is not null and ingest.ingest_is_mended(v, d))
     and not ingest.ingest_was_dropped(v.collection, v.uri, v.read_seq)
  from ingest.ingest_revisions v
  where v.id = p_revision and v.state = 'failed'
    and not exists (select from ingest.ingest_requests r where r.id = v.request_id and ingest.ingest_is_plan(r))
    and ingest.ingest_may_follow(v.collection);
$$;

comment on function ingest.ingest_is_failing(bigint) is
  'Whether a document that failed in a request still fails: no newer reading of it is live, and no later request failed on it. '
  'Null for one that did not fail, for one that a plan says would fail, and for who has no right on the collection.';
