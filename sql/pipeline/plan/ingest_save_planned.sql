create or replace function ingest.ingest_save_planned(p_fence ingest.ingest_fence_v1, p_revisions bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owned uuid[];
begin
  v_owned := ingest.ingest_check_owner(p_fence, 'plan'::text);
  update ingest.ingest_revisions v
  set state = 'skipped', reason = 'planned', text = null, headings = null, leads = null, pages = null
  where v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state = 'chunked' and v.id = any (p_revisions);
  perform ingest.ingest_count_batches(v_owned, p_fence.batch, not exists (
    select from ingest.ingest_revisions v
    where v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state in ('discovered', 'loaded', 'chunked')));
end
$$;

comment on function ingest.ingest_save_planned(ingest.ingest_fence_v1, bigint[]) is
  'chunked → skipped (planned), without their texts: what they would take is noted. Ends the batch when all of its documents are through.';
