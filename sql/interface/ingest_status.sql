create or replace view ingest.ingest_status with (security_invoker = true) as
select r.id, r.collection, r.status,
       case when r.finished_at is null then progress.percent
            else coalesce(r.percent, case when r.status in ('succeeded', 'partially_succeeded') then 100 end) end as percent,
       case when r.status = 'running' then coalesce(
         batch.step, case when r.discovered_at is null then 'discover' when batch.open > 0 then 'load' else 'save' end) end as current_step,
       coalesce(progress.total, r.documents_total) as documents_total,
       coalesce(progress.done, r.documents_done) as documents_done, coalesce(progress.skipped, r.documents_skipped) as documents_skipped,
       coalesce(progress.failed, r.documents_failed) as documents_failed,
       coalesce(batch.chunks, r.chunks_total) as chunks_total,
       coalesce(progress.rate, round((r.documents_done + r.documents_skipped + r.documents_failed)
         / nullif(extract(epoch from r.finished_at - r.started_at), 0), 2)) as documents_per_second,
       progress.eta,
       ingest.ingest_waiting_for(r) as waiting_for,
       r.error ->> 'code' as error_code, r.error ->> 'message' as error_message, r.error ->> 'hint' as hint, r.error,
       coalesce(batch.last_error, case when r.resume_at is not null then r.outage end) as last_error,
       coalesce(batch.next_attempt_at, case when r.outage is not null then r.resume_at end) as next_attempt_at,
       r.source, r.uri, r.priority, r.run_at, r.attempt, r.executor_id, r.deadline_at, r.created_by,
       r.created_at, r.started_at, r.finished_at, coalesce(batch.tokens, r.tokens) as tokens, r.documents_found,
       case when r.discovered_at is not null then batch.loaded end as documents_loaded,
       case when r.discovered_at is not null then batch.embedded end as documents_embedded, r.documents_unchanged, r.documents_deleted,
       nullif(r.listing -> 'note', 'null') as note,
       coalesce(r.plan, (select q.plan from ingest.ingest_requests q where q.id = (r.options ->> 'planned')::uuid)) as plan
from ingest.ingest_requests r
left join lateral (select p.* from ingest.ingest_progress_of(r) p where r.finished_at is null offset 0) progress on true  -- offset: not called for others
left join lateral (
  select (array_agg(b.step order by b.batch) filter (where b.finished_at is null))[1] as step,
         count(*) filter (where b.finished_at is null) as open, sum(b.chunks) as chunks,
         case when r.finished_at is null then coalesce(sum(b.loaded), 0) end as loaded,
         case when r.finished_at is null then coalesce(sum(b.embedded), 0) end as embedded,
         sum(b.tokens)::bigint as tokens,
         (array_agg(b.last_error) filter (where b.last_error is not null))[1] as last_error,
         min(b.next_attempt_at) as next_attempt_at
  from ingest.ingest_batches b where b.request_id = r.id and r.finished_at is null) batch on true;

comment on view ingest.ingest_status is
  'A row for each request: progress, what it waits for, why it failed.';
comment on column ingest.ingest_status.id is 'The request''s id.';
comment on column ingest.ingest_status.collection is 'Its collection.';
comment on column ingest.ingest_status.status is 'pending, running, succeeded, partially_succeeded, failed or cancelled.';
comment on column ingest.ingest_status.percent is 'How far it is, 0 to 100. Null: its documents are not found yet, or it ended before they were.';
comment on column ingest.ingest_status.current_step is 'The step of its first unfinished batch: discover, load, chunk, embed or save. Null: not running.';
comment on column ingest.ingest_status.documents_total is 'Documents in all. Null until discovery is complete.';
comment on column ingest.ingest_status.documents_done is 'Documents published. Null until discovery is complete.';
comment on column ingest.ingest_status.documents_skipped is 'Documents skipped, unchanged ones included. Null until discovery is complete.';
comment on column ingest.ingest_status.documents_failed is 'Documents that failed. Null until discovery is complete.';
comment on column ingest.ingest_status.chunks_total is 'Chunks of its documents so far. Null: none counted.';
comment on column ingest.ingest_status.documents_per_second is 'Speed over the last minute; of a finished request, over its whole run. Null: unknown.';
comment on column ingest.ingest_status.eta is 'Time to go at that speed. Null: unknown, waiting or not running.';
comment on column ingest.ingest_status.waiting_for is 'Why nothing happens and what would help, as word: sentence. Null: nothing is in its way.';
comment on column ingest.ingest_status.error_code is 'Stable code of its error. Null: no error.';
comment on column ingest.ingest_status.error_message is 'Message of its error. Null: no error.';
comment on column ingest.ingest_status.hint is 'What to do about its error. Null: no error.';
comment on column ingest.ingest_status.error is 'Why it did not succeed: code, message, hint, step, retryable. Null: no error.';
comment on column ingest.ingest_status.last_error is 'Why a batch of it, or discovery, is being repeated or waits: code, message, hint. Null: nothing is.';
comment on column ingest.ingest_status.next_attempt_at is 'When that is tried again. Null: nothing waits.';
comment on column ingest.ingest_status.source is 'Its source. Null: inline content.';
comment on column ingest.ingest_status.uri is 'Name of the inline document. Null: a source, or no name given.';
comment on column ingest.ingest_status.priority is 'Lower runs first.';
comment on column ingest.ingest_status.run_at is 'The earliest time at which it may start.';
comment on column ingest.ingest_status.attempt is 'How often it was started.';
comment on column ingest.ingest_status.executor_id is 'The listener that runs it, or ran it last. Null: not started.';
comment on column ingest.ingest_status.deadline_at is 'When it is cancelled if still running. Null: no limit.';
comment on column ingest.ingest_status.created_by is 'The role that inserted it.';
comment on column ingest.ingest_status.created_at is 'When it was inserted.';
comment on column ingest.ingest_status.started_at is 'When a listener claimed it last. Null: it waits.';
comment on column ingest.ingest_status.finished_at is 'When it ended. Null: pending or running.';
comment on column ingest.ingest_status.tokens is 'Tokens that the embedding service counted so far. Null: not known.';
comment on column ingest.ingest_status.documents_found is 'Documents that discovery has found so far. Null: discovery has not begun.';
comment on column ingest.ingest_status.documents_loaded is 'Documents that are read and not embedded yet. Null: discovery is not complete.';
comment on column ingest.ingest_status.documents_embedded is 'Documents that are embedded and not live yet. Null: discovery is not complete.';
comment on column ingest.ingest_status.documents_unchanged is 'Documents that discovery found unchanged, and that were not read. Null: not counted yet.';
comment on column ingest.ingest_status.documents_deleted is 'Documents deleted because the source no longer has them (option mirror). Null: not applicable.';
comment on column ingest.ingest_status.note is 'What discovery left out without failing, with code, message and hint. Null: nothing.';
comment on column ingest.ingest_status.plan is
  'What a plan (option plan) found, or the plan that the option planned names: see docs/plans-and-caps.md. Null: neither.';
