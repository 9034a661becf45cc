"""Every statement that the verbs of the Python interface and of the command send.

``{schema}`` is put in, quoted: a caller's search path is its own. Values of type jsonb and uuid cross as text, so that
codecs on a caller's connection make no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

_CASTS = {"options": "::text::jsonb", "metadata": "::text::jsonb", "run_at": "::text::timestamptz"}

_STATUS = """select s.id::text, s.collection, s.status, s.percent::float8, s.current_step, s.documents_total,
  s.documents_done, s.documents_skipped, s.documents_failed, s.documents_unchanged, s.documents_deleted, s.chunks_total,
  s.documents_per_second::float8, s.eta, s.waiting_for, s.error_code, s.error_message, s.hint, s.error::text,
  s.last_error::text, s.next_attempt_at, s.source, s.uri, s.priority, s.run_at, s.attempt, s.executor_id, s.deadline_at,
  s.created_by, s.created_at, s.started_at, s.finished_at, s.tokens, s.documents_found,
  s.documents_loaded, s.documents_embedded, s.note::text
from"""

_FAILURES = """select f.request_id::text, f.collection, f.uri, f.step, f.code, f.message, f.hint, f.retryable,
  f.bytes, f.media_type, f.failing_now, f.found_at, f.failed_at, f.read_seconds::float8, f.parse_seconds::float8,
  f.embed_seconds::float8, f.duration
from {schema}.ingest_failures f"""


_GROUPS = """select f.code, count(*) as documents, count(distinct f.request_id) as requests,
  array_remove((array_agg(distinct f.media_type))[1:5], null) as media_types, bool_or(f.retryable) as retryable,
  max(f.failed_at) as last_at, (array_agg(f.uri order by f.failed_at desc nulls last, f.uri))[1] as uri,
  (array_agg(f.message order by f.failed_at desc nulls last, f.uri))[1] as message,
  (array_agg(f.hint order by f.failed_at desc nulls last, f.uri))[1] as hint
from {schema}.ingest_failures f"""

_TIMES = """select t.request_id::text, t.collection, t.uri, t.state, t.media_type, t.bytes, t.read_seconds::float8,
  t.parse_seconds::float8, t.embed_seconds::float8, t.seconds::float8, t.code
from {schema}.ingest_times t"""


def add(arguments: Iterable[str]) -> str:
    """Return the call of ``ingest_add`` with ``arguments``, in this order."""
    named = [f"{name} => ${number}{_CASTS.get(name, '')}" for number, name in enumerate(arguments, 1)]
    return f"select {{schema}}.ingest_add({', '.join(named)})"


STATUS = f"""{_STATUS} unnest($1::text[]) with ordinality as asked (id, place)
join {{schema}}.ingest_status s on s.id = asked.id::uuid
order by asked.place"""


_CODE = "{row}.code = ${number}"
_CONDITIONS = {
    "collection": "{row}.collection = ${number}",
    "status": "{row}.status = ${number}",
    "code": _CODE,
    "request": "{row}.request_id = ${number}::text::uuid",
    "since": "{row}.created_at >= ${number}::text::timestamptz",
}


def _where(row: str, given: Iterable[str], *more: str) -> str:
    """Return a where clause for what is given, in this order, if anything is."""
    wanted = [_CONDITIONS[name].format(row=row, number=number) for number, name in enumerate(given, 1)]
    return f"\nwhere {' and '.join([*wanted, *more])}" if [*wanted, *more] else ""


def statuses(given: Collection[str]) -> str:
    """Return the statement for the newest requests that fit what is given; the last value is their number."""
    where = _where("s", given)
    return f"{_STATUS} {{schema}}.ingest_status s{where}\norder by s.created_at desc\nlimit ${len(given) + 1}"


COLLECTIONS = """select c.name from {schema}.ingest_collections c
union (select r.collection from {schema}.ingest_requests r where r.collection = $1::text limit 1)
order by 1 limit 1000"""

BEGINNING_WITH = """select r.id::text, r.status, r.collection, coalesce(r.source, r.uri, '(inline)') as what
from {schema}.ingest_requests r where r.id between $1::text::uuid and $2::text::uuid
order by r.created_at desc limit 11"""

ROOTS = """select distinct r.root from {schema}.ingest_listeners l cross join lateral unnest(l.roots) as r (root)
where l.dead_at is null and l.heartbeat_at > clock_timestamp() - l.lease order by 1"""


UNFINISHED = """select r.id::text from {schema}.ingest_requests r
where r.id = any ($1::text[]::uuid[]) and r.status in ('pending', 'running')"""

CHANNEL = "select {schema}.ingest_channel('finished')"
CHANNEL_OF = "select {schema}.ingest_channel($1::text)"

_NOW = "f.failing_now"


def failures(given: Collection[str], now: bool) -> str:
    """Return the statement for documents that failed; the last value is their number. ``now``: that fail still."""
    where = _where("f", given, *([_NOW] if now else ()))
    order = "f.uri" if "request" in given else "r.created_at desc, f.uri"
    of = "" if "request" in given else " join {schema}.ingest_requests r on r.id = f.request_id"
    return f"{_FAILURES}{of}{where}\norder by {order} limit ${len(given) + 1}"


def failure_groups(given: Collection[str], now: bool) -> str:
    """Return the statement for failures by code: how many, of which types, when last, and one of them."""
    where = _where("f", given, *([_NOW] if now else ()))
    return f"{_GROUPS}{where}\ngroup by f.code order by 2 desc, 1"


def slow(given: Collection[str]) -> str:
    """Return the statement for the documents that took longest; the last value is their number."""
    return f"{_TIMES}{_where('t', given)}\norder by t.seconds desc, t.uri limit ${len(given) + 1}"


CANCEL = "select {schema}.ingest_cancel($1::text::uuid)"
ASK_AGAIN = "select {schema}.ingest_ask_again($1::text)"
CONFIRM_RESTORE = "select {schema}.ingest_confirm_restore($1::bool)"
RESTORED = "select {schema}.ingest_restored()"
RESUME = "select {schema}.ingest_resume($1::text::uuid)"
RETRY = "select {schema}.ingest_retry($1::text::uuid, $2::text::jsonb)"
FORK = "select {schema}.ingest_fork($1::text::uuid, $2, $3::text::jsonb, $4)"

EMBED_QUERY = "call {schema}.ingest_embed_query($1::text, $2::text, $3::interval)"

FOUND = """select f.revision_id || '-' || f.ordinal as id, f.uri, f.title, f.ordinal, f.text, f.score, f.by,
  f.metadata::text, f.words_place, f.vector_place, f.collection,
  {schema}.ingest_citation(f.title, f.metadata, f.uri) as citation
from """

GATHERED = """select f.number, f.uri, f.title, f.heading_path, f.page, f.start_char, f.end_char, f.text, f.continues,
  f.score, f.by, f.metadata::text, f.cited, f.collection
from """

MARKED = """select pg_catalog.ts_headline(
  o.config, t.text, pg_catalog.websearch_to_tsquery(o.config, $1::text), $4::text)
from rows from (pg_catalog.unnest($3::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($5::text[]))
  with ordinality as t (text, collection, language, place)
join {schema}.ingest_collections c on c.name = t.collection
cross join lateral (select {schema}.ingest_chunk_config(
  pg_catalog.jsonb_build_object('language', t.language), c.by_language, c.text_config) as config) o
order by t.place"""

# Rights: grant, revoke, doctor --as.

GRANT = "select {schema}.ingest_grant($1::text::name, $2::text, $3::text)"
REVOKE = "select {schema}.ingest_revoke($1::text::name, $2::text, $3::text)"
CHECK_ROLE = "select what, ok, hint from {schema}.ingest_check_role($1::text, $2::text)"
USES_DBOS = """select coalesce(
  pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'insert'), false)
from pg_catalog.pg_namespace n
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'workflow_status' and c.relkind = 'r'
where n.nspname = $1::text"""
MAY_CREATE = """select r.rolname::text from pg_catalog.pg_roles r, pg_catalog.pg_class c, pg_catalog.pg_namespace n
where c.oid = '{schema}.ingest_requests'::pg_catalog.regclass and n.oid = c.relnamespace and not r.rolsuper
  and pg_catalog.has_schema_privilege(r.oid, n.oid, 'create') and not pg_catalog.pg_has_role(r.oid, c.relowner, 'usage')
  and r.rolname !~ '^pg_' order by 1"""

# A first run: quickstart.

INSERT = """insert into {schema}.ingest_requests (source, collection, dedupe_key)
values ($1, $2, $3)
on conflict do nothing
returning id"""

EARLIER = """select r.id::text, r.started_at is not null as started from {schema}.ingest_requests r
where r.collection = $2 and r.status in ('pending', 'running')
  and ((r.dedupe_key = $3 and r.submitted_by = {schema}.ingest_caller()::text) or (r.source = $1 and r.run_at <= now()))
order by r.created_at limit 1"""

INGESTED = """select d.uri, d.title, d.chunks, d.bytes
from {schema}.ingest_revisions v join {schema}.ingest_documents d on d.revision_id = v.id
where v.request_id = $1::text::uuid order by d.uri limit $2"""

KINDS = """select coalesce(lower(substring(v.uri from '[.]([[:alnum:]]{{1,8}})$')), v.media_type, 'other') as kind,
  count(*) filter (where v.state = 'published') as ingested, count(*) filter (where v.state = 'skipped') as skipped,
  count(*) filter (where v.state = 'failed') as failed,
  coalesce(sum(cardinality(v.starts)) filter (where v.state = 'published'), 0) as chunks
from {schema}.ingest_revisions v where v.request_id = $1::text::uuid group by 1 order by count(*) desc, 1"""

TITLE = """select d.title from {schema}.ingest_revisions v
join {schema}.ingest_documents d on d.collection = v.collection and d.uri = v.uri and d.revision_id is not null
where v.request_id = $1::text::uuid and d.title ~ '[[:alpha:]]{{3}}'
order by v.state = 'published' desc, d.uri limit 1"""

FIRST_WORDS = """select substring(c.text from '(?:[[:alpha:]]+[ ,.-]+){{2,6}}') from {schema}.ingest_revisions v
join {schema}.ingest_documents d on d.collection = v.collection and d.uri = v.uri and d.revision_id is not null
join {schema}.ingest_chunks c on c.revision_id = d.revision_id
where v.request_id = $1::text::uuid order by v.state = 'published' desc, d.uri, c.ordinal limit 1"""

# The state of things: doctor, health, uninstall.

SERVER = """select current_setting('server_version') as postgres, current_setting('server_version_num')::int as number,
  (select extversion from pg_extension where extname = 'vector') as pgvector,
  (select extnamespace::regnamespace::text from pg_extension where extname = 'vector') as vector_schema,
  exists (select from pg_available_extensions where name = 'vector') as has_pgvector,
  current_setting('transaction_read_only') = 'on' as read_only"""

BEATING = """select executor_id, host, pid, running, capacity,
  greatest(0, round(extract(epoch from clock_timestamp() - heartbeat_at)::numeric, 1))::float8 as silent_seconds
from {schema}.ingest_listeners
where ($1::text is null or host = $1) and dead_at is null and heartbeat_at > clock_timestamp() - lease
order by started_at"""

# In use as all may see it: pg_stat_activity hides from most roles which of others' sessions are clients.
CONNECTIONS = """select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) as most,
  (select coalesce(sum(numbackends), 0) from pg_stat_database)::int as used,
  (select count(*) from pg_stat_activity where datname = current_database()
    and application_name like 'ingest %')::int as listeners"""

IS_INSTALLED = "select to_regclass('{schema}.ingest_listeners') is not null"

OUTAGES = """select c.service, c.tenant, c.age as seconds, c.error ->> 'message' as message
from {schema}.ingest_open_circuits() c where c.opened order by c.age desc"""

INDEXES = """select i.collection, i.state, i.why, i.last_error from {schema}.ingest_indexes i
order by i.chunks desc, i.collection"""

NOTIFY = "select pg_notify($1, '')"

DBOS_IS_IN = "select to_regclass(format('%I.workflow_status', $1::text)) is not null"

DOCUMENTS = "select count(*) from {schema}.ingest_documents"

A_URI = "select d.uri from {schema}.ingest_documents d where d.collection = $1 order by d.uri limit 1"

URIS_AMONG = "select d.uri from {schema}.ingest_documents d where d.collection = $1 and d.uri = any ($2::text[])"

WITHOUT_ROOT = """select distinct s.waiting_for
from (select r.waiting_for from {schema}.ingest_status r where r.status = 'pending' order by r.created_at limit 200) s
where s.waiting_for like 'root:%' order by 1 limit 3"""

WATCHES_WITH_ERRORS = """select w.name, w.error_code from {schema}.ingest_watches w where w.error_code is not null
order by w.name limit 100"""
