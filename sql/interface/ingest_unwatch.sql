create or replace function ingest.ingest_unwatch(name text, delete_documents boolean default false) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_watch ingest.ingest_watch_store := ingest.ingest_lock_watch(ingest_unwatch.name);
  v_source text := ingest.ingest_source_of_watch(v_watch);
  v_page bigint;
  v_last text;
  v_deleted bigint := 0;
begin
  if ingest_unwatch.delete_documents then
    perform ingest.ingest_require('operate'::text, v_watch.collection);
    if exists (select from ingest.ingest_requests r where r.id = v_watch.request_id and r.status in ('pending', 'running')) then
      raise exception 'request % of watch "%" has not ended: it would bring documents back', v_watch.request_id, v_watch.name
        using errcode = 'IG011', constraint = 'wrong_state',
              hint = format('Cancel it first: select ingest_cancel(%L); or run: ingest unwatch NAME --delete-documents', v_watch.request_id);
    end if;
    loop
      select p.deleted, p.last into v_page, v_last from ingest.ingest_delete_origin(v_watch.collection, v_source, 1000, v_last) p;
      v_deleted := v_deleted + v_page;
      exit when v_last is null;
    end loop;
  end if;
  delete from ingest.ingest_watch_store w where w.name = v_watch.name;
  perform pg_notify(ingest.ingest_channel('watches'::text), '');
  return v_deleted;
end
$$;

comment on function ingest.ingest_unwatch(text, boolean) is
  'Ends a watch; a running request of it continues. With delete_documents (for operators), the documents that came from its source and '
  'no other are deleted. Returns how many. IG050 no such watch, IG011 its request has not ended, IG040 not granted.';
