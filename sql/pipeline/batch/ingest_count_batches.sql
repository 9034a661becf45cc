create or replace function ingest.ingest_count_batches(p_requests uuid[], p_batch int, p_is_through boolean) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Called at its end by a transaction that has locked the batches and changed states of their documents. An entry of the manifest
-- weighs 1, which those inside of it share: they have its position. One that embedding has moved already, chunk by chunk, may
-- count for more here than remaining says; so remaining stays until the documents have caught up, and never grows.
declare
  v_chunks int;
begin
  with weighed as (
    select v.request_id, v.batch, v.state, v.reason, cardinality(v.starts) as chunks,
           ingest.ingest_share_left(v.state) / count(*) over (partition by v.request_id, v.position) as remaining,
           ingest.ingest_share_left(case when v.state in ('chunked', 'enriched') then 'embedded' else v.state end)
             / count(*) over (partition by v.request_id, v.position) as remaining_embedded
    from ingest.ingest_revisions v
    where v.request_id = any (p_requests) and v.batch between coalesce(p_batch, -2147483648) and coalesce(p_batch, 2147483647)
  ), counted as (
    select w.request_id, w.batch, count(*) as documents, count(*) filter (where w.state = 'published') as done,
           count(*) filter (where w.state = 'skipped') as skipped, count(*) filter (where w.state = 'failed') as failed,
           sum(w.chunks) as chunks, sum(w.remaining) as remaining, sum(w.remaining_embedded) as remaining_embedded
    from weighed w where w.reason is distinct from 'duplicate'  -- these count with the request
    group by w.request_id, w.batch
  ), written as (
    update ingest.ingest_batches b
    set documents = greatest(1, n.documents), done = coalesce(n.done, 0), skipped = coalesce(n.skipped, 0),
        failed = coalesce(n.failed, 0), chunks = coalesce(n.chunks, 0), remaining = least(b.remaining, coalesce(n.remaining, 0)),
        remaining_embedded = coalesce(n.remaining_embedded, 0), moved_at = ingest.ingest_now(),
        step = case when not p_is_through then b.step end,
        finished_at = case when p_is_through then ingest.ingest_now() else b.finished_at end
    from ingest.ingest_batches o
    left join counted n on n.request_id = o.request_id and n.batch = o.batch  -- none is left if its documents were deleted
    where o.request_id = any (p_requests) and o.batch between coalesce(p_batch, -2147483648) and coalesce(p_batch, 2147483647)
      and b.request_id = o.request_id and b.batch = o.batch
    returning b.chunks
  )
  select sum(w.chunks) into v_chunks from written w;
  return v_chunks;
end
$$;

comment on function ingest.ingest_count_batches(uuid[], int, boolean) is
  'Counts documents, chunks and what is left to be done of the batches with that number (null: of all) of some requests; returns the '
  'chunks. p_is_through: they are finished.';
