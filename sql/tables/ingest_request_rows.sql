create or replace function ingest.ingest_request_rows(p_table ingest.ingest_watched_tables, p_all boolean) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The watch names the request first, which distinguishes it from a forged one.
declare
  v_id uuid := gen_random_uuid();
  v_watch ingest.ingest_watch_store;
begin
  update ingest.ingest_watch_store w set request_id = v_id, started_at = ingest.ingest_now() where w.name = p_table.watch returning w.* into v_watch;
  update ingest.ingest_watched_tables t
  set back_fill_id = case when p_all then v_id end, needs_back_fill = t.needs_back_fill and not p_all
  where t.watch = p_table.watch;
  insert into ingest.ingest_requests (id, source, collection, options, metadata)
  values (v_id, ingest.ingest_source_of_watch(v_watch), v_watch.collection, v_watch.options, v_watch.metadata);
  perform ingest.ingest_as_system();
  update ingest.ingest_requests r set submitted_by = v_watch.created_by, created_by = v_watch.created_by, watch = v_watch.name where r.id = v_id;
  return v_id;
end
$$;

comment on function ingest.ingest_request_rows(ingest.ingest_watched_tables, boolean) is
  'Makes the request that reads the changed rows of a watched table, or all of them, in the name of the watch''s maker.';
