create or replace function ingest.ingest_is_failing(p_revision bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- As the owner: who resolved it is confidential, that it is resolved is not. Numbers of readings say what is newer. One that failed on its way
  -- into another generation is live, and not read again: it fails as long as it doesn't stand there, and that is kept or may be taken up.
  select not exists (
           select from ingest.ingest_revisions later
           where later.collection = v.collection and later.uri = v.uri and later.id > v.id and later.error is not null
             and (later.stands_for is null) = (v.stands_for is null)
             and not exists (select from ingest.ingest_requests r where r.id = later.request_id and ingest.ingest_is_plan(r)))
     and case when v.stands_for is null then not exists (
           select from ingest.ingest_documents d
           where d.collection = v.collection and d.uri = v.uri and d.revision_id is not null and ingest.ingest_is_mended(v, d))
         else exists (
           select from ingest.ingest_documents d join ingest.ingest_revisions o on o.id = d.revision_id
           join ingest.ingest_generations g on g.collection = v.collection and g.generation = v.generation
           where d.revision_id = v.stands_for and g.state in ('building', 'stopped', 'live', 'former')
             and not ingest.ingest_stands_in(o.id, o.generation, v.generation)) end
     and not ingest.ingest_was_dropped(v.collection, v.uri, v.read_seq)
  from ingest.ingest_revisions v
  where v.id = p_revision and v.state = 'failed'
    and not exists (select from ingest.ingest_requests r where r.id = v.request_id and ingest.ingest_is_plan(r))
    and ingest.ingest_may_follow(v.collection);
$$;

comment on function ingest.ingest_is_failing(bigint) is
  'Whether a document that failed in a request still fails: no newer reading of it is live, and no later request failed on it; of one that makes a generation, it is live and does not stand there. '
  'Null for one that did not fail, for one that a plan says would fail, and for who has no right on the collection.';
