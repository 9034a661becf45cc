create or replace function ingest.ingest_weight(p_submitter text) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select l.weight from ingest.ingest_limits l where l.role = p_submitter::name and l.role <> ''), 1);
$$;

comment on function ingest.ingest_weight(text) is 'How many turns a submitter gets where another one gets one.';
