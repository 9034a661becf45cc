create or replace function ingest.ingest_check_request(p_request ingest.ingest_requests) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  -- Distinct from: a null is set, too.
  if (p_request.status, p_request.attempt, p_request.begun, p_request.crashes) is distinct from ('pending', 0, 0, 0)
     or (p_request.due, p_request.limited, p_request.created_at) is distinct from (true, false, now())
     or p_request.error is not null or p_request.executor_id is not null
     or p_request.settings is not null or p_request.started_at is not null or p_request.discovered_at is not null
     or p_request.finished_at is not null or p_request.deadline_at is not null or p_request.read_seq is not null
     or (p_request.watch is null and (p_request.submitted_by, p_request.created_by) is distinct from (ingest.ingest_caller()::text, ingest.ingest_caller()::text))
     or num_nonnulls(p_request.locator, p_request.local_path) > 0
     or p_request.chunks_total is not null or p_request.tokens is not null
     or num_nonnulls(p_request.documents_total, p_request.documents_done, p_request.documents_skipped, p_request.documents_failed,
                     p_request.documents_unchanged, p_request.documents_found, p_request.duplicates, p_request.refused,
                     p_request.percent, p_request.resume_at, p_request.outage, p_request.listing, p_request.documents_deleted, p_request.plan, p_request.generation) > 0
     or (num_nonnulls(p_request.forked_from, p_request.fork_step) > 0 and not ingest.ingest_may_fork(p_request.forked_from)) then
    raise exception 'an INSERT into ingest_requests sets columns that belong to the system'
      using errcode = 'IG005', constraint = 'system_column',
            hint = 'Set only id, source, content, content_bytes, media_type, uri, collection, options, metadata, '
                   'priority, run_at and dedupe_key.';
  end if;
  perform ingest.ingest_check_source(p_request);
  if p_request.source ~* '^table:' and not ingest.ingest_is_watchs(p_request) then
    raise exception 'request % names a table as its source', p_request.id
      using errcode = 'IG008', constraint = 'table_source',
            hint = 'Watch it: select ingest_watch_table(''articles'', columns => ''{title,body}''). A watch first reads all rows.';
  end if;
  perform ingest.ingest_check_options(p_request.options);
  perform ingest.ingest_check_planned(p_request);
  perform ingest.ingest_check_metadata(p_request.metadata);
  perform ingest.ingest_check_lengths(p_request);
end
$$;

comment on function ingest.ingest_check_request(ingest.ingest_requests) is 'Raises what is wrong with a new request, by an IG code.';
