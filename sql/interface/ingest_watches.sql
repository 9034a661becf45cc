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
