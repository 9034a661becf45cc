create or replace function ingest.ingest_wanted_condition(p_wanted ingest.ingest_wanted_v1) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select concat(
    case when p_wanted.principals is not null then ' and (d.principals is null or d.principals && ($1).principals)' end,
    case when p_wanted.under is not null then ' and starts_with(d.uri, ($1).under)' end,
    case when p_wanted.since is not null then ' and coalesce(d.modified_at, d.updated_at) >= ($1).since' end,
    case when p_wanted.filter <> '{}' then ' and ' || ingest.ingest_filter_condition(p_wanted.filter) end);
$$;

comment on function ingest.ingest_wanted_condition(ingest.ingest_wanted_v1) is
  'Which documents d and chunks c are wanted, as SQL that follows other conditions; $1 is what is wanted.';
