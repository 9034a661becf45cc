"""``doctor``'s checks of the database: the server, what is installed there, who works in it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from listener.cli.findings import Bad, Findings
from listener.cli.step_checks import named_steps
from listener.cli.unreadable import MOST_ROOTS, TABLES
from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.client import Session
    from listener.client.diagnosis import DatabaseServer
    from listener.settings import Settings

LISTEN_SECONDS = 3.0
SOUND_PGVECTOR = (0, 8, 4)
SHOWN = 5  # of what is not done


async def look_inside(settings: Settings, dsn: str, findings: Findings) -> None:
    """Look at what is in the database, one by one."""
    from listener.client import diagnosis, open_session

    async with open_session(dsn, settings.schema_) as session:
        server = await diagnosis.server(session)
        await findings.look("postgres", _version(server))
        await findings.look("pgvector", _pgvector(server))
        if not await findings.look("writes", _writable(server, dsn)):
            return
        await findings.look("listen", _listens(session, settings, dsn))
        if await findings.look("schema", _schema(settings, dsn)):
            await findings.look("dbos", _if_permitted(_dbos(session, settings)))
            await findings.look("doors", _doors(session, settings))
            await findings.look("place", _if_permitted(_place(session)))
            await findings.look("connections", _connections(session, settings))
            await findings.look("listeners", _if_permitted(_listeners(session)))
            await findings.look("steps", _if_permitted(named_steps(session)))
            await findings.look("services", _if_permitted(_services(session)))
            await findings.look("work", _if_permitted(_work(session)))
            await findings.look("indexes", _if_permitted(_indexes(session, server)))


async def _if_permitted(check: Awaitable[str]) -> str:
    """An application needs not to see everything; what its role lacks, ``--as`` tells."""
    try:
        return await check
    except OperatorError as error:
        if error.code != "not_permitted":
            raise
        return "not visible to this role"


async def reachable(settings: Settings, dsn: str) -> str:
    """Say where the database is; raises Bad, or why it does not answer."""
    from listener.client import diagnosis, open_session
    from listener.database.dsn import check_dsn, shown
    from listener.database.schemas import no_pgvector

    async with open_session(check_dsn(dsn), settings.schema_) as session:
        server = await diagnosis.server(session)
    if server.pgvector is None:
        if server.number >= 150000 and not server.has_pgvector:
            raise no_pgvector(server.number // 10000)
        raise Bad(f"{shown(dsn)} answers, but pgvector is not in it", "Run: ingest migrate")
    return shown(dsn)


async def _writable(server: DatabaseServer, dsn: str) -> str:
    from listener.database.dsn import shown
    from listener.database.translation import read_only

    if server.read_only:
        raise read_only(f"at {shown(dsn)} ")
    return "it takes them"


async def _version(server: DatabaseServer) -> str:
    if server.number < 150000:
        raise Bad(f"{server.postgres} is too old", "Postgres 15 to 18 are supported.")
    return server.postgres


async def _pgvector(server: DatabaseServer) -> str:
    assert server.pgvector
    if tuple(int(part) for part in server.pgvector.split(".")[:2]) < (0, 8):
        raise Bad(f"{server.pgvector} is too old, 0.8 is needed", "As its owner: alter extension vector update;")
    return f"{server.pgvector} in schema {server.vector_schema}"


async def _listens(session: Session, settings: Settings, dsn: str) -> str:
    from listener.client import diagnosis, open_session
    from listener.database.connections import open_database

    await (await open_database(settings, dsn)).require_own_sessions()
    async with open_session(dsn, settings.schema_) as other:
        if not await diagnosis.hears(session, other, LISTEN_SECONDS):
            hint = "Is a transaction-mode pooler in between? Bypass it, or set INGEST_POLL_ONLY=true."
            raise Bad("a NOTIFY did not reach a LISTEN", hint, "warning" if settings.poll_only else "problem")
    return "LISTEN and NOTIFY work"


async def _schema(settings: Settings, dsn: str) -> str:
    from listener.database import migrations
    from listener.database.connections import plain_connection

    connection = await plain_connection(dsn)
    try:
        await migrations.check(connection, settings.schema_)
    finally:
        await connection.close()
    return f'schema "{settings.schema_}" is up to date'


async def _dbos(session: Session, settings: Settings) -> str:
    from listener.client import diagnosis

    name = settings.schema_of_dbos
    if not await diagnosis.has_dbos(session, name):
        raise Bad(f'DBOS\'s tables are not in schema "{name}"', "Run: ingest migrate")
    return f'DBOS\'s tables are in schema "{name}"'


async def _doors(session: Session, settings: Settings) -> str:
    from listener.client import statements

    strangers = [row[0] for row in await session.rows(statements.MAY_CREATE)]
    if strangers:
        some = ", ".join(strangers[:5]) + (" and others" if len(strangers) > 5 else "")
        raise Bad(
            f'{some} may CREATE in schema "{settings.schema_}": look-alikes of our functions can make calls fail',
            f'As its owner: revoke create on schema "{settings.schema_}" from …; or install into a schema of its own.',
            "warning",
        )
    return f'nobody else may CREATE in schema "{settings.schema_}"'


async def _place(session: Session) -> str:
    from listener.client import diagnosis

    if reason := await diagnosis.restored(session):
        hint = "Look at ingest status first. Then: ingest confirm-restore, or with --cancel, in a copy for tests"
        raise Bad(f"restored_database: {reason}; no listener starts work in it", hint)
    return "the database was not restored"


async def _listeners(session: Session) -> str:
    from listener.client import diagnosis, overview

    alive = await diagnosis.beating(session)
    if not alive:
        raise Bad("no listener runs: requests wait", "Start one: ingest listen", "warning")
    places = f"{sum(one.running for one in alive)} of {sum(one.capacity for one in alive)} places taken"
    roots = [root for root in await overview.roots(session) if root != TABLES]
    shown = ", ".join(roots[:MOST_ROOTS]) + (", …" if len(roots) > MOST_ROOTS else "")
    return f"{len(alive)} alive, {places}; roots: {shown or 'none'}"


async def _connections(session: Session, settings: Settings) -> str:
    from listener.cli.processes.cores import processes_for
    from listener.client import diagnosis
    from listener.pipeline.one_of import most_connections

    found, processes = await diagnosis.connections(session), processes_for(settings)
    needed = most_connections(processes)
    listener = "a listener" if processes == 1 else f"a listener of {processes} processes"
    told = f"{found.used} of {found.most} in use, {found.listeners} by listeners; {listener} has up to {needed}"
    if found.most - found.used + found.listeners < needed:
        raise Bad(told, "Raise max_connections, or lower INGEST_PROCESSES.", "warning")
    return told


async def _services(session: Session) -> str:
    from listener.client import diagnosis

    away = await diagnosis.outages(session)
    if away:
        told = "; ".join(f"{one.service} for {one.seconds:.0f} s: {one.message}" for one in away)
        raise Bad(f"away: {told}", "Work for it waits, and continues automatically when it answers again.", "warning")
    return "no service is known to be away"


async def _work(session: Session) -> str:
    from listener.client import diagnosis

    if undone := await diagnosis.undone(session):
        some = "; ".join(undone[:SHOWN]) + (f"; and {len(undone) - SHOWN} more" if len(undone) > SHOWN else "")
        raise Bad(some, "Look at: ingest status, ingest watches", "warning")
    return "no request waits for a root, no watch has an error"


async def _indexes(session: Session, server: DatabaseServer) -> str:
    from listener.client import diagnosis

    there = await diagnosis.indexes(session)
    valid = sum(one.state == "valid" for one in there)
    if bad := [one for one in there if one.state == "needs_owner" or one.last_error]:
        some = "; ".join(f"{one.collection}: {one.last_error or one.state}" for one in bad[:SHOWN])
        raise Bad(f"{valid} valid, not {len(bad)}: {some}", f"{bad[0].why}. See the view ingest_indexes.", "warning")
    assert server.pgvector
    if valid and tuple(int(part) for part in server.pgvector.split(".")[:3]) < SOUND_PGVECTOR:
        hint = "Upgrade it on the server, then as its owner: alter extension vector update; reindex existing indexes."
        raise Bad(f"pgvector {server.pgvector}: a vacuum may corrupt indexes of vectors", hint, "warning")
    return f"{valid} valid, {len(there) - valid} collections are searched exactly"
