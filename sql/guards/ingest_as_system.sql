create or replace function ingest.ingest_as_system() returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  -- Tied to the statement, so it ends by itself. (A function's own SET clause would do, but takes a superuser to install.)
  select set_config('ingest.writer', statement_timestamp()::text, true);
$$;

comment on function ingest.ingest_as_system() is 'Lets the rest of this statement write the columns of ingest_requests that belong to the system.';
