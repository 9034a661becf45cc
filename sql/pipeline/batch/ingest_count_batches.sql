create or replace function ingest.ingest_count_batches(p_requests uuid[], p_batch int, p_is_through boolean) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Called at its end by a transaction that has locked the batches and changed states of their documents. An entry of the manifest
-- weighs 1, which those inside of it share: they have its position. Where embedding has moved documents already, chunk by chunk,
-- remaining stays until they have caught up: it never grows.
declare
  v_chunks int;
begin
  with counted as (
    update ingest.ingest_batches b
    set (documents, done, skipped, failed, loaded, embedded, chunks, remaining, remaining_embedded) = (
          select greatest(1, count(*)), count(*) filter (where w.state = 'published'), count(*) filter (where w.state = 'skipped'),
                 count(*) filter (where w.state = 'failed'), count(*) filter (where w.state in ('loaded', 'refined', 'chunked', 'enriched')),
                 count(*) filter (where w.state = 'embedded'), coalesce(sum(w.chunks), 0),
                 least(b.remaining, coalesce(sum(w.remaining), 0)), coalesce(sum(w.remaining_embedded), 0)
          from (
            select v.state, v.reason, cardinality(v.starts) as chunks,
                   ingest.ingest_share_left(v.state) / count(*) over (partition by v.position) as remaining,
                   ingest.ingest_share_left(case when v.state in ('chunked', 'enriched') then 'embedded' else v.state end)
                     / count(*) over (partition by v.position) as remaining_embedded
            from ingest.ingest_revisions v where v.request_id = b.request_id and v.batch = b.batch) w
          where w.reason is distinct from 'duplicate'),  -- these count with the request
        moved_at = ingest.ingest_now(), step = case when not p_is_through then b.step end,
        finished_at = case when p_is_through then ingest.ingest_now() else b.finished_at end
    where b.request_id = any (p_requests) and b.batch between coalesce(p_batch, -2147483648) and coalesce(p_batch, 2147483647)
    returning b.chunks)
  select sum(c.chunks) into v_chunks from counted c;
  return v_chunks;
end
$$;

comment on function ingest.ingest_count_batches(uuid[], int, boolean) is
  'Counts documents, chunks and what is left to be done of the batches with that number (null: of all) of some requests; returns the '
  'chunks. p_is_through: they are finished.';
