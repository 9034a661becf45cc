create or replace function ingest.ingest_save_chunked(p_fence ingest.ingest_fence_v1, p_cuts ingest.ingest_cut_v2[]) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owned uuid[];
  v_ids bigint[] := array(select c.revision from unnest(p_cuts) with ordinality as c order by c.ordinality);
begin
  v_owned := ingest.ingest_check_owner(p_fence, case when exists (
    select from ingest.ingest_requests r where r.id = p_fence.requests[1] and ingest.ingest_is_plan(r)) then 'plan'::text else 'embed'::text end);
  update ingest.ingest_revisions v
  set (state, error, starts, ends, headings, leads, failed_at) = (
    select case when (c.one).error is null then 'chunked' else 'failed' end, (c.one).error, coalesce((c.one).starts, '{}'),
           coalesce((c.one).ends, '{}'), (c.one).headings, (c.one).leads, case when (c.one).error is not null then ingest.ingest_now() end
    from (select p_cuts[array_position(v_ids, v.id)] as one offset 0) c)  -- not joined: see ingest_save_loaded
  where v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state = 'loaded' and v.id = any (v_ids);
  return ingest.ingest_count_batches(v_owned, p_fence.batch, false);
end
$$;

comment on function ingest.ingest_save_chunked(ingest.ingest_fence_v1, ingest.ingest_cut_v2[]) is
  'loaded → chunked or failed; returns the chunks of the batch.';
