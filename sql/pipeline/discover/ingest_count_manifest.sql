create or replace function ingest.ingest_count_manifest(p_request uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_requests r
  set (documents_found, duplicates, refused) = (
    select count(distinct v.position) + coalesce(r.documents_unchanged, 0), count(*) filter (where v.reason = 'duplicate'),
           count(*) filter (where v.state = 'failed' and b.batch is null)
    from ingest.ingest_revisions v left join ingest.ingest_batches b on b.request_id = v.request_id and b.batch = v.batch
    where v.request_id = p_request)
  where r.id = p_request;
$$;

comment on function ingest.ingest_count_manifest(uuid) is 'Counts what discovery found, as an attempt begins: percent is a share of that.';
