create or replace function ingest.ingest_outage_message(p_error jsonb, p_next timestamptz) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format('service: %s', p_error ->> 'message') || coalesce(' (' || (p_error ->> 'service') || ')', '')
         || case when p_next > ingest.ingest_now() then format('; next attempt at %s', date_trunc('second', p_next)) else '' end;
$$;

comment on function ingest.ingest_outage_message(jsonb, timestamptz) is 'What waiting_for says of a service that fails: how, which it is, when it is called again.';
