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
  'A row for each request: how far it is, what it waits for, why it failed. Counts of a running one are those of its batches.';
