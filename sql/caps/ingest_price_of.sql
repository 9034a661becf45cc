create or replace function ingest.ingest_price_of(p_settings jsonb, p_executor text) returns numeric
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select p.per_million from ingest.ingest_prices p
     where p.model = p_settings ->> 'model' and p.endpoint in ('', p_settings ->> 'endpoint') order by p.endpoint desc limit 1),
    -- A listener's setting is the price of the model that its settings name.
    (select (l.price ->> 'per_million')::numeric from ingest.ingest_listeners l
     where l.executor_id = p_executor and p_settings @> (l.price - 'per_million')));
$$;

comment on function ingest.ingest_price_of(jsonb, text) is 'What a million tokens cost in the space of a request''s settings, embedded by that listener; null: not known.';
