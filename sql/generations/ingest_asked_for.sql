create or replace function ingest.ingest_asked_for(p_fence ingest.ingest_fence_v1) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case
    when r.status <> 'running' or b.owner is distinct from p_fence.owner then 'gone'
    when b.generation is null then 'own'
    when b.generation <> all (ingest.ingest_active_generations(r.collection)) then 'left'
    when exists (select from ingest.ingest_generations g join ingest.ingest_requests m on m.id = g.request_id
                 where g.collection = r.collection and g.generation = b.generation and g.state = 'building' and m.status in ('pending', 'running')) then 'made'
    else 'kept' end
  from ingest.ingest_requests r left join ingest.ingest_batches b on b.request_id = r.id and b.batch = p_fence.batch
  where r.id = any (p_fence.requests)
  order by (r.status = 'running' and b.owner = p_fence.owner) is true desc limit 1;  -- one of a shared batch may be cancelled
$$;

comment on function ingest.ingest_asked_for(ingest.ingest_fence_v1) is
  'Which generation a batch is brought into: that of its own request; one that its own request still makes (made); another one that is kept up (kept); one that stopped or was dropped, which nobody asks for (left). gone: the batch goes on in this execution for none of its requests.';
