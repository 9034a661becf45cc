create or replace function ingest.ingest_known_states(p_collection text, p_uris text[])
returns table (uri text, hash bytea, bytes bigint, version text, modified_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select d.uri, d.content_hash, d.bytes, d.version, d.modified_at
  from ingest.ingest_documents d where d.collection = p_collection and d.uri = any (p_uris) and d.revision_id is not null;
$$;

comment on function ingest.ingest_known_states(text, text[]) is 'What is live of documents, and in which state it was read, for sources that ask as they look.';
