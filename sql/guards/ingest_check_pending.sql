create or replace function ingest.ingest_check_pending(p_role name, p_most int, p_most_bytes bigint, p_bytes bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Where ingest_check_limits can't tell at a glance. What others have committed is counted now and then, ingest_count_lasts says
-- how long that holds; what this transaction has inserted is counted here.
declare
  v_count ingest.ingest_pending_counts;
  v_own record;
  v_is_new boolean := false;
begin
  select k.* into v_count from ingest.ingest_pending_counts k where k.role = p_role order by k.counted_at desc limit 1;
  -- One counts, others continue with what they have; not for long, since that one may stay open. (And anybody can hold this lock.)
  if v_count.until is null or v_count.until = v_count.counted_at
     or v_count.most is distinct from p_most or v_count.most_bytes is distinct from p_most_bytes
     or ingest.ingest_now() > v_count.until
        and (pg_try_advisory_xact_lock(ingest.ingest_lock_key('pending:' || p_role))
             or ingest.ingest_now() > v_count.until + (v_count.until - v_count.counted_at)) then
    v_count := ingest.ingest_count_pending(p_role, p_most, p_most_bytes);
    v_is_new := true;
  end if;
  v_own := ingest.ingest_own_pending(p_role);
  -- Transactions don't see each other's rows: one of more than a hundredth of the limit at a time.
  if (v_own.pending >= greatest(1, p_most / 100) or v_own.bytes > p_most_bytes / 100) and ingest.ingest_lock_bulk(p_role) then
    v_count := ingest.ingest_count_pending(p_role, p_most, p_most_bytes);
    v_is_new := true;
  end if;
  if not v_is_new and (v_count.pending + v_own.pending >= p_most or v_count.bytes + v_own.bytes + p_bytes > p_most_bytes) then
    v_count := ingest.ingest_count_pending(p_role, p_most, p_most_bytes);
  end if;
  if v_count.pending + v_own.pending >= p_most then
    raise exception '% requests of role "%" are pending, and at most % may be', v_count.pending + v_own.pending, p_role, p_most
      using errcode = 'IG043', constraint = 'too_many_pending',
            hint = 'Wait until some have run, or submit a folder, or records, as one request. The owner can raise the limit: '
                   'select ingest_limit(role, ''{"max_pending": n}'').';
  elsif v_count.bytes + v_own.bytes + p_bytes > p_most_bytes then
    raise exception 'pending requests of role "%" would have % bytes, and at most % are allowed', p_role,
                    v_count.bytes + v_own.bytes + p_bytes, p_most_bytes
      using errcode = 'IG043', constraint = 'too_many_pending_bytes',
            hint = 'Wait until some requests have run, or submit sources. The owner can raise the limit: '
                   'select ingest_limit(role, ''{"max_pending_bytes": n}'').';
  end if;
end
$$;

comment on function ingest.ingest_check_pending(name, int, bigint, bigint) is
  'Raises IG043 where a submitter has as many requests, or as many bytes in them, waiting as it may.';
