"""``doctor``: what can be wrong between here and a finished request, looked at one by one."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli import arguments
from listener.cli.operate import embedded_runs
from listener.cli.output import STYLES, Output
from listener.cli.problems import ENVIRONMENT, OK, explain
from listener.cli.session import Session, load_settings, masked, open_session, run

if TYPE_CHECKING:
    from listener.settings import Settings

LISTEN_SECONDS = 3.0


def doctor(
    settings: Annotated[bool, typer.Option("--settings", help="Show every setting instead.")] = False,
    as_json: arguments.Json = False,
) -> int:
    """Check what ingestion needs, one by one, and say what to do about each problem.

    Exit status 5 if there is a problem; a warning is none. Nothing is changed or started.

    \b
    ingest doctor
    ingest doctor --settings        each setting: variable, value, default, what it means
    """
    output = Output(as_json)
    if settings:
        return _show_settings(load_settings(), output)
    return run(_doctor(output))


def _show_settings(settings: Settings, output: Output) -> int:
    from listener.settings import variable

    rows = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        row = {
            "variable": variable(field.alias or name),
            "value": _shown(masked(value) if name in ("database_url", "openai_base_url") and value else value),
            "default": _shown(field.default),
            "description": field.description,
        }
        rows.append(row)
    output.rows(rows, {"variable": "variable", "value": "value", "default": "default", "description": "meaning"})
    return OK


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return ":".join(map(str, value))
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


@dataclass(frozen=True, slots=True)
class Finding:
    """``state`` is ok, warning, problem, or skipped when an earlier problem is in the way."""

    name: str
    state: str
    message: str
    hint: str = ""


class _Bad(Exception):
    """What a check found, with ``state`` warning or problem."""

    def __init__(self, message: str, hint: str, state: str = "problem") -> None:
        super().__init__(message)
        self.message, self.hint, self.state = message, hint, state


async def _doctor(output: Output) -> int:
    findings: list[Finding] = []

    async def look(name: str, check: Callable[[], Awaitable[str]]) -> bool:
        found = await _look(name, check)
        findings.append(found)
        _tell(found, output)
        return found.state in ("ok", "warning")

    settings = load_settings()
    await look("roots", lambda: _roots(settings))
    await look("embedder", lambda: _embedder(settings))
    dsn = await _find_running(settings, look)
    if dsn and await look("database", lambda: _reachable(settings, dsn)):
        async with open_session(settings, dsn, output) as session:
            await look("postgres", lambda: _version(session))
            await look("pgvector", lambda: _pgvector(session))
            await look("listen", lambda: _listens(session, settings, dsn))
            if await look("schema", lambda: _schema(session, settings)):
                await look("dbos", lambda: _dbos(session, settings))
                await look("listeners", lambda: _listeners(session))
    good = all(found.state != "problem" for found in findings)
    output.value({"ok": good, "checks": [asdict(found) for found in findings]})
    return OK if good else ENVIRONMENT


async def _look(name: str, check: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(name, "ok", await check())
    except _Bad as bad:
        return Finding(name, bad.state, bad.message, bad.hint)
    except Exception as error:  # whatever a check stumbles over is what it found
        problem = explain(error)
        return Finding(name, "problem", f"{problem.code}: {problem.message}", problem.hint)


def _tell(found: Finding, output: Output) -> None:
    style = None if found.state == "ok" else STYLES[found.state]
    output.line(f"{found.state:8} {found.name:10} {found.message}", style)
    if found.hint:
        output.line(f"{'':19} hint: {found.hint}")


async def _roots(settings: Settings) -> str:
    if not settings.file_roots:
        hint = "Set INGEST_FILE_ROOTS=/srv/docs:/srv/mail for the listener; inline content needs none."
        raise _Bad("no folder is set that local sources may lie in", hint, "warning")
    for root in settings.file_roots:
        if not root.is_absolute():
            raise _Bad(f"{root} is relative", "Give absolute paths in INGEST_FILE_ROOTS.")
        if not (root.is_dir() and os.access(root, os.R_OK | os.X_OK)):
            raise _Bad(f"{root} is not a folder that can be read", "Mount it, or correct INGEST_FILE_ROOTS.")
    return ", ".join(map(str, settings.file_roots))


async def _embedder(settings: Settings) -> str:
    from listener.embedding import create, default_space

    space = default_space(settings)
    embedder = create(space, settings)
    try:
        await embedder.embed(["Is anybody there?"])
    finally:
        await embedder.close()
    return f"{space.embedder}, {space.model}, {space.dimensions} dimensions"


async def _find_running(settings: Settings, look: Callable[[str, Callable[[], Awaitable[str]]], Any]) -> str | None:
    if settings.database_url:
        return settings.database_url
    dsn: list[str] = []

    async def check() -> str:
        from listener import embedded

        embedded.binaries.installed()
        if not embedded_runs(settings):
            hint = "Verbs that need it start it: ingest migrate. Or set INGEST_DATABASE_URL."
            raise _Bad("installed, does not run; INGEST_DATABASE_URL is not set", hint, "warning")
        server = await embedded.start(settings.data_dir)
        dsn.append(server.dsn())
        return f"runs in {server.home.path}"

    await look("embedded", check)
    return dsn[0] if dsn else None


async def _reachable(settings: Settings, dsn: str) -> str:
    from listener.database.connections import plain_connection

    connection = await plain_connection(dsn)
    try:
        found = await connection.fetchval("select exists (select from pg_extension where extname = 'vector')")
    finally:
        await connection.close()
    if not found:
        raise _Bad(f"{masked(dsn)} answers, but pgvector is not in it", "Run: ingest migrate")
    return masked(dsn)


async def _version(session: Session) -> str:
    version = str(await session.value("show server_version"))
    if int(await session.value("select current_setting('server_version_num')")) < 150000:
        raise _Bad(f"{version} is too old", "Postgres 15 to 18 are supported.")
    return version


async def _pgvector(session: Session) -> str:
    row = await session.row(
        "select extversion as version, extnamespace::regnamespace::text as schema from pg_extension"
        " where extname = 'vector'"
    )
    assert row is not None
    if tuple(int(part) for part in row["version"].split(".")[:2]) < (0, 8):
        raise _Bad(f"{row['version']} is too old, 0.8 is needed", "As its owner: alter extension vector update;")
    return f"{row['version']} in schema {row['schema']}"


async def _listens(session: Session, settings: Settings, dsn: str) -> str:
    """Hear a NOTIFY of another session; behind a transaction-mode pooler it is lost."""
    channel = f"ingest_doctor_{secrets.token_hex(6)}"
    heard = asyncio.Event()

    def hear(*_: Any) -> None:
        heard.set()

    await session.connection.add_listener(channel, hear)
    try:
        async with open_session(settings, dsn, session.output) as other:
            await other.value("select pg_notify($1, '')", channel)
        await asyncio.wait_for(heard.wait(), LISTEN_SECONDS)
    except asyncio.TimeoutError:
        hint = "Is a transaction-mode pooler in between? Connect past it, or set INGEST_POLL_ONLY=true."
        raise _Bad("a NOTIFY did not reach a LISTEN", hint, "warning" if settings.poll_only else "problem") from None
    finally:
        await session.connection.remove_listener(channel, hear)
    return "LISTEN and NOTIFY work"


async def _schema(session: Session, settings: Settings) -> str:
    from listener.database import migrations

    await migrations.check(session.connection, settings.schema_)
    return f'schema "{settings.schema_}" is up to date'


async def _dbos(session: Session, settings: Settings) -> str:
    name = settings.dbos_schema or ("dbos" if settings.schema_ == "public" else f"{settings.schema_}_dbos")
    found = "select to_regclass(format('%I.workflow_status', $1::text)) is not null"
    if not await session.value(found, name):
        raise _Bad(f'DBOS\'s tables are not in schema "{name}"', "Run: ingest migrate")
    return f'DBOS\'s tables are in schema "{name}"'


async def _listeners(session: Session) -> str:
    row = await session.row(
        "select count(*) as alive, coalesce(sum(running), 0) as running, coalesce(sum(capacity), 0) as capacity"
        " from ingest_listeners where dead_at is null and heartbeat_at > clock_timestamp() - lease"
    )
    assert row is not None
    if not row["alive"]:
        raise _Bad("no listener runs: requests wait", "Start one: ingest listen", "warning")
    return f"{row['alive']} alive, {row['running']} of {row['capacity']} places taken"
