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
  'A row for each document that failed in a request: where, why, and what to do. failing_now: not resolved since.';
comment on column ingest.ingest_failures.request_id is 'The request in which it failed.';
comment on column ingest.ingest_failures.collection is 'The request''s collection.';
comment on column ingest.ingest_failures.uri is 'The document''s URI.';
comment on column ingest.ingest_failures.step is 'The step that failed.';
comment on column ingest.ingest_failures.code is 'Stable code of the error.';
comment on column ingest.ingest_failures.message is 'What happened.';
comment on column ingest.ingest_failures.hint is 'What to do. Null: nothing is known to help.';
comment on column ingest.ingest_failures.retryable is 'Whether the same bytes may succeed later.';
comment on column ingest.ingest_failures.bytes is 'Size of the document, in bytes. Null: not known.';
comment on column ingest.ingest_failures.media_type is 'Its media type. Null: not known.';
comment on column ingest.ingest_failures.batch is 'Its batch in the request. Null: it failed in discovery.';
comment on column ingest.ingest_failures.revision_id is 'Its row in ingest_revisions.';
comment on column ingest.ingest_failures.failing_now is 'True while no newer reading is live and no later request failed on it too; of ingest_reembed: while it is live and lacks there. Null: not visible to you.';
comment on column ingest.ingest_failures.found_at is 'When discovery found it.';
comment on column ingest.ingest_failures.failed_at is 'When it failed. Null: not recorded.';
comment on column ingest.ingest_failures.read_seconds is 'Seconds to read its bytes. Null: not read.';
comment on column ingest.ingest_failures.parse_seconds is 'Seconds to parse its text, or until that failed. Null: not parsed.';
comment on column ingest.ingest_failures.embed_seconds is 'Seconds to embed its chunks. Null: not embedded.';
comment on column ingest.ingest_failures.duration is 'The sum of the three.';
