create or replace function ingest.ingest_open_circuits()
returns table (service text, tenant text, opened boolean, error jsonb, age float8, next_in float8, due boolean,
               embedder text, endpoint text, model text, dimensions int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := ingest.ingest_now();
begin
  return query
    select c.service, c.tenant, c.opened_at is not null, c.error, extract(epoch from v_now - coalesce(c.opened_at, v_now))::float8,
           greatest(0, extract(epoch from c.probe_at - v_now))::float8,
           ingest.ingest_is_to_be_probed(c), s.embedder, s.endpoint, s.model, s.dimensions
    from ingest.ingest_circuits c
    left join lateral (
      select s.* from ingest.ingest_spaces s where ingest.ingest_service(s) = c.service order by s.id limit 1) s on true;
end
$$;

comment on function ingest.ingest_open_circuits() is
  'The services that are away or suspected to be: for how long, in how many seconds each is asked again, whether that is due and nobody asks, '
  'and a space that it embeds into.';
