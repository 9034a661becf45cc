create or replace function ingest.ingest_count_pending(p_role name, p_most int, p_most_bytes bigint) returns ingest.ingest_pending_counts
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_count ingest.ingest_pending_counts;
begin
  v_count.role := p_role;
  v_count.counted_at := ingest.ingest_now();
  select count(*), coalesce(sum(waiting.bytes), 0) into v_count.pending, v_count.bytes from (
    select ingest.ingest_request_bytes(r) as bytes from ingest.ingest_requests r
    where r.status = 'pending' and r.submitted_by = p_role::text and r.created_at <> now()
    limit p_most) waiting;
  v_count.took := ingest.ingest_now() - v_count.counted_at;
  v_count.until := v_count.counted_at + ingest.ingest_count_lasts(v_count, p_most, p_most_bytes);
  v_count.most := p_most;
  v_count.most_bytes := p_most_bytes;
  if v_count.until > v_count.counted_at or exists (
       -- Otherwise an old one would remain good enough.
       select from ingest.ingest_pending_counts k where k.role = p_role and k.until > v_count.counted_at) then
    insert into ingest.ingest_pending_counts values (v_count.*);
  end if;
  return v_count;
end
$$;

comment on function ingest.ingest_count_pending(name, int, bigint) is
  'Counts what waits of a submitter, up to a limit, without what this transaction has inserted; keeps a count that lasts, for others.';
