create or replace function ingest.ingest_delete_origin(
  p_collection text, p_source text, p_limit int default 1000, p_after text default null, out deleted bigint, out last text
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_origin text := rtrim(ingest.ingest_locate(p_source), '/');
begin
  perform ingest.ingest_check_count('p_limit'::text, p_limit);
  perform ingest.ingest_require('operate'::text, p_collection);
  with page as materialized (
    select d.id, d.uri from ingest.ingest_documents d
    where d.collection = p_collection and d.uri > coalesce(p_after, '')
      and exists (select from ingest.ingest_document_origins o where o.document_id = d.id and o.origin = v_origin)
    order by d.uri limit coalesce(p_limit, 1000) for update
  ), others as (
    delete from ingest.ingest_document_origins o using page
    where o.document_id = page.id and o.origin = v_origin
      and exists (select from ingest.ingest_document_origins n where n.document_id = page.id and n.origin <> v_origin)
    returning o.document_id
  ), gone as (
    delete from ingest.ingest_documents d using page
    where d.id = page.id and not exists (select from ingest.ingest_document_origins n where n.document_id = page.id and n.origin <> v_origin)
    returning d.id
  )
  select (select count(*) from gone), max(page.uri) into deleted, last from page;
end
$$;

comment on function ingest.ingest_delete_origin(text, text, int, text) is
  'Deletes a page of the documents that came only from this source, by URI, with revisions and chunks. '
  'Returns deleted (how many) and last (the last URI; pass it as p_after for the next page; null: done). IG040 not granted.';
