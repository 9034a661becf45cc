create or replace function ingest.ingest_purge_replaced(p_retention interval, p_limit int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_purged int;
  v_of_generations int;
begin
  v_of_generations := ingest.ingest_purge_generations(p_retention, p_limit);
  delete from ingest.ingest_listeners l where l.dead_at < ingest.ingest_now() - interval '1 day';
  delete from ingest.ingest_pending_counts k where k.counted_at < ingest.ingest_now() - interval '10 minutes';
  delete from ingest.ingest_new_collections n
  where n.named_at < ingest.ingest_now() - interval '1 day' and not exists (
    select from ingest.ingest_requests r
    where r.status = 'pending' and r.submitted_by = n.role::text and r.collection = n.collection);
  perform ingest.ingest_sum_usage(5000);
  perform ingest.ingest_thin_history();
  delete from ingest.ingest_reservations v where v.at < ingest.ingest_now() - interval '1 hour' and not ingest.ingest_is_open(v);
  delete from ingest.ingest_seen s using ingest.ingest_requests r
  where r.id = s.request_id and r.finished_at < ingest.ingest_now() - p_retention;
  -- Nobody can reach these any more: a listener would have asked.
  delete from ingest.ingest_circuits c where c.probe_at < ingest.ingest_now() - interval '1 day' and not ingest.ingest_is_probed(c);
  with old as (
    select v.id from ingest.ingest_revisions v
    where v.replaced_at < (select ingest.ingest_now()) - p_retention
      and not exists (select from ingest.ingest_documents d where d.revision_id = v.id)
      and not exists (select from ingest.ingest_requests f where f.forked_from = v.request_id and f.status in ('pending', 'running')
                      and f.discovered_at is null)
    order by v.replaced_at limit p_limit for update skip locked
  ), gone as (
    delete from ingest.ingest_chunk_store c using old where c.revision_id = old.id
  ), uncut as (
    delete from ingest.ingest_cuts k using old where k.revision_id = old.id
  ), unscored as (
    delete from ingest.ingest_rerank_scores s using old where s.revision_id = old.id
  ), unmade as (
    delete from ingest.ingest_step_results s using old where s.revision_id = old.id
  )
  update ingest.ingest_revisions v set text = null, replaced_at = null
  from old where v.id = old.id;
  get diagnostics v_purged = row_count;
  perform ingest.ingest_switch_due(null::uuid);  -- last: it locks typed views until this transaction ends
  return v_purged + v_of_generations;
end
$$;

comment on function ingest.ingest_purge_replaced(interval, int) is
  'Deletes chunks (and re-rankers'' scores of them) and texts of revisions that were replaced longer ago than that; returns how many. The manifest stays. Listeners that died a day ago go, too, and '
  'old counts of what waits, and circuits of services that nobody asks for; usage is summed up; charts'' history is thinned out; what old requests had found unchanged is forgotten. Complete generations become live, former ones are purged.';
