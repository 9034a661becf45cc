create or replace function ingest.ingest_switch_waits_for(p_generation ingest.ingest_generations, p_leaves boolean) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request ingest.ingest_requests := (select r from ingest.ingest_requests r where r.id = p_generation.request_id);
  v_goes_on text := case when v_request.id is null then 'ingest_drop_generation'  -- it may be purged by now
                         when v_request.status = 'cancelled' or v_request.error ->> 'code' = 'crash_limit' then 'ingest_resume' else 'ingest_retry' end;
  v_left bigint;
  v_index record;
begin
  if v_request.status in ('pending', 'running') then
    return format('request: %s is %s', v_request.id, v_request.status);
  end if;
  if p_generation.state = 'stopped' then
    return format('request: it ended as %s; select %s(%L)', coalesce(v_request.status, 'purged'), v_goes_on, coalesce(v_request.id::text, p_generation.collection));
  end if;
  v_left := case when p_leaves then 0 else ingest.ingest_left_standing(p_generation) end;
  if v_left > 0 then
    return format('documents: %s do not stand in it; select %s(%L)', v_left, v_goes_on, coalesce(v_request.id::text, p_generation.collection));
  end if;
  if ingest.ingest_wants_index(p_generation, v_request.chunks_total) then
    select i.state, i.why into v_index from ingest.ingest_plan_indexes() i
    where i.collection = p_generation.collection and i.generation = p_generation.generation;
    if coalesce(v_index.state, '') not in ('valid', 'own', 'exact') then
      return format('index: %s%s', coalesce(v_index.state, 'not begun'), coalesce(', ' || v_index.why, ''));
    end if;
  end if;
  return null;
end
$$;

comment on function ingest.ingest_switch_waits_for(ingest.ingest_generations, boolean) is
  'Why a generation can''t become live yet, as word: sentence (request, documents, index); null: it can. p_leaves: whatever documents lack.';
