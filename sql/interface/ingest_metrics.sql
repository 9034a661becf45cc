create or replace view ingest.ingest_metrics with (security_invoker = true) as
select m.name, m.kind, m.labels, m.value, m.help
from ingest.ingest_list_metrics() m;

comment on view ingest.ingest_metrics is
  'The figures of the installation as a listener''s endpoint /metrics has them, in Prometheus'' names. It never scans a large table. '
  'For operators of all collections, listeners, and members of pg_monitor that it was granted to.';
comment on column ingest.ingest_metrics.name is 'Its name, by Prometheus'' conventions: base units, _total for counters.';
comment on column ingest.ingest_metrics.kind is 'counter: only rises, over restarts too; gauge: the value now.';
comment on column ingest.ingest_metrics.labels is 'A JSON object with one label or none; the number of values is bounded.';
comment on column ingest.ingest_metrics.value is 'The figure.';
comment on column ingest.ingest_metrics.help is 'What it means.';
