create or replace function ingest.ingest_weight_of(p_collection text) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select c.weight from ingest.ingest_collections c where c.name = p_collection), 1);
$$;

comment on function ingest.ingest_weight_of(text) is 'How many turns a collection gets where another one of the same submitter gets one.';
