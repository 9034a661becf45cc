create or replace function ingest.ingest_leave_generations(p_requests uuid[], p_batch int) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A generation may stop or be dropped while documents are brought into it, or purged before a request of its time goes on.
declare
  v_request record;
  v_active int[];
  v_own int;
begin
  select r.collection, r.generation, ingest.ingest_generation(r) as own into v_request from ingest.ingest_requests r where r.id = p_requests[1];
  if v_request.generation is not null then
    perform ingest.ingest_skip_replaced(p_requests[1], p_batch);
    return;
  end if;
  v_active := ingest.ingest_active_generations(v_request.collection);
  v_own := v_request.own;
  if v_active = array[v_own] and not exists (
       select from ingest.ingest_batches b where b.request_id = any (p_requests) and b.batch = p_batch and b.generation is not null) then
    return;
  end if;
  if v_own <> all (v_active) then
    v_own := (select c.generation from ingest.ingest_collections c where c.name = v_request.collection);
  end if;
  -- On their way into one that is gone: those that stand in another are through, the others begin in one that is there.
  with left_ones as materialized (
    select v.id, k.*
    from ingest.ingest_revisions v
    left join lateral (
      select c.* from ingest.ingest_cuts c where c.revision_id = v.id and c.generation = any (v_active) order by c.generation <> v_own, c.generation limit 1) k on true
    where v.request_id = any (p_requests) and v.batch = p_batch and v.state in ('discovered', 'loaded', 'chunked', 'embedded')
      and (v.generation <> all (v_active) or v.state = 'discovered' and v.generation <> v_own)
  ), taken as (
    delete from ingest.ingest_cuts c using left_ones l where c.revision_id = l.id and c.generation = l.generation
  )
  update ingest.ingest_revisions v
  set generation = coalesce(l.generation, v_own), starts = l.starts, ends = l.ends, headings = l.headings, leads = l.leads,
      state = case when l.revision_id is not null then 'embedded' when v.state = 'discovered' then 'discovered' else 'loaded' end
  from left_ones l where v.id = l.id;
  update ingest.ingest_batches b
  set generation = nullif((
    select coalesce(min(v.generation) filter (where v.state in ('loaded', 'chunked')), v_own) from ingest.ingest_revisions v
    where v.request_id = b.request_id and v.batch = b.batch), v_request.own)
  where b.request_id = any (p_requests) and b.batch = p_batch;
end
$$;

comment on function ingest.ingest_leave_generations(uuid[], int) is
  'Has documents of a batch leave generations that stopped or are dropped or purged, and says which one the batch goes on with; of one that makes a generation, those that were replaced.';
