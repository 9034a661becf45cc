create or replace function ingest.ingest_note_headway(
  p_fence ingest.ingest_fence_v1, p_step text, p_revisions bigint[], p_shares float8[]
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As ingest_count_batches counts, less what is done of the steps under way. It never grows: when a document reaches the next
-- state, remaining is at most there already.
declare
  v_owned uuid[] := ingest.ingest_check_owner(p_fence, p_step);
begin
  update ingest.ingest_batches b
  set remaining = least(b.remaining, (
        select coalesce(sum((ingest.ingest_share_left(w.state) - w.share
                             * (ingest.ingest_share_left(w.state) - ingest.ingest_share_left(case p_step when 'load' then 'loaded' else 'chunked' end)))
                            / w.together), 0)
        from (
          select v.state, v.reason, count(*) over (partition by v.position) as together,
                 case when v.state = any (case p_step when 'load' then '{discovered}'::text[] else '{loaded,refined}'::text[] end)
                      then coalesce(least(1, greatest(0, p_shares[array_position(p_revisions, v.id)])), 0) else 0 end as share
          from ingest.ingest_revisions v where v.request_id = b.request_id and v.batch = b.batch) w
        where w.reason is distinct from 'duplicate')),
      moved_at = ingest.ingest_now()
  where b.request_id = any (v_owned) and b.batch = p_fence.batch;
end
$$;

comment on function ingest.ingest_note_headway(ingest.ingest_fence_v1, text, bigint[], float8[]) is
  'Moves percent while a step (load or chunk) has documents in its workers: p_shares, from 0 to 1, says how far it is with each of p_revisions.';
