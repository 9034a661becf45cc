create or replace function ingest.ingest_guard_request() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  new := ingest.ingest_complete_request(new);
  if (to_jsonb(new) - '{priority,run_at,metadata,options,dedupe_key,due}'::text[])
     is distinct from (to_jsonb(old) - '{priority,run_at,metadata,options,dedupe_key,due}'::text[])
     or (old.status <> 'pending' and new is distinct from old) then
    raise exception 'an UPDATE of request % changes what belongs to the system', old.id
      using errcode = 'IG005', constraint = 'system_column',
            hint = 'Of a pending request, priority, run_at, metadata, options and dedupe_key may be changed; '
                   'else use ingest_cancel(id) and the other functions.';
  end if;
  if new.priority < old.priority then
    perform ingest.ingest_check_priority(new.priority);
  end if;
  perform ingest.ingest_check_options(new.options);
  perform ingest.ingest_check_metadata(new.metadata);
  perform ingest.ingest_check_lengths(new);
  new.due := new.run_at <= ingest.ingest_now();
  return new;
end
$$;

comment on function ingest.ingest_guard_request() is 'Refuses an application''s UPDATE of the system''s columns.';
