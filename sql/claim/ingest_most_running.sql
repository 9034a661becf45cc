create or replace function ingest.ingest_most_running(p_submitter text) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select l.max_running from (
    select l.max_running from ingest.ingest_limits l where l.role in (p_submitter::name, '') order by l.role desc limit 1) l
  where l.max_running is not null and not ingest.ingest_is_owners(p_submitter);
$$;

comment on function ingest.ingest_most_running(text) is 'Most requests of a submitter that run at a time; null: no limit.';
