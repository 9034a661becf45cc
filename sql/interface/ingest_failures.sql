create or replace view ingest.ingest_failures with (security_invoker = true) as
select v.request_id, r.collection, v.uri, v.error ->> 'step' as step, v.error ->> 'code' as code,
       v.error ->> 'message' as message, v.error ->> 'hint' as hint,
       coalesce((v.error ->> 'retryable')::boolean, false) as retryable, v.bytes, v.media_type, v.batch, v.id as revision_id
from ingest.ingest_revisions v
join ingest.ingest_requests r on r.id = v.request_id
where v.state = 'failed';

comment on view ingest.ingest_failures is 'A row for each document that failed in a request: where, why, and what to do.';
