create or replace function ingest.ingest_save_embedded(p_fence ingest.ingest_fence_v1, p_outcomes ingest.ingest_outcome_v2[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owned uuid[];
  v_ids bigint[] := array(select o.revision from unnest(p_outcomes) with ordinality as o order by o.ordinality);
begin
  -- Some documents of a batch are through before others.
  v_owned := ingest.ingest_check_owner(p_fence, case when exists (
    select from ingest.ingest_revisions v
    where v.request_id = any (p_fence.requests) and v.batch = p_fence.batch and v.state = 'chunked' and v.id <> all (v_ids))
    then 'embed'::text else 'save'::text end);
  update ingest.ingest_batches b set waiting_since = null
  where b.request_id = any (v_owned) and b.batch = p_fence.batch and b.waiting_since is not null;
  update ingest.ingest_revisions v
  set (state, error, embed_seconds, failed_at) = (
    select case when (o.one).error is null then 'embedded' else 'failed' end, (o.one).error, (o.one).seconds,
           case when (o.one).error is not null then ingest.ingest_now() end
    from (select p_outcomes[array_position(v_ids, v.id)] as one offset 0) o)  -- not joined: see ingest_save_loaded
  where v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state = 'chunked' and v.id = any (v_ids);
  if cardinality(p_fence.requests) = 1 then  -- as in ingest_save_loaded
    perform ingest.ingest_count_batches(v_owned, p_fence.batch, false);
  end if;
end
$$;

comment on function ingest.ingest_save_embedded(ingest.ingest_fence_v1, ingest.ingest_outcome_v2[]) is
  'chunked → embedded or failed; all chunks are written.';
