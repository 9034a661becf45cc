create or replace function ingest.ingest_fire(p_watch ingest.ingest_watch_store) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The caller has locked the watch's row. It is written first: the request's check looks there whether a watch makes it.
declare
  v_id uuid := gen_random_uuid();
  v_now timestamptz := ingest.ingest_now();
begin
  update ingest.ingest_watch_store w
  set request_id = v_id, started_at = v_now, changed_at = null, next_at = ingest.ingest_next_look(w, v_now)
  where w.name = p_watch.name;
  insert into ingest.ingest_requests (id, source, collection, options, metadata, priority, watch, submitted_by, created_by)
  select v_id, p_watch.source, p_watch.collection, '{"mirror": true}' || p_watch.options, p_watch.metadata,
         greatest(0, (select l.min_priority from ingest.ingest_limits l
                      where l.role in (p_watch.created_by::name, '') order by l.role desc limit 1)),
         p_watch.name, p_watch.created_by, p_watch.created_by;
  return v_id;
end
$$;

comment on function ingest.ingest_fire(ingest.ingest_watch_store) is
  'Inserts a request of a watch, with the rights and limits of its maker, and returns its id; raises what the INSERT does.';
