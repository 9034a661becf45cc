create or replace function ingest.ingest_same_live(p_revision ingest.ingest_revisions) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select d.revision_id from ingest.ingest_documents d
  where d.collection = p_revision.collection and d.uri = p_revision.uri
    and (d.revision_id = p_revision.id or d.content_hash = p_revision.content_hash);
$$;

comment on function ingest.ingest_same_live(ingest.ingest_revisions) is 'The live revision of the same document, if it was made from the same bytes.';
