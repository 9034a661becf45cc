create or replace function ingest.ingest_revisions_of_requests(p_requests uuid[], p_documents bigint[]) returns table (id bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select v.id from ingest.ingest_revisions v
  where v.request_id = any (p_requests)
    and not exists (select from ingest.ingest_documents d where d.revision_id = v.id and d.id <> all (p_documents));
$$;

comment on function ingest.ingest_revisions_of_requests(uuid[], bigint[]) is
  'Revisions that go with requests that are forgotten: all but those that are live in documents that stay, which are others than p_documents.';
