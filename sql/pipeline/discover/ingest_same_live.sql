create or replace function ingest_same_live(p_revision ingest_revisions) returns bigint
language sql stable set search_path from current
as $$
  select d.revision_id from ingest_documents d
  where d.collection = p_revision.collection and d.uri = p_revision.uri
    and (d.revision_id = p_revision.id or d.content_hash = p_revision.content_hash);
$$;

comment on function ingest_same_live(ingest_revisions) is 'The live revision of the same document, if it was made from the same bytes.';
