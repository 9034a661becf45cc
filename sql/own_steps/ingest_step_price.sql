create or replace function ingest.ingest_step_price(p_model text) returns numeric
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p.per_million from ingest.ingest_prices p where p.model = p_model order by p.endpoint limit 1;
$$;

comment on function ingest.ingest_step_price(text) is 'What a million tokens of an own step cost, by its model, or its name if it says of none; null: not known.';
