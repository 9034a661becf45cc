create or replace view ingest.ingest_status with (security_invoker = true) as
select r.id, r.collection, r.status, progress.percent,
       case when r.status = 'running' then coalesce(
         batch.step, case when r.discovered_at is null then 'discover' when batch.open > 0 then 'load' else 'save' end) end as current_step,
       coalesce(progress.total, r.documents_total) as documents_total,
       progress.done as documents_done, progress.skipped as documents_skipped, progress.failed as documents_failed,
       coalesce(batch.chunks, r.chunks_total) as chunks_total,
       progress.rate as documents_per_second,
       case when r.status = 'running' and progress.percent > 0 then
         make_interval(secs => (progress.seconds * (100 - progress.percent) / progress.percent)::float8) end as eta,
       ingest.ingest_waiting_for(r) as waiting_for,
       r.error ->> 'code' as error_code, r.error ->> 'message' as error_message, r.error ->> 'hint' as hint, r.error,
       batch.last_error, batch.next_attempt_at,
       r.source, r.uri, r.priority, r.run_at, r.attempt, r.executor_id, r.deadline_at, r.created_by,
       r.created_at, r.started_at, r.finished_at, coalesce(batch.tokens, r.tokens) as tokens
from ingest.ingest_requests r
left join lateral ingest.ingest_progress(r) progress on true
left join lateral (
  select (array_agg(b.step order by b.batch) filter (where b.finished_at is null))[1] as step,
         count(*) filter (where b.finished_at is null) as open, sum(b.chunks) as chunks,
         sum(b.tokens)::bigint as tokens,
         (array_agg(b.last_error) filter (where b.last_error is not null))[1] as last_error,
         min(b.next_attempt_at) as next_attempt_at
  from ingest.ingest_batches b where b.request_id = r.id and r.finished_at is null) batch on true;

comment on view ingest.ingest_status is
  'A row for each request: how far it is, what it waits for, why it failed. Counts of a running one come from its documents.';
