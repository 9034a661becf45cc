create or replace function ingest.ingest_delete_documents(p_collection text, p_uris text[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
begin
  perform ingest.ingest_require('operate'::text, p_collection);
  if p_uris is null then  -- as array_agg makes it of no rows, and a program of a variable that is not set
    raise exception 'the documents to delete are null'
      using errcode = 'IG035', constraint = 'no_uris',
            hint = 'Give an array of URIs, empty for none: coalesce(array_agg(uri), ''{}''). All documents: select ingest_delete_documents(collection).';
  end if;
  delete from ingest.ingest_documents d where d.collection = p_collection and d.uri = any (p_uris);
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;

comment on function ingest.ingest_delete_documents(text, text[]) is
  'Deletes documents of a collection by their URIs, with revisions and chunks; returns how many. Like a DELETE on ingest_documents, for '
  'operators of some collections. IG035 if the array is null, IG040 if the caller may not operate.';
