"""The statements of the inventory: what collections hold, what became of a document, what was sent to embedders.

As in ``statements``: ``{schema}`` is put in, values of type jsonb and uuid cross as text.
"""

from __future__ import annotations

COLLECTIONS = """select i.collection, i.documents, i.chunks, i.bytes, i.failing, i.changed_at, i.tenant, i.embedder,
  i.endpoint, i.model, i.dimensions, i.settings::text, i.created_at, i.index
from {schema}.ingest_inventory($1::text, $2::text, $3::text, $4::int) i order by i.collection"""

NAMES = "select k.name from {schema}.ingest_collections k order by k.name limit $1::int"

DOCUMENTS = """select l.collection, l.uri, l.state, l.title, l.media_type, l.bytes, l.chunks, l.changed_at, l.code,
  l.message, l.hint, l.step, l.request_id::text
from {schema}.ingest_list_documents($1::text, $2::text, $3::boolean, $4::int, $5::text, $6::text) l
order by l.collection, l.uri"""

DOCUMENT = """select d.collection, d.uri, d.state, d.title, d.media_type, d.bytes, d.chunks, d.metadata::text,
  d.principals, d.created_at, d.changed_at, d.revision_id, d.text
from {schema}.ingest_show_document($1::text, $2::text) d"""

CHUNKS = """select c.ordinal, c.start_char, c.end_char, c.text, c.metadata::text
from {schema}.ingest_show_chunks($1::text, $2::text) c order by c.ordinal"""

ATTEMPTS = """select r.revision_id, r.request_id::text, r.state, r.reason, r.is_live, r.code, r.message, r.hint, r.step,
  r.bytes, r.chunks, r.created_at, r.published_at
from {schema}.ingest_show_revisions($1::text, $2::text, $3::int) r order by r.revision_id desc"""

COUNT = "select {schema}.ingest_count_documents($1::text, $2::text[], $3::text)"
DELETE = "select {schema}.ingest_delete_documents($1::text, $2::text[])"
DELETE_UNDER = "select d.deleted, d.last from {schema}.ingest_delete_under($1::text, $2::text, $3::int, $4::text) d"

FAILED_REQUESTS = """select r.id::text from {schema}.ingest_requests r
where r.status in ('failed', 'partially_succeeded') and r.finished_at >= $1::text::timestamptz
  and ($2::text is null or r.collection = $2::text)
order by r.finished_at, r.id"""

_USAGE = """select {period} as period, u.collection, u.tenant, u.embedder, u.model, sum(u.texts)::bigint as texts,
  sum(u.tokens)::bigint as tokens, sum(u.cost)::float8 as cost
from {{schema}}.ingest_usage_by_day u
where ($1::text is null or u.collection = $1::text)
  and ($2::text is null or u.day >= ($2::text::timestamptz at time zone 'UTC')::date)
group by 1, 2, 3, 4, 5 order by 1 desc, 2, 3, 4, 5"""

USAGE = {
    "day": _USAGE.format(period="u.day"),
    "month": _USAGE.format(period="date_trunc('month', u.day::timestamp)::date"),
    "all": _USAGE.format(period="null::date"),
}
