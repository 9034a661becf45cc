create or replace function ingest.ingest_set_principals(p_collection text, p_uri text, p_principals text[]) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_require('operate'::text, p_collection);
  update ingest.ingest_documents d set principals = p_principals where d.collection = p_collection and d.uri = p_uri;
  return found;
end
$$;

comment on function ingest.ingest_set_principals(text, text, text[]) is
  'Sets who may find a document; null: everybody who may search its collection. False: there is no such document. '
  'Nothing is embedded or indexed again. A request that brings the document with the option principals or principals_field sets it again. IG040 if the caller may not operate.';
