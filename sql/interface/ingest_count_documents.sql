create or replace function ingest.ingest_count_documents(p_collection text, p_uris text[] default null, p_under text default '') returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_require('operate'::text, p_collection);
  perform ingest.ingest_search_config(p_collection);
  return (select count(*) from ingest.ingest_documents d
          where d.collection = p_collection and (p_uris is null or d.uri = any (p_uris)) and starts_with(d.uri, coalesce(p_under, '')));
end
$$;

comment on function ingest.ingest_count_documents(text, text[], text) is
  'How many documents ingest_delete_documents would delete: those with these URIs, or all, or all under a prefix. IG014 no such collection, IG040 not granted.';
