create or replace function ingest.ingest_next_reading() returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select nextval('ingest.ingest_read_seq');
$$;

comment on function ingest.ingest_next_reading() is
  'A number of reading: what is looked at from now on is newer than what others have read so far.';
