create or replace function ingest_prepare_request() returns trigger
language plpgsql set search_path from current
as $$
begin
  if new.status <> 'pending' or new.error is not null or new.attempt <> 0 or new.executor_id is not null
     or new.settings is not null or new.started_at is not null or new.discovered_at is not null
     or new.finished_at is not null or new.deadline_at is not null or new.read_seq is not null
     or new.created_by <> current_user or new.created_at <> now() or new.local_path is not null or not new.due
     or new.limited or new.chunks_total is not null or new.tokens is not null or new.begun <> 0 or new.crashes <> 0
     or num_nonnulls(new.documents_total, new.documents_done, new.documents_skipped, new.documents_failed) > 0
     or (num_nonnulls(new.forked_from, new.fork_step) > 0 and current_setting('ingest.writer', true) is distinct from statement_timestamp()::text) then
    raise exception 'an INSERT into ingest_requests sets columns that belong to the system'
      using errcode = 'IG005', constraint = 'system_column',
            hint = 'Set only id, source, content, content_bytes, media_type, uri, collection, options, metadata, '
                   'priority, run_at and dedupe_key.';
  end if;
  perform ingest_check_source(new);
  perform ingest_check_options(new.options);
  if exists (select from ingest_used_ids u where u.id = new.id) then
    raise exception 'request % ran before and was deleted', new.id
      using errcode = 'IG006', constraint = 'id_used_before', hint = 'Let the database make the id, or take a new one.';
  end if;
  select c.limited into new.limited from ingest_collections c where c.name = new.collection;
  -- A new collection is made by the claim: here, inserters of open transactions would wait for each other.
  new.limited := coalesce(new.limited, false);
  new.due := new.run_at <= now();
  new.local_path := ingest_local_path(new.source);
  if new.source is null then
    new.read_seq := nextval('ingest_read_seq');
  end if;
  return new;
end
$$;

comment on function ingest_prepare_request() is 'Refuses what SQL can see to be wrong in a new request; fills in the system''s columns.';
