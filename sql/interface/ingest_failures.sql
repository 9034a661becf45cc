create or replace view ingest.ingest_failures with (security_invoker = true) as
select v.request_id, r.collection, v.uri, v.error ->> 'step' as step, v.error ->> 'code' as code,
       v.error ->> 'message' as message, v.error ->> 'hint' as hint,
       coalesce((v.error ->> 'retryable')::boolean, false) as retryable, v.bytes, coalesce(v.media_type, v.error ->> 'media_type') as media_type,
       v.batch, v.id as revision_id,
       ingest.ingest_is_failing(v.id) as failing_now,
       v.created_at as found_at, v.failed_at, v.read_seconds, v.parse_seconds, v.embed_seconds,
       (coalesce(v.read_seconds, 0) + coalesce(v.parse_seconds, 0) + coalesce(v.embed_seconds, 0)) * interval '1 second' as duration
from ingest.ingest_revisions v
join ingest.ingest_requests r on r.id = v.request_id
where v.state = 'failed' and v.error is not null;

comment on view ingest.ingest_failures is
  'A row for each document that failed in a request: where, why, and what to do. failing_now: nothing has mended it since.';
