create or replace function ingest.ingest_seal_table_watch(p_watch text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_number int;
begin
  select t.number into v_number from ingest.ingest_watched_tables t join ingest.ingest_watch_store w on w.name = t.watch
  where t.watch = p_watch and w.created_by = ingest.ingest_caller()::text;
  if ingest.ingest_caller() <> current_user then
    execute format('revoke execute on function ingest.ingest_changed_%s() from %I', v_number, ingest.ingest_caller());
  end if;
  perform pg_notify(ingest.ingest_channel('watches'::text), '');
end
$$;

comment on function ingest.ingest_seal_table_watch(text) is 'Takes the right to make triggers with a watch''s function from its maker, who has made them; and rings.';
