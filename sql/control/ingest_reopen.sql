create or replace function ingest.ingest_reopen(p_request uuid, p_verb text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A claim takes it from here, and brings its workflow to life. Owners are struck out: an execution of before, which may
-- not know yet that it was stopped, changes nothing from now on.
begin
  update ingest.ingest_batches b
  set owner = null, executor_id = null, step = null, crashes = 0, alone = null, mark = null, last_error = null,
      next_attempt_at = null, waiting_since = null, waits_for = null, resume_at = null, finished_at = null, remaining = null, begun_at = null
  where b.request_id = p_request and exists (
    select from ingest.ingest_revisions v
    where v.request_id = p_request and v.batch = b.batch and v.state in ('discovered', 'loaded', 'chunked', 'embedded'));
  perform ingest.ingest_count_batches(array[p_request], null::int, false);
  perform ingest.ingest_count_stored(p_request);
  perform ingest.ingest_count_manifest(p_request);
  update ingest.ingest_requests r
  set status = 'pending', error = null, percent = null, started_at = null, finished_at = null, executor_id = null, deadline_at = null,
      crashes = 0, due = true,
      -- What a cancel before a claim leaves as it is must be true; what failed is under way again.
      (documents_done, documents_skipped, documents_failed) = (
        select count(*) filter (where v.state = 'published'), count(*) filter (where v.state = 'skipped') + coalesce(r.documents_unchanged, 0),
               count(*) filter (where v.state = 'failed')
        from ingest.ingest_revisions v where v.request_id = p_request)
  where r.id = p_request;
  insert into ingest.ingest_commands (request_id, verb, done_at, outcome) values (p_request, p_verb, ingest.ingest_now(), 'pending');
exception when unique_violation then
  raise exception 'the dedupe key of request % now belongs to another unfinished request of its submitter', p_request
    using errcode = 'IG017', constraint = 'dedupe_key_taken',
          hint = 'Wait for the other one, cancel it, or use ingest_fork, which makes a new request without the key.';
end
$$;

comment on function ingest.ingest_reopen(uuid, text) is 'Back to pending, for a verb that continues an ended request.';
