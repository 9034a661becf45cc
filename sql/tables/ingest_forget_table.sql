create or replace function ingest.ingest_forget_table() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from ingest.ingest_changed_keys k where k.watch = old.number;
  perform ingest.ingest_drop_changed(old.number);
  return null;
end
$$;

comment on function ingest.ingest_forget_table() is 'Takes a table''s triggers away when its watch goes.';
