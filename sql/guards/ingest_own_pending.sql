create or replace function ingest.ingest_own_pending(p_role name, out pending bigint, out bytes bigint) returns record
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
-- Volatile: it sees rows of the running statement.
begin
  select count(*), coalesce(sum(ingest.ingest_request_bytes(r)), 0) into pending, bytes
  from ingest.ingest_requests r where r.created_at = now() and r.submitted_by = p_role::text and r.status = 'pending';
end
$$;

comment on function ingest.ingest_own_pending(name) is 'What this transaction has inserted for a submitter, and its bytes (ingest_request_bytes).';
