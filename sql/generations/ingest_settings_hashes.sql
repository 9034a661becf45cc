create or replace function ingest.ingest_settings_hashes(p_request ingest.ingest_requests) returns bytea[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- A live document stands in the live generation, whichever it was published in. So its digest may be that of another one's settings,
  -- unless the live one's were changed since it was made: then documents are to be cut anew.
  select array[ingest.ingest_settings_hash(p_request)] || coalesce((
    select array_agg(sha256(convert_to(
      ((p_request.settings || ingest.ingest_generation_settings(g.collection, g.generation)) - 'generation'
       || jsonb_build_object('metadata', p_request.metadata))::text, 'UTF8')))
    from ingest.ingest_generations g
    join ingest.ingest_collections c on c.name = g.collection
    join ingest.ingest_generations l on l.collection = g.collection and l.generation = c.generation
    where g.collection = p_request.collection and g.generation <> c.generation and g.state <> 'planned'
      and p_request.settings @> (l.settings - 'query_prefix') and (p_request.settings ->> 'space_id')::int = l.space_id), '{}');
$$;

comment on function ingest.ingest_settings_hashes(ingest.ingest_requests) is
  'ingest_settings_hash of a request, and what it would be in the other generations that its collection has or had.';
