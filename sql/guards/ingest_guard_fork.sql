create or replace function ingest.ingest_guard_fork() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
-- Runs as whoever inserts: that is the owner in ingest_fork, which has asked for the rights. (The setting is for the owner's own
-- mistakes; it protects from nobody else.)
begin
  if current_setting('ingest.writer', true) is distinct from statement_timestamp()::text or not pg_has_role(current_user, (select c.relowner from pg_class c where c.oid = tg_relid), 'usage') then
    raise exception 'an INSERT into ingest_requests sets columns that belong to the system'
      using errcode = 'IG005', constraint = 'system_column', hint = 'To fork a request: select ingest_fork(id).';
  end if;
  return new;
end
$$;

comment on function ingest.ingest_guard_fork() is 'Refuses a fork that is inserted by hand: it would take over what another request has read.';
