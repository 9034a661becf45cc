create or replace function ingest_try_alone(p_requests uuid[], p_batch int, p_owner uuid, p_revision bigint, p_step text) returns void
language plpgsql set search_path from current
as $$
begin
  perform ingest_check_owner(p_requests, p_batch, p_owner, p_step);
  update ingest_batches b set alone = p_revision where b.request_id = any (p_requests) and b.batch = p_batch;
end
$$;

comment on function ingest_try_alone(uuid[], int, uuid, bigint, text) is
  'Says which document is tried alone from now on; null: none. If the listener dies, that one is to blame.';
