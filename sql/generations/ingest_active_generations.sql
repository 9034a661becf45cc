create or replace function ingest.ingest_active_generations(p_collection text) returns int[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(g.generation order by g.generation), '{}') from ingest.ingest_generations g
  where g.collection = p_collection and g.state in ('building', 'live', 'former');
$$;

comment on function ingest.ingest_active_generations(text) is
  'The generations in which each document that is published has to stand: the live one, one that is being made, those that can be gone back to.';
