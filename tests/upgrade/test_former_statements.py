"""What listeners and commands of the former release send is understood by a database that this one has migrated.

Statements are read from the former release's modules. Each is prepared on a database of the former release and on one
that was migrated from it: an overload that takes its place, a column that is gone or has another type would show.
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from former_listener import Release
from staging import Connection

VERB = re.compile(r"\s*(select|insert|update|delete|with|call)\b", re.IGNORECASE)
NAME = re.compile(r"\bingest_\w+")
# Whole statements are all that these hold; other modules put some together, or have prose that begins like one.
WHOLE = (
    "store/requests.py", "store/manifest.py", "store/documents.py", "claims.py", "recovery.py", "queries.py",
    "heartbeat.py", "commands.py", "announcements.py", "client/statements.py",
)  # fmt: skip
MADE = """
select proname::text as name from pg_proc where pronamespace = 'public'::regnamespace
union select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S')
"""
USED = """
select p.oid::regprocedure || ' returns ' || pg_get_function_result(p.oid) as name from pg_proc p
where p.pronamespace = 'public'::regnamespace and p.proname like 'ingest\\_%'
union select a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
from pg_attribute a join pg_class r on r.oid = a.attrelid
where r.relnamespace = 'public'::regnamespace and r.relname like 'ingest\\_%' and r.relkind in ('r', 'v')
  and a.attnum > 0 and not a.attisdropped
"""


def texts(module: Path) -> Iterator[str]:
    """Yield the strings of a module, with the schema put in where the text leaves room for it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.replace("{schema}", "public")


def statements(release: Release) -> dict[str, str]:
    """Return what may be a statement of a release's, with the module that it stands in."""
    package = release.folder / "listener"
    return {
        text: str(module.relative_to(package))
        for module in sorted(package.rglob("*.py"))
        for text in texts(module)
        if VERB.match(text)
    }


@asynccontextmanager
async def listening(dsn: str) -> AsyncIterator[Connection]:
    """Give a session with the search path of a listener, and types as the driver knows them by itself."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "public, dbos, pg_temp"})
    try:
        yield connection
    finally:
        await connection.close()


async def prepared(c: Connection, statement: str) -> tuple[list[str], dict[str, str]]:
    """Return the types of a statement's parameters, and its columns with theirs."""
    found = await c.prepare(statement)
    return [_type(one) for one in found.get_parameters()], {one.name: _type(one.type) for one in found.get_attributes()}


def _type(of: asyncpg.Type) -> str:
    return f"{of.schema}.{of.name}"


REPLACED = {
    "ingest_search(vector,text,integer,jsonb)": "select * from ingest_search($1::vector, $2, $3, $4)",
    "ingest_search(text,text,integer,jsonb,text)": "select * from ingest_search($1::text, $2, $3, $4, $5)",
    "ingest_retry(uuid)": "select ingest_retry($1)",
}


async def test_what_the_former_release_sends_means_the_same_after_the_migration(
    of_former: str, upgraded: str, former: Release
) -> None:
    sent = 0
    async with listening(of_former) as before, listening(upgraded) as after:
        for statement, module in statements(former).items():
            try:
                parameters, columns = await prepared(before, statement)
            except asyncpg.PostgresError:
                if module in WHOLE:
                    raise
                continue
            sent += 1
            now_parameters, now_columns = await prepared(after, statement)
            assert now_parameters == parameters, statement
            assert {name: now_columns.get(name) for name in columns} == columns, statement
    assert sent > 90


async def test_every_object_that_the_former_release_names_is_still_there(
    of_former: str, upgraded: str, former: Release
) -> None:
    package = former.folder / "listener"
    named = {name for module in package.rglob("*.py") for text in texts(module) for name in NAME.findall(text)}
    async with listening(of_former) as before, listening(upgraded) as after:
        made = {row["name"] for row in await before.fetch(MADE)}
        kept = {row["name"] for row in await after.fetch(MADE)}
    assert len(named & made) > 60
    assert (named & made) - kept == set()


async def test_every_function_and_column_of_the_former_release_is_still_there(of_former: str, upgraded: str) -> None:
    """A call that waits for a lock of the migration goes on with its function's former body, and what that names."""
    async with listening(of_former) as before, listening(upgraded) as after:
        used, kept = [{row["name"] for row in await c.fetch(USED)} for c in (before, after)]
    assert len(used) > 200
    gone = used - kept
    # What people call, and no function of ours: it has more columns or arguments, which only a new function can have.
    assert {name.split(" returns ")[0] for name in gone} == set(REPLACED)


async def test_calls_of_the_former_release_are_answered_with_what_it_had_and_more(
    of_former: str, upgraded: str
) -> None:
    async with listening(of_former) as before, listening(upgraded) as after:
        for statement in REPLACED.values():
            parameters, columns = await prepared(before, statement)
            now_parameters, now_columns = await prepared(after, statement)
            assert (now_parameters, list(now_columns.items())[: len(columns)]) == (parameters, list(columns.items()))


@pytest.mark.postgres(16, 18)
async def test_the_former_release_refuses_to_start_on_a_newer_schema_and_says_what_to_do(
    upgraded: str, former: Release, tmp_path: Path
) -> None:
    ended = await former.command(tmp_path, upgraded)("listen")
    assert (ended.status, ended.code()) == (5, "schema_newer")
    assert "pip install --upgrade ingest-listener" in ended.err
