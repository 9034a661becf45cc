create or replace function ingest.ingest_delete_absent(p_request uuid, p_executor text, p_attempt int, p_uris text[], p_seq bigint) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: documents by (collection, uri), then the request; like ingest_make_documents, it never waits for one while it holds
-- others. A document that a later reading brought stays.
declare
  v_collection text := (select r.collection from ingest.ingest_requests r where r.id = p_request and not ingest.ingest_is_plan(r));
  v_pause float8 := 0.002;
  v_until timestamptz := ingest.ingest_now() + interval '0.4 seconds';
  v_deleted int;
begin
  loop
    begin
      perform from ingest.ingest_documents d where d.collection = v_collection and d.uri = any (p_uris) order by d.uri for update nowait;
      exit;
    exception when lock_not_available then
      if ingest.ingest_now() > v_until then
        raise;
      end if;
    end;
    perform pg_sleep(v_pause * (0.5 + random()));
    v_pause := least(v_pause * 2, 0.2);
  end loop;
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  delete from ingest.ingest_documents d where d.collection = v_collection and d.uri = any (p_uris) and d.live_seq < p_seq;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;

comment on function ingest.ingest_delete_absent(uuid, text, int, text[], bigint) is
  'Deletes documents that their source no longer has, unless a later reading than p_seq brought them; returns how many. IG021 if another '
  'execution discovers, 55P03 (try again later) if one stays locked.';
