"""Apply and check our SQL objects in one schema of a database.

::

    schema files before one that runs alone ─► a transaction;  that one ─► by itself;  … the rest, types, functions,
    views and triggers ─► one transaction, so that running listeners see the old tables or everything new;
    the files of indexes/ ─► by themselves

A statement waits only briefly for a lock, and then everything is retried: a waiter for a table keeps all others from
it. A file that runs once and has another checksum now is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import asyncpg

from listener import __version__
from listener.database.holdups import Patience
from listener.database.locks import SHORT_WAIT, until_locked
from listener.database.names import PATH, Names, quoted
from listener.database.schemas import find_vector_schema, formatted, make_schema, owner
from listener.database.sql_files import SqlFile, sql_files
from listener.errors import OperatorError

Connection = asyncpg.Connection

PAGE = 16
# Files that this program no longer has, since one of its migrations dropped what they made.
WITHDRAWN = {f"types/ingest_{name}.sql" for name in ("hit_v1", "passage_v1", "piece_v1", "dropped_v1")}


async def migrate(connection: Connection, schema: str, patience: Patience | None = None) -> list[str]:
    """Bring ``schema`` to this program's state and return the names of the files that were applied.

    One at a time: in ``Patience.turn``. Raises OperatorError: ``postgres_too_old``, ``pgvector_missing``,
    ``pgvector_too_old``, ``migration_changed``, ``schema_newer``, ``schema_locked``, ``in_use`` or ``not_permitted``.
    """
    applied: list[str] = []
    patience = patience or Patience()
    try:
        for part in _parts(sql_files()):
            alone = partial(_apply_alone, patience)
            apply = partial(alone if part[0].runs_alone else _apply_together, connection, schema, part)
            applied += await until_locked(connection, schema, apply, patience.say)
    except asyncpg.DependentObjectsStillExistError as error:
        raise OperatorError(
            "in_use",
            f"a function of a former version can't be replaced: {error.detail or error}",
            "Drop what depends on it, migrate, and recreate it: the columns keep their names.",
        ) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise OperatorError(
            "not_permitted",
            f'the database role may not install into schema "{schema}": {error}',
            f'As its owner or a superuser: grant create on schema "{schema}" to the role; or set INGEST_SCHEMA.',
        ) from None
    return applied


# What claims, cancels and searches read first. Who waits for one of these holds nothing that comes later. Else a
# session that has read a listener's row, and waits for a table that is locked, would be in the way of the last lock.
_IS_OLD = "select to_regclass('ingest.ingest_queries') is not null and to_regclass('ingest.ingest_questions') is null"
_LOCK_FIRST = """
lock table ingest.ingest_listeners, ingest.ingest_queries, ingest.ingest_commands, ingest.ingest_spaces,
  ingest.ingest_used_ids in access exclusive mode"""


def _parts(files: Sequence[SqlFile]) -> list[Sequence[SqlFile]]:
    """Return what is applied together, in order: a file that runs alone, and what lies between such files."""
    parts: list[list[SqlFile]] = [[]]
    for file in files:
        if file.runs_alone:
            parts += [[file], []]
        else:
            parts[-1].append(file)
    return [part for part in parts if part]


async def _apply_together(connection: Connection, schema: str, part: Sequence[SqlFile], wait: str) -> list[str]:
    async with connection.transaction():
        names = await _enter(connection, schema, wait)
        todo = await _todo(connection, schema, part)
        if any(file.runs_once for file in todo) and await connection.fetchval(names.written(_IS_OLD)):
            await connection.execute(names.written(_LOCK_FIRST))
        for page in _pages(todo):
            await _apply(connection, names, page)
        if not part[-1].runs_once:  # with all functions
            await _drop_former(connection, names)
            await connection.execute(names.written("select ingest.ingest_apply_grants()"))
        await _record(connection, names, todo)
    return [file.name for file in todo]


async def _apply_alone(
    patience: Patience, connection: Connection, schema: str, part: Sequence[SqlFile], wait: str
) -> list[str]:
    """Build an index CONCURRENTLY; one left over from an interrupted migration is rebuilt.

    It waits for transactions, during which nobody waits for it. The role's statement timeout does not apply to it.
    """
    (file,) = part
    async with connection.transaction():
        names = await _enter(connection, schema, wait)
        if not await _todo(connection, schema, part):
            return []
    try:
        if role := await owner(connection, schema):
            await connection.execute(await formatted(connection, "set role %I", role))
        await connection.execute(
            f"set statement_timeout = 0; set lock_timeout = {max(1, round(patience.seconds * 1e3))}"
        )
        async with patience.watched(connection, f"the index {file.index}"):
            await connection.execute(names.written(f"drop index concurrently if exists ingest.{file.index}"))
            await connection.execute(names.written(file.text))
        await _record(connection, names, [file])
    except OperatorError:
        await _drop_begun(connection, names, file)
        raise
    finally:
        await connection.execute("reset lock_timeout; reset statement_timeout; reset role")
    return [file.name]


async def _drop_begun(connection: Connection, names: Names, file: SqlFile) -> None:
    """Drop an index that can't be finished, if no waiting is needed; otherwise it stays, unused, for the next time."""
    with suppress(asyncpg.LockNotAvailableError):
        await connection.execute(f"set lock_timeout = {SHORT_WAIT}")
        await connection.execute(names.written(f"drop index if exists ingest.{file.index}"))


async def _todo(connection: Connection, schema: str, part: Sequence[SqlFile]) -> list[SqlFile]:
    """Return which files of a part must be applied."""
    applied = await _applied(connection, schema)
    _refuse_newer(applied, schema)
    return [file for file in part if _is_to_apply(file, applied)]


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


async def _enter(connection: Connection, schema: str, wait: str) -> Names:
    """Make the schema and pgvector usable; return what they are called."""
    quoted(schema)
    if connection.get_server_version().major < 15:
        raise OperatorError("postgres_too_old", "the server is older than Postgres 15", "Upgrade it.")
    await connection.execute(f"select set_config('lock_timeout', ({wait})::text, true)")
    await make_schema(connection, schema)
    vector_schema = await find_vector_schema(connection)
    names = Names(schema, vector_schema)
    await connection.execute(f"set local search_path = {PATH}")
    await connection.execute("set local check_function_bodies = off; set local client_min_messages = warning")
    if role := await owner(connection, schema):
        await connection.execute(await formatted(connection, "set local role %I", role))
    # This loads pgvector's library. Only then may a role that is no superuser pin its settings to a function.
    await connection.execute(names.written("select '[1]'::vectors.vector"))
    return names


async def _applied(connection: Connection, schema: str) -> dict[str, str]:
    query = "select exists (select from pg_tables where schemaname = $1 and tablename = 'ingest_migrations')"
    if not await connection.fetchval(query, schema):
        return {}
    statement = await formatted(connection, "select name, checksum from %I.ingest_migrations", schema)
    return {row["name"]: row["checksum"] for row in await connection.fetch(statement)}


def _refuse_newer(applied: dict[str, str], schema: str) -> None:
    ours = {file.name for file in sql_files()} | WITHDRAWN
    newer = sorted(name for name in applied if name.startswith(("schema/", "types/")) and name not in ours)
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
            f"{file.name} was applied to this schema with different contents",
            "The schema comes from another build of this program: install that one again, or a release, or start over"
            " with INGEST_SCHEMA=name ingest migrate. If you edited the file, restore it and add a new one.",
        )
    return known != file.checksum


def _pages(files: Sequence[SqlFile]) -> Iterator[Sequence[SqlFile]]:
    """Yield files that are sent together: from the first lock to the last file, everybody waits."""
    for _, alike in itertools.groupby(files, lambda file: file.runs_once):
        page = list(alike)
        for start in range(0, len(page), PAGE):
            yield page[start : start + PAGE]


async def _apply(connection: Connection, names: Names, files: Sequence[SqlFile]) -> None:
    """Run files. A function whose result changed can't be replaced: it is dropped first, if nothing depends on it."""
    try:
        async with connection.transaction():
            await connection.execute(names.written(";\n".join(file.text for file in files)))
    except asyncpg.InvalidFunctionDefinitionError:
        if len(files) > 1:
            for file in files:
                await _apply(connection, names, [file])
        else:
            await connection.execute(names.written(f"drop routine {files[0].signature}"))
            await connection.execute(names.written(files[0].text))


async def _drop_former(connection: Connection, names: Names) -> None:
    """Drop functions of ours with other parameters: an older program's, which would exist beside the new ones."""
    signatures = [file.signature.removeprefix("ingest.") for file in sql_files() if file.signature]
    rows = await connection.fetch(
        _FORMER,
        names.schema,
        [one.partition("(")[0] for one in signatures],
        [names.written(f"ingest.{one}") for one in signatures],
    )
    for row in rows:
        await connection.execute(row["statement"])


_FORMER = """
select format('drop routine %s', p.oid::regprocedure) as statement
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = $1 and p.proname = any ($2::text[])
  and p.oid <> all (select to_regprocedure(signature)::oid from unnest($3::text[]) as signature)
"""


async def _record(connection: Connection, names: Names, done: list[SqlFile]) -> None:
    await connection.executemany(
        names.written(
            "insert into ingest.ingest_migrations (name, checksum, program) values ($1, $2, $3)"
            " on conflict (name) do update"
            " set checksum = excluded.checksum, program = excluded.program, applied_at = now()"
        ),
        [(file.name, file.checksum, __version__) for file in done],
    )
