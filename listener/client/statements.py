"""Every statement that the verbs of the Python interface and of the command send.

``{schema}`` is put in, quoted: a caller's search path is its own. Values of type jsonb and uuid cross as text, so that
codecs on a caller's connection make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable

_CASTS = {"options": "::text::jsonb", "metadata": "::text::jsonb", "run_at": "::text::timestamptz"}

_STATUS = """select s.id::text, s.collection, s.status, s.percent::float8, s.current_step, s.documents_total,
  s.documents_done, s.documents_skipped, s.documents_failed, s.chunks_total,
  s.documents_per_second::float8, s.eta, s.waiting_for, s.error_code, s.error_message, s.hint, s.error::text,
  s.last_error::text, s.next_attempt_at, s.source, s.uri, s.priority, s.run_at, s.attempt, s.executor_id, s.deadline_at,
  s.created_by, s.created_at, s.started_at, s.finished_at, s.tokens, s.documents_found
from"""

_FAILURES = """select f.request_id::text, f.collection, f.uri, f.step, f.code, f.message, f.hint, f.retryable,
  f.bytes, f.media_type
from {schema}.ingest_failures f"""


def add(arguments: Iterable[str]) -> str:
    """Return the call of ``ingest_add`` with ``arguments``, in this order."""
    named = [f"{name} => ${number}{_CASTS.get(name, '')}" for number, name in enumerate(arguments, 1)]
    return f"select {{schema}}.ingest_add({', '.join(named)})"


STATUS = f"""{_STATUS} unnest($1::text[]) with ordinality as asked (id, place)
join {{schema}}.ingest_status s on s.id = asked.id::uuid
order by asked.place"""


def statuses(columns: Iterable[str]) -> str:
    """Return the statement for the newest requests with values in ``columns``; the last value is their number."""
    wanted = [f"s.{name} = ${number}" for number, name in enumerate(columns, 1)]
    where = f"\nwhere {' and '.join(wanted)}" if wanted else ""
    return f"{_STATUS} {{schema}}.ingest_status s{where}\norder by s.created_at desc\nlimit ${len(wanted) + 1}"


UNFINISHED = """select r.id::text from {schema}.ingest_requests r
where r.id = any ($1::text[]::uuid[]) and r.status in ('pending', 'running')"""

CHANNEL = "select {schema}.ingest_channel('finished')"

FAILURES = f"""{_FAILURES}
where f.request_id = $1::text::uuid order by f.uri limit $2"""

NEWEST_FAILURES = f"""{_FAILURES} join {{schema}}.ingest_requests r on r.id = f.request_id
order by r.created_at desc, f.uri limit $1"""

CANCEL = "select {schema}.ingest_cancel($1::text::uuid)"
RESUME = "select {schema}.ingest_resume($1::text::uuid)"
RETRY = "select {schema}.ingest_retry($1::text::uuid)"
FORK = "select {schema}.ingest_fork($1::text::uuid, $2, $3::text::jsonb, $4)"

EMBED_QUERY = "call {schema}.ingest_embed_query($1::text, $2::text, $3::interval)"

SEARCH = """select h.revision_id || '-' || h.ordinal as id, h.uri, h.title, h.ordinal, h.text, h.score,
  case when $5::text is not null then $5::text
       when {schema}.ingest_query_embedding($1::text, $2::text) is null then 'words' else 'both' end as by,
  h.metadata::text
from {schema}.ingest_search($1::text, $2::text, $3::int, $4::text::jsonb, $5::text) h"""

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

TITLE = """select title from {schema}.ingest_documents
where collection = $1 and revision_id is not null and title ~ '[[:alpha:]]{{3}}' order by uri limit 1"""

FIRST_WORDS = """select substring(text from '(?:[[:alpha:]]+[ ,.-]+){{2,6}}') from {schema}.ingest_chunks
where collection = $1 limit 1"""

# The state of things: doctor, health, uninstall.

SERVER = """select current_setting('server_version') as postgres, current_setting('server_version_num')::int as number,
  (select extversion from pg_extension where extname = 'vector') as pgvector,
  (select extnamespace::regnamespace::text from pg_extension where extname = 'vector') as vector_schema"""

BEATING = """select executor_id, host, pid, running, capacity,
  greatest(0, round(extract(epoch from clock_timestamp() - heartbeat_at)::numeric, 1))::float8 as silent_seconds
from {schema}.ingest_listeners
where ($1::text is null or host = $1) and dead_at is null and heartbeat_at > clock_timestamp() - lease
order by started_at"""

IS_INSTALLED = "select to_regclass('{schema}.ingest_listeners') is not null"

OUTAGES = """select c.service, c.tenant, c.age as seconds, c.error ->> 'message' as message
from {schema}.ingest_open_circuits() c where c.opened order by c.age desc"""

NOTIFY = "select pg_notify($1, '')"

DBOS_IS_IN = "select to_regclass(format('%I.workflow_status', $1::text)) is not null"

DOCUMENTS = "select count(*) from {schema}.ingest_documents"
