create or replace view ingest.ingest_watches with (security_invoker = true) as
select w.name, coalesce(w.source, ingest.ingest_watched(w.name)) as source, w.collection,
       coalesce(nullif(concat_ws(', ', 'every ' || w.every::text, 'cron ' || w.cron || ' in ' || w.time_zone, case when w.on_change then 'on change' end), ''),
                'on change') as schedule,
       w.paused_at is not null as paused, case when w.paused_at is null then w.next_at end as next_at,
       (select r.id from ingest.ingest_requests r where r.id = w.request_id and r.status in ('pending', 'running')) as running_request,
       w.started_at, w.succeeded_at, w.failing_since, w.failures, w.error ->> 'code' as error_code, w.error ->> 'message' as error_message,
       w.error ->> 'hint' as hint, w.error, ingest.ingest_watch_waits_for(w) as waiting_for, ingest.ingest_noticed_by(w) as noticing,
       w.request_id as last_request, w.options, w.metadata, w.created_by, w.created_at,
       case when w.paused_at is not null then 'paused'
            else coalesce((select r.status from ingest.ingest_requests r where r.id = w.request_id and r.status in ('pending', 'running')),
                          case when w.failing_since is not null then 'failing' else 'waiting' end) end as state
from ingest.ingest_watch_store w;

comment on view ingest.ingest_watches is
  'A row for each watch: what it keeps in sync, when it looks next, when it last succeeded, why it fails or waits. See ingest_watch.';
comment on column ingest.ingest_watches.name is 'Its name.';
comment on column ingest.ingest_watches.source is 'The source or table that it watches.';
comment on column ingest.ingest_watches.collection is 'The collection that it keeps in sync.';
comment on column ingest.ingest_watches.schedule is 'When it looks: every, cron, on change.';
comment on column ingest.ingest_watches.paused is 'Whether it is paused.';
comment on column ingest.ingest_watches.next_at is 'When it looks next. Null: paused, or not by time.';
comment on column ingest.ingest_watches.running_request is 'Its unfinished request. Null: none.';
comment on column ingest.ingest_watches.started_at is 'When its last request was inserted. Null: none yet.';
comment on column ingest.ingest_watches.succeeded_at is 'When a request of it last succeeded, at least in part. Null: never.';
comment on column ingest.ingest_watches.failing_since is 'Its first failure since it last succeeded. Null: it is not failing.';
comment on column ingest.ingest_watches.failures is 'Failures since it last succeeded.';
comment on column ingest.ingest_watches.error_code is 'Code of its last request''s error. Null: no error.';
comment on column ingest.ingest_watches.error_message is 'Message of that error. Null: no error.';
comment on column ingest.ingest_watches.hint is 'What to do about it. Null: no error.';
comment on column ingest.ingest_watches.error is 'That error as a JSON object. Null: no error.';
comment on column ingest.ingest_watches.waiting_for is 'Why it does nothing and what would help. Null: it is not due, or its request is under way.';
comment on column ingest.ingest_watches.noticing is 'How listeners notice changes: events, polling: why, missing: what. Null: no listener does.';
comment on column ingest.ingest_watches.last_request is 'Its last request. Null: none yet.';
comment on column ingest.ingest_watches.options is 'Options of its requests.';
comment on column ingest.ingest_watches.metadata is 'Metadata of its requests.';
comment on column ingest.ingest_watches.created_by is 'The role that made it; its requests have that role''s rights.';
comment on column ingest.ingest_watches.created_at is 'When it was made or changed last.';
comment on column ingest.ingest_watches.state is 'paused; pending or running while a request of it is; otherwise failing or waiting.';
