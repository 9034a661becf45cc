create or replace function ingest.ingest_list_outages() returns table (
  service text, tenant text, since timestamptz, code text, message text, next_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_require('operate'::text, ''::text);
  return query
    select c.service, c.tenant, c.opened_at, c.error ->> 'code', c.error ->> 'message', c.probe_at
    from ingest.ingest_circuits c where c.opened_at is not null order by c.opened_at, c.service, c.tenant limit 200;
end
$$;

comment on function ingest.ingest_list_outages() is
  'Services that are away: since when, how they failed last, when they are asked next. For operators of all collections; raises IG040 for others.';
