create or replace function ingest.ingest_delete_under(
  p_collection text, p_under text, p_limit int default 1000, p_after text default null, out deleted bigint, out last text
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_check_count('p_limit'::text, p_limit);
  perform ingest.ingest_require('operate'::text, p_collection);
  perform ingest.ingest_search_config(p_collection);
  if coalesce(p_under, '') = '' then
    raise exception 'the prefix is empty'
      using errcode = 'IG035', constraint = 'empty_prefix',
            hint = 'It would match all documents. To delete them all: select ingest_delete_documents(collection).';
  end if;
  with page as materialized (
    select d.id from ingest.ingest_documents d
    where d.collection = p_collection and d.uri > coalesce(p_after, '') and starts_with(d.uri, p_under)
    order by d.uri limit coalesce(p_limit, 1000) for update
  ), gone as (
    delete from ingest.ingest_documents d using page where d.id = page.id returning d.uri
  )
  select count(*), max(g.uri) into deleted, last from gone g;
end
$$;

comment on function ingest.ingest_delete_under(text, text, int, text) is
  'Deletes a page of the documents whose URIs begin with a prefix, by URI, with revisions and chunks. Returns deleted (how many) and last (the last URI: '
  'pass it as p_after for the next page; fewer than p_limit: done). IG014 no such collection, IG035 an empty prefix, IG040 not granted.';
