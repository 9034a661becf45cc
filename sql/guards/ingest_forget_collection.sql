create or replace function ingest.ingest_forget_collection() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_view text := format('%I.%I', '{schema}', 'ingest_chunks_' || old.name);
begin
  if exists (select from ingest.ingest_requests r where r.collection = old.name and r.status in ('pending', 'running')) then
    raise exception 'collection "%" has unfinished requests', old.name
      using errcode = 'IG007', constraint = 'unfinished_request',
            hint = format('Cancel them first: select ingest_cancel(id) from ingest_requests '
                          'where collection = %L and status in (''pending'', ''running'');', old.name);
  end if;
  delete from ingest.ingest_documents d where d.collection = old.name;
  if obj_description(to_regclass(v_view), 'pg_class') like 'Live chunks of collection %' then
    execute format('drop view %s', v_view);
  end if;
  return old;
end
$$;

comment on function ingest.ingest_forget_collection() is 'Takes documents along when a collection is deleted.';
