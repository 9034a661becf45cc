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
  select c.indexed and s.dimensions <= 4000 and coalesce(v_request.chunks_total, k.chunks, 0) > c.index_from as is_wanted, p.state, p.why, p.percent into v_index
  from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = p_generation.space_id
  left join ingest.ingest_index_store k on k.collection = c.name and k.generation = c.generation
  left join lateral (
    select i.* from ingest.ingest_plan_indexes() i where i.collection = c.name and i.generation = p_generation.generation offset 0) p
    on coalesce(v_request.chunks_total, k.chunks, 0) > c.index_from
  where c.name = p_generation.collection;
  if v_index.is_wanted and coalesce(v_index.state, '') not in ('valid', 'own', 'exact') then
    return format('index: %s%s', coalesce(v_index.state, 'not begun'), coalesce(', ' || v_index.why, ''));
  end if;
  return null;
end
$$;

comment on function ingest.ingest_switch_waits_for(ingest.ingest_generations, boolean) is
  'Why a generation can''t become live yet, as word: sentence (request, documents, index); null: it can. p_leaves: whatever documents lack.';
