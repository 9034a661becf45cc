create or replace function ingest.ingest_guard_delete() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if old.status in ('pending', 'running') then
    raise exception 'request % is %', old.id, old.status
      using errcode = 'IG007', constraint = 'unfinished_request',
            hint = format('Cancel it first: select ingest_cancel(%L);', old.id);
  end if;
  insert into ingest.ingest_used_ids (id) values (old.id) on conflict do nothing;
  return old;
end
$$;

comment on function ingest.ingest_guard_delete() is 'Refuses to delete an unfinished request; remembers the id of a finished one.';
