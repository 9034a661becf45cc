create or replace function ingest.ingest_list_indexes()
returns table (collection text, generation int, dimensions int, chunks bigint, state text, percent numeric, why text, index_name text, bytes bigint,
               built_at timestamptz, took interval, last_error text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p.collection, p.generation, p.dimensions, p.chunks, p.state, p.percent, coalesce(p.refused, p.why), p.name, p.bytes, p.built_at, p.took, p.last_error
  from ingest.ingest_plan_indexes() p
  -- Asked once, not for each row.
  where (select ingest.ingest_may('operate'::text, ''::text)) or (select ingest.ingest_may('listen'::text, ''::text))
        or p.collection = any ((select ingest.ingest_collections_for('operate'::text))::text[]);
$$;

comment on function ingest.ingest_list_indexes() is 'ANN indexes of the collections that the caller operates, and their state; listeners see all.';
