create or replace function ingest.ingest_progress_of(
  p_request ingest.ingest_requests, out total int, out done int, out skipped int, out failed int, out percent numeric, out rate numeric,
  out eta interval
) returns record
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- For an unfinished one. As the caller: it may see no more of batches than that. Batches that a former release began have no
-- counts before their next step. The speed is that of the last minute: of what each batch moved, the share of its time in it.
declare
  v_now timestamptz := ingest.ingest_now();
  v_since timestamptz := v_now - interval '1 minute';
  v_found int := coalesce(p_request.documents_found, p_request.documents_total);
  v_remaining float8; v_moved float8; v_first timestamptz; v_waits boolean;
begin
  if p_request.discovered_at is null then
    total := (select (q.plan ->> 'found')::int from ingest.ingest_requests q where q.id = (p_request.options ->> 'planned')::uuid);
    return;
  end if;
  select coalesce(sum(b.documents), 0), coalesce(sum(coalesce(b.done, case when b.finished_at is null then 0 else b.documents end)), 0),
         coalesce(sum(b.skipped), 0), coalesce(sum(b.failed), 0),
         coalesce(sum(coalesce(b.remaining, case when b.finished_at is null then b.documents else 0 end)), 0),
         bool_and(b.last_error is not null or b.resume_at is not null) filter (where b.finished_at is null and b.owner is not null)
  into total, done, skipped, failed, v_remaining, v_waits
  from ingest.ingest_batches b where b.request_id = p_request.id;
  total := total + coalesce(p_request.duplicates + p_request.refused, 0) + coalesce(p_request.documents_unchanged, 0);
  skipped := skipped + coalesce(p_request.duplicates, 0) + coalesce(p_request.documents_unchanged, 0);
  failed := failed + coalesce(p_request.refused, 0);
  -- Rounded before it is cut: the order in which batches are added up must make no difference.
  percent := case when v_remaining = 0 then 100
                  else trunc(round((100 * greatest(0, 1 - v_remaining / nullif(v_found, 0)))::numeric, 9), 3) end;
  if p_request.status = 'running' and v_waits is not true and v_remaining > 0 then
    select sum((b.begun_remaining - b.remaining) * coalesce(
             extract(epoch from b.moved_at - greatest(b.begun_at, v_since)) / nullif(extract(epoch from b.moved_at - b.begun_at), 0), 1)),
           greatest(min(b.begun_at), v_since)
    into v_moved, v_first
    from ingest.ingest_batches b where b.request_id = p_request.id and b.moved_at > v_since and b.begun_at <= b.moved_at;
    rate := nullif(round((v_moved / nullif(extract(epoch from v_now - v_first), 0))::numeric, 2), 0);
    if v_moved > v_remaining * 1e-9 then  -- else it is no time that an interval could hold
      eta := make_interval(secs => v_remaining * extract(epoch from v_now - v_first)::float8 / v_moved);
    end if;
  end if;
end
$$;

comment on function ingest.ingest_progress_of(ingest.ingest_requests) is
  'How far an unfinished request is: documents by outcome, percent, documents per second, time to go. Nulls until discovery is complete, but for the total if it was planned.';
