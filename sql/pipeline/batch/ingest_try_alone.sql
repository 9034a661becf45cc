create or replace function ingest.ingest_try_alone(p_fence ingest.ingest_fence_v1, p_revision bigint, p_step text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_check_owner(p_fence, p_step);
  update ingest.ingest_batches b set alone = p_revision
  where b.request_id = any (p_fence.requests) and b.batch = p_fence.batch;
end
$$;

comment on function ingest.ingest_try_alone(ingest.ingest_fence_v1, bigint, text) is
  'Says which document is tried alone from now on; null: none. If the listener dies, that one is to blame.';
