create or replace function ingest_save_chunked(
  p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_boundaries jsonb[], p_errors jsonb[]
) returns int
language plpgsql set search_path from current
as $$
declare
  v_owned uuid[];
  v_chunks int;
begin
  v_owned := ingest_check_owner(p_requests, p_batch, p_owner, 'embed');
  update ingest_revisions v
  set state = case when c.error is null then 'chunked' else 'failed' end, error = c.error,
      starts = coalesce(ingest_ints(c.boundaries -> 'starts'), '{}'), ends = coalesce(ingest_ints(c.boundaries -> 'ends'), '{}'),
      headings = c.boundaries -> 'headings'
  from unnest(p_ids, p_boundaries, p_errors) as c (id, boundaries, error)
  where v.id = c.id and v.state = 'loaded' and v.request_id = any (v_owned);
  with counted as (
    update ingest_batches b set chunks = (
      select coalesce(sum(cardinality(v.starts)), 0) from ingest_revisions v
      where v.request_id = b.request_id and v.batch = p_batch and v.starts is not null)
    where b.request_id = any (v_owned) and b.batch = p_batch
    returning b.chunks)
  select sum(counted.chunks) into v_chunks from counted;
  return v_chunks;
end
$$;

comment on function ingest_save_chunked(uuid[], int, uuid, bigint[], jsonb[], jsonb[]) is
  'loaded → chunked or failed; returns the chunks of the batch.';
