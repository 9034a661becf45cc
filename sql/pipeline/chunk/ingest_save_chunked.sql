create or replace function ingest_save_chunked(
  p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_starts text[], p_ends text[],
  p_headings jsonb[], p_errors jsonb[]
) returns int
language plpgsql set search_path from current
as $$
declare
  v_owned uuid[];
  v_chunks int;
begin
  v_owned := ingest_check_owner(p_requests, p_batch, p_owner, 'embed');
  update ingest_revisions v
  set (state, error, starts, ends, headings) = (
    select case when p_errors[i] is null then 'chunked' else 'failed' end, p_errors[i],
           coalesce(p_starts[i]::int[], '{}'), coalesce(p_ends[i]::int[], '{}'), p_headings[i]
    from array_position(p_ids, v.id) as i)  -- not joined: see ingest_save_loaded
  where v.request_id = any (v_owned) and v.batch = p_batch and v.state = 'loaded' and v.id = any (p_ids);
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

comment on function ingest_save_chunked(uuid[], int, uuid, bigint[], text[], text[], jsonb[], jsonb[]) is
  'loaded → chunked or failed; returns the chunks of the batch.';
