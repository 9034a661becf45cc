create or replace function ingest.ingest_next_generation(p_fence ingest.ingest_fence_v1) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A document goes through chunk and embed once for each active generation. Its row in ingest_revisions is that of the one it
-- is brought into now; those it stands in already are in ingest_cuts. In the end the row is that of its request's generation again.
declare
  v_owned uuid[];
  v_request ingest.ingest_requests;
  v_own int;
  v_next int;
begin
  v_owned := ingest.ingest_check_owner(p_fence, 'embed'::text);
  -- What was cancelled is neither cut nor embedded, so it would be on its way for ever.
  v_owned := array(select r.id from ingest.ingest_requests r where r.id = any (v_owned) and r.status = 'running' order by r.id);
  if cardinality(v_owned) = 0 then
    raise exception 'request % is no longer running', p_fence.requests[1] using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  select r.* into v_request from ingest.ingest_requests r where r.id = v_owned[1];
  v_own := ingest.ingest_generation(v_request);
  if v_request.generation is not null then
    return null;  -- of a document that is live, which stands in the others
  end if;
  perform ingest.ingest_leave_generations(v_owned, p_fence.batch);
  v_next := (
    select min(v.generation) from ingest.ingest_revisions v
    where v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state in ('loaded', 'chunked'));
  if v_next is null then
    v_next := (
      select min(a.generation) from unnest(ingest.ingest_active_generations(v_request.collection)) as a (generation)
      where exists (
        select from ingest.ingest_revisions v
        where v.request_id = any (v_owned) and v.batch = p_fence.batch and v.state = 'embedded' and not ingest.ingest_stands_in(v.id, v.generation, a.generation)));
    perform ingest.ingest_turn_to(v_owned, p_fence.batch, coalesce(v_next, v_own));
    perform ingest.ingest_count_batches(v_owned, p_fence.batch, false);
  end if;
  update ingest.ingest_batches b set generation = nullif(v_next, v_own), chunks_embedded = case when v_next is null then b.chunks_embedded else 0 end
  where b.request_id = any (v_owned) and b.batch = p_fence.batch and (v_next is not null or b.generation is not null);
  return case when v_next is not null then ingest.ingest_batch_settings(v_owned[1], p_fence.batch) end;
end
$$;

comment on function ingest.ingest_next_generation(ingest.ingest_fence_v1) is
  'Has a batch''s embedded documents go through chunk and embed again, for the next generation that they have to stand in; returns its settings, null: they stand in all.';
