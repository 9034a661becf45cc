"""Apply, check and remove our SQL objects in one schema of a database.

Files in ``sql/schema`` are numbered and run once; a file that was applied and has another checksum now is refused.
Files in ``functions``, ``views`` and ``triggers`` are applied again when they changed. All of it is one transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg

from listener import __version__
from listener.errors import OperatorError

Connection = asyncpg.Connection

FOLDERS = ("schema", "functions", "views", "triggers")
OLDEST_PGVECTOR = (0, 8)
LOCK_WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One SQL file: ``name`` like ``functions/ingest_add.sql``."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def runs_once(self) -> bool:
        return self.name.startswith("schema/")


async def migrate(connection: Connection, schema: str) -> list[str]:
    """Bring ``schema`` to this program's state and return the names of the files that were applied.

    Raises OperatorError: ``postgres_too_old``, ``pgvector_missing``, ``pgvector_too_old``, ``migration_changed``,
    ``schema_newer`` or ``not_permitted``.
    """
    try:
        async with connection.transaction():
            await _enter(connection, schema)
            applied = await _applied(connection, schema)
            _refuse_newer(applied, schema)
            todo = [file for file in sql_files() if _is_to_apply(file, applied)]
            for file in todo:
                await connection.execute(file.text)
            await _record(connection, todo)
    except asyncpg.InsufficientPrivilegeError as error:
        raise OperatorError(
            "not_permitted",
            f'the database role may not install into schema "{schema}": {error}',
            f'As its owner or a superuser: grant create on schema "{schema}" to the role; or set INGEST_SCHEMA.',
        ) from None
    return [file.name for file in todo]


async def check(connection: Connection, schema: str) -> None:
    """Raise OperatorError ``schema_not_migrated`` or ``schema_newer`` unless ``schema`` is as this program needs it."""
    applied = await _applied(connection, schema)
    _refuse_newer(applied, schema)
    missing = [file.name for file in sql_files() if _is_to_apply(file, applied)]
    if missing:
        raise OperatorError(
            "schema_not_migrated",
            f'schema "{schema}" lacks {len(missing)} of this program\'s SQL files, the first is {missing[0]}',
            "Run: ingest migrate",
        )


async def uninstall(connection: Connection, schema: str) -> list[str]:
    """Drop our objects, and only ours, from ``schema``; return the statements that did it.

    Raises OperatorError ``in_use`` if something that isn't ours depends on one of them; nothing is dropped then.
    """
    try:
        async with connection.transaction():
            await connection.execute("select set_config('search_path', quote_ident($1), true)", schema)
            drops = await _drops(connection, schema)
            for statement in drops:
                await connection.execute(statement)
    except asyncpg.DependentObjectsStillExistError as error:
        raise OperatorError("in_use", f"{error.message}: {error.detail}", "Drop what depends on it first.") from None
    return drops


async def drop_dbos(connection: Connection, schema: str, application: str) -> list[str]:
    """Drop DBOS's ``schema`` unless other applications have workflows in it; return the statements that did it."""
    table = await connection.fetchval("select to_regclass(format('%I.workflow_status', $1::text))::text", schema)
    if table is None:
        return []
    others = "select exists (select from %I.workflow_status where application_name is distinct from $1)"
    if await connection.fetchval(await _formatted(connection, others, schema), application):
        return []
    statement = await _formatted(connection, "drop schema %I cascade", schema)
    await connection.execute("set client_min_messages = warning")
    await connection.execute(statement)
    return [statement]


@asynccontextmanager
async def only_migrator(connection: Connection, schema: str) -> AsyncIterator[None]:
    """Keep other migrators of ``schema`` out meanwhile.

    The lock is tried, never waited for: a waiting session would hold a snapshot, and an index that the one inside
    builds CONCURRENTLY would wait for that in turn.
    """
    key = "hashtextextended('ingest:' || $1 || ':migrate', 0)"
    while not await connection.fetchval(f"select pg_try_advisory_lock({key})", schema):  # noqa: ASYNC110 (see above)
        await asyncio.sleep(LOCK_WAIT_SECONDS)
    try:
        yield
    finally:
        await connection.fetchval(f"select pg_advisory_unlock({key})", schema)


@cache
def sql_files() -> tuple[SqlFile, ...]:
    """Return the SQL files that this program carries, in the order in which they are applied."""
    root = _sql_folder()
    return tuple(
        SqlFile(f"{folder}/{file.name}", file.read_text(encoding="utf-8"))
        for folder in FOLDERS
        for file in sorted((root / folder).iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sql")
    )


def _sql_folder() -> Any:  # a Traversable; its module moved in Python 3.11
    packaged = files("listener") / "sql"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "sql"


async def _enter(connection: Connection, schema: str) -> None:
    """Make the schema and pgvector usable, and pin the search path that our functions keep."""
    if connection.get_server_version().major < 15:
        raise OperatorError("postgres_too_old", "the server is older than Postgres 15", "Upgrade it.")
    await connection.execute("set local lock_timeout = '10s'")
    if not await connection.fetchval("select exists (select from pg_namespace where nspname = $1)", schema):
        await connection.execute(await _formatted(connection, "create schema %I", schema))
    vector_schema = await _vector_schema(connection)
    path = "select format('set local search_path = %I, %I, pg_temp', $1::text, $2::text)"
    await connection.execute(await connection.fetchval(path, schema, vector_schema))
    await connection.execute("set local check_function_bodies = off; set local client_min_messages = warning")
    # This loads pgvector's library. Only then may a role that is no superuser pin its settings to a function.
    await connection.execute("select '[1]'::vector")


async def _vector_schema(connection: Connection) -> str:
    row = await _find_pgvector(connection)
    if row is None:
        try:
            async with connection.transaction():
                await connection.execute("create extension vector")
        except (asyncpg.PostgresError, OSError) as error:
            raise OperatorError(
                "pgvector_missing",
                f"the extension pgvector is not in this database, and could not be created: {error}",
                "Install pgvector on the server, then, as a superuser in this database: create extension vector;",
            ) from None
        row = await _find_pgvector(connection)
        assert row is not None
    version: str = row["version"]
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_PGVECTOR:
        raise OperatorError(
            "pgvector_too_old", f"pgvector is {version}, 0.8 is needed", "Upgrade it: alter extension vector update;"
        )
    return str(row["schema"])


async def _find_pgvector(connection: Connection) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "select n.nspname as schema, e.extversion as version from pg_extension e"
        " join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'"
    )


async def _applied(connection: Connection, schema: str) -> dict[str, str]:
    query = "select exists (select from pg_tables where schemaname = $1 and tablename = 'ingest_migrations')"
    if not await connection.fetchval(query, schema):
        return {}
    statement = await _formatted(connection, "select name, checksum from %I.ingest_migrations", schema)
    return {row["name"]: row["checksum"] for row in await connection.fetch(statement)}


def _refuse_newer(applied: dict[str, str], schema: str) -> None:
    ours = {file.name for file in sql_files()}
    newer = sorted(name for name in applied if name.startswith("schema/") and name not in ours)
    if newer:
        raise OperatorError(
            "schema_newer",
            f'schema "{schema}" was migrated by a newer program: it has {newer[-1]}, version {__version__} does not',
            "Upgrade this program: pip install --upgrade ingest-listener",
        )


def _is_to_apply(file: SqlFile, applied: dict[str, str]) -> bool:
    known = applied.get(file.name)
    if file.runs_once and known not in (None, file.checksum):
        raise OperatorError(
            "migration_changed",
            f"{file.name} was applied to this schema with other contents",
            "Files in sql/schema are never edited after a release: restore it and add a new one.",
        )
    return known != file.checksum


async def _record(connection: Connection, done: list[SqlFile]) -> None:
    await connection.executemany(
        "insert into ingest_migrations (name, checksum, program) values ($1, $2, $3)"
        " on conflict (name) do update"
        " set checksum = excluded.checksum, program = excluded.program, applied_at = now()",
        [(file.name, file.checksum, __version__) for file in done],
    )


async def _drops(connection: Connection, schema: str) -> list[str]:
    """Return the statements that drop what our files make, and each collection's view, dependents first."""
    text = "\n".join(file.text for file in sql_files())
    named = {
        kind: sorted(set(re.findall(rf"(?m)^create (?:or replace )?{kind} (ingest_\w+)", text)))
        for kind in ("table", "view", "function", "sequence")
    }
    rows = await connection.fetch(_DROPS, schema, named["view"], named["function"], named["table"], named["sequence"])
    return [row["statement"] for row in rows]


# One statement a kind: objects of a kind depend on each other (views, foreign keys, functions in function bodies).
_DROPS = """
with here as (select oid from pg_namespace where nspname = $1)
select format('drop %s %s', kind, string_agg(name, ', ')) as statement from (
  select 1 as place, 'view' as kind, format('%I.%I', $1, c.relname) as name
  from pg_class c join here on here.oid = c.relnamespace
  where c.relkind = 'v' and (c.relname::text = any ($2)
    or (c.relname like 'ingest\\_chunks\\_%' and obj_description(c.oid) like 'Live chunks of collection %'))
  union all
  select 1 + row_number() over (order by t.oid), 'trigger', format('%I on %I.%I', t.tgname, $1, c.relname)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join here on here.oid = c.relnamespace
  where not t.tgisinternal and c.relname::text = any ($4) and t.tgname like 'ingest\\_%'
  union all
  select 1000, 'function', p.oid::regprocedure::text
  from pg_proc p join here on here.oid = p.pronamespace where p.proname::text = any ($3)
  union all
  select 1001, 'table', format('%I.%I', $1, c.relname)
  from pg_class c join here on here.oid = c.relnamespace where c.relkind = 'r' and c.relname::text = any ($4)
  union all
  select 1002, 'sequence', format('%I.%I', $1, c.relname)
  from pg_class c join here on here.oid = c.relnamespace where c.relkind = 'S' and c.relname::text = any ($5)
) drops group by place, kind order by place
"""


async def _formatted(connection: Connection, template: str, name: str) -> str:
    """Return ``template`` with ``%I`` replaced by the name, quoted by the server."""
    return str(await connection.fetchval("select format($1::text, $2::text)", template, name))
