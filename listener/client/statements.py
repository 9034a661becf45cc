"""Every statement that the Python interface sends. ``{schema}`` is put in, quoted: a caller's search path is its own.

Values of type jsonb and uuid cross as text, so that codecs on a caller's connection make no difference.
"""

ADD = """select {schema}.ingest_add(source => $1::text, content => $2::text, content_bytes => $3::bytea,
  uri => $4::text, media_type => $5::text, collection => $6::text, options => $7::text::jsonb,
  metadata => $8::text::jsonb, priority => $9::int, run_at => coalesce($10::timestamptz, now()),
  dedupe_key => $11::text)::text"""

STATUS = """select s.id::text, s.collection, s.status, s.percent::float8, s.current_step, s.documents_total,
  s.documents_done, s.documents_skipped, s.documents_failed, s.chunks_total, s.waiting_for, s.error_code as code,
  s.error_message as message, s.hint, s.source, s.uri, s.created_at, s.started_at, s.finished_at
from unnest($1::text[]) with ordinality as asked (id, place) join {schema}.ingest_status s on s.id = asked.id::uuid
order by asked.place"""

UNFINISHED = """select r.id::text from {schema}.ingest_requests r
where r.id = any ($1::text[]::uuid[]) and r.status in ('pending', 'running')"""

FAILURES = """select f.uri, f.step, f.code, f.message, f.hint, f.retryable from {schema}.ingest_failures f
where f.request_id = $1::text::uuid order by f.uri"""

CANCEL = "select {schema}.ingest_cancel($1::text::uuid)"

EMBED_QUERY = "call {schema}.ingest_embed_query($1::text, $2::text, $3::interval)"

SEARCH = """select h.revision_id || '-' || h.ordinal as id, h.uri, h.title, h.ordinal, h.text, h.score,
  case when $5::text is not null then $5::text
       when {schema}.ingest_query_embedding($1::text, $2::text) is null then 'words' else 'both' end as by,
  h.metadata::text
from {schema}.ingest_search($1::text, $2::text, $3::int, $4::text::jsonb, $5::text) h"""

CHANNEL = "select {schema}.ingest_channel('finished')"
