create or replace function ingest.ingest_titled(p_collection text, p_query text) returns bigint[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case when count(*) <= 100 then coalesce(array_agg(t.revision_id), '{}') else '{}' end
  from (
    select d.revision_id from ingest.ingest_documents d
    where d.collection = p_collection and lower(left(d.title, 200)) = lower(left(btrim(p_query, E' "\n'), 200)) and d.revision_id is not null
    limit 101) t;
$$;

comment on function ingest.ingest_titled(text, text) is
  'The live revisions of documents whose title is the query; none where it is the title of more than a hundred.';
