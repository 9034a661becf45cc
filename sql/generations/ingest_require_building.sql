create or replace function ingest.ingest_require_building(p_request ingest.ingest_requests) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
       select from ingest.ingest_generations g
       where g.collection = p_request.collection and g.generation = p_request.generation and g.state in ('planned', 'building')) then
    raise exception 'generation % of collection "%" is not being made any more', p_request.generation, p_request.collection
      using errcode = 'IG045', constraint = 'generation_gone', hint = 'It was dropped, or is live. Order another one: select ingest_reembed(collection, …).';
  end if;
end
$$;

comment on function ingest.ingest_require_building(ingest.ingest_requests) is 'Raises IG045 unless the generation that a request makes is still to be made.';
