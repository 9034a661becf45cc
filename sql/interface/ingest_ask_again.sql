create or replace function ingest.ingest_ask_again(service text default null) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Who asks just now goes on, and only then is the service asked again: there is one prober, as always.
#variable_conflict use_column
declare
  v_services int;
begin
  perform ingest.ingest_require('operate'::text, ''::text);
  update ingest.ingest_circuits c set probe_at = ingest.ingest_now()
  where c.opened_at is not null and (ingest_ask_again.service is null or c.service = ingest_ask_again.service);
  get diagnostics v_services = row_count;
  return v_services;
end
$$;

comment on function ingest.ingest_ask_again(text) is
  'Has services that are away asked now, whatever they wished for (Retry-After) and however long they have been away; service: only this one, as '
  'ingest_list_outages calls it, for all tenants. Returns how many. For operators of all collections; raises IG040 for others.';
