create or replace function ingest.ingest_revisions_of(p_collection text, p_uri text) returns table (id bigint)
language sql stable rows 20 security definer set search_path = pg_catalog, pg_temp
as $$
  -- Each by an index of its own. (One on its way to be loaded is in none: its request has just begun with it.)
  select v.id from ingest.ingest_documents d join ingest.ingest_revisions v on v.document_id = d.id
  where d.collection = p_collection and d.uri = p_uri
  union
  select v.id from ingest.ingest_revisions v where v.collection = p_collection and v.uri = p_uri and v.state = 'failed' and v.error is not null
  union
  select v.id from ingest.ingest_revisions v
  where hashtextextended(v.uri, 0) = hashtextextended(p_uri, 0) and v.collection = p_collection and v.uri = p_uri and v.state = 'skipped'
  union
  select v.id from ingest.ingest_revisions v
  where v.collection = p_collection and v.uri = p_uri and v.state in ('loaded', 'chunked', 'embedded')
    and v.text is not null and v.document_id is null;  -- true of these states; named for the index
$$;

comment on function ingest.ingest_revisions_of(text, text) is 'All revisions of a document whose requests are not deleted.';
