create or replace function ingest.ingest_delete_documents(p_collection text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
begin
  perform ingest.ingest_require('operate'::text, p_collection);
  delete from ingest.ingest_documents d where d.collection = p_collection;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;

comment on function ingest.ingest_delete_documents(text) is
  'Deletes all documents of a collection, with revisions and chunks; returns how many. Like a DELETE on ingest_documents, for operators of '
  'some collections. IG040 if the caller may not operate.';
