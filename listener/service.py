"""Build everything in order, run it, and stop it: what ``ingest listen`` and ``dbos start`` run."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

import anyio.to_thread
import asyncpg

from listener import tracing
from listener.concurrency import task_group
from listener.database import migrations, removal, schemas
from listener.database.connections import WRITABLE, Database, open_database, plain_connection, settle
from listener.database.dsn import as_role, shown, with_options
from listener.database.holdups import Patience
from listener.database.poolers import require_own_session
from listener.database.session_settings import OPTIONS
from listener.database.translation import read_only
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.documents.step_registry import Steps
from listener.embedding import Embedders, default_space
from listener.engine import durable, once
from listener.engine.cancels import Cancels
from listener.engine.circuits import Circuits
from listener.engine.claims import Claims
from listener.engine.doorbell import Doorbell
from listener.engine.embedded_server import EmbeddedServer
from listener.engine.endings import explained
from listener.engine.engine_rows import Claimant
from listener.engine.heartbeat import Heartbeat
from listener.engine.loop import Loop
from listener.engine.metrics import Metrics
from listener.engine.once import Once
from listener.engine.repair import Repair
from listener.engine.restores import when_confirmed
from listener.engine.takeover import Adoption, Takeover
from listener.engine.tally import Tally
from listener.pipeline.announcements import Announcements
from listener.pipeline.busyness import Busyness
from listener.pipeline.capacity import Capacity
from listener.pipeline.gateway import Gateway
from listener.pipeline.identity import PIPELINE, Identity, application
from listener.pipeline.memory import Memory
from listener.pipeline.one_of import OneOf
from listener.pipeline.table_gateway import TableGateway
from listener.pipeline.tools import Tools
from listener.pipeline.workflows import Workflows
from listener.settings import Settings
from listener.sources.archives.opened import Archives
from listener.sources.base import SourceTools
from listener.sources.schemes import Sources
from listener.sources.watched_tables import ROOT, SCHEME, WatchedTables
from listener.tracing.figures import Figures

log = logging.getLogger(__name__)

READERS = 4
LOCK_WAIT = "1s"  # a session that controls a request in an open transaction must not hold up the others' requests
MIGRATION = "ingest migrate"


async def migrate(settings: Settings, dsn: str, patience: Patience | None = None) -> list[str]:
    """Bring our schema and DBOS's to this program's state; return the names of the SQL files that were applied."""
    patience = patience or Patience()
    patience.connect = partial(plain_connection, dsn, application_name=MIGRATION)
    async with _alone(settings, dsn, patience) as connection:
        applied = await migrations.migrate(connection, settings.schema_, patience)
        await schemas.make_schema(
            connection, settings.schema_of_dbos, await schemas.owner(connection, settings.schema_)
        )
        owner = await schemas.owner(connection, settings.schema_of_dbos)
        acting = as_role(dsn, owner) if owner else dsn
        await anyio.to_thread.run_sync(durable.migrate, settings, with_options(acting, OPTIONS))
    return applied


async def uninstall(settings: Settings, dsn: str, patience: Patience | None = None) -> list[str]:
    """Drop our objects, and DBOS's schema if only our workflows are in it; return the statements that were run."""
    patience = patience or Patience()
    async with _alone(settings, dsn, patience) as connection:
        dropped = await removal.uninstall(connection, settings.schema_, patience.say)
        dbos = settings.schema_of_dbos
        return dropped + await removal.drop_dbos(connection, dbos, application(settings), patience.say)


@asynccontextmanager
async def _alone(settings: Settings, dsn: str, patience: Patience) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection while nobody else migrates the schema."""
    connection = await plain_connection(dsn, application_name=MIGRATION)
    try:
        if await connection.fetchval("select pg_catalog.current_setting('transaction_read_only')") == "on":
            raise read_only(f"at {shown(dsn)} ")
        await require_own_session(connection, partial(plain_connection, dsn))
        await settle(connection)
        with suppress(asyncpg.PostgresError):  # some systems can't: there the session of a killed one ends later
            await connection.execute("set client_connection_check_interval = '2s'")
        async with patience.turn(connection, settings.schema_):
            yield connection
    finally:
        await connection.close()


class Listener:
    """One listener, or one process of it. DBOS allows one in a process.

    ::

        start    open what is used, build the loops, register, launch DBOS, start the loops in the order of ``_build``
        wait     until a loop fails, or stop
        stop     in the order of ``_build``; then close what was opened, last opened first
    """

    def __init__(self, settings: Settings, dsn: str, one_of: OneOf | None = None) -> None:
        self._settings = settings
        self._dsn = dsn
        self._one_of = one_of or OneOf()
        workers = Workers(settings.parse_workers, settings.parse_timeout_seconds, settings.parse_memory_mb)
        # Our own threads, not anyio's: on the way out nobody waits for one that hangs in a file system.
        threads = ThreadPoolExecutor(READERS, thread_name_prefix="ingest")
        self._reading = SourceTools(settings, threads, workers)
        self._sources = Sources.installed(self._reading)
        self._identity = Identity.of(settings, PIPELINE, (*self._sources.roots, ROOT))
        self._memory = memory = Memory(settings.memory_mb)
        self._figures = Figures()
        self._busyness = Busyness(self._figures, lambda: workers.wanted, lambda: memory.wanted)
        grows = "batch_concurrency" not in settings.model_fields_set
        is_all = self._busyness.is_all if grows else lambda: True
        self._capacity = Capacity(settings.concurrency, settings.batch_concurrency, is_all)
        self._loops: tuple[Loop, ...] = ()
        self._ends: tuple[tuple[Callable[[], Coroutine[Any, Any, None]], ...], ...] = ()
        self._running: list[asyncio.Task[None]] = []
        self._failed = False
        self._metrics: tuple[Metrics, ...] = ()
        self._stopped = asyncio.Event()
        self._opened = AsyncExitStack()

    @property
    def executor_id(self) -> str:
        """What this listener is called."""
        return self._identity.executor_id

    async def figures(self) -> str:
        """Return its page of figures as text; empty without ``INGEST_METRICS_PORT``."""
        return "".join([await served.text() for served in self._metrics])

    async def start(self) -> None:
        """Check the schema, launch everything; the listener claims when this returns.

        Raises OperatorError ``database_unreachable``, ``schema_not_migrated``, ``schema_newer`` or that of the
        default embedder's settings.
        """
        database = await self._open()
        await self._build(database)
        await when_confirmed(self._heartbeat.register)  # first: DBOS's queue asks whether its listener is alive
        await self._launch()
        await self._doorbell.connection()
        self._running = [loop.start() for loop in self._loops]
        # Existing objects stay: 100,000 of libraries, over which a full collection would stop us for 60 ms.
        gc.collect()
        gc.freeze()
        self._opened.callback(gc.unfreeze)
        log.info("listener %s is ready", self.executor_id)

    async def wait(self) -> None:
        """Wait until the listener has ended; raises what ended it, unless that was ``stop``."""
        if self._running:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled() and (error := task.exception()):
                    raise await explained(error, self._dsn, self._settings.schema_)
        await self._stopped.wait()

    async def stop(self) -> None:
        """Stop claiming, let running requests end within the grace period, and leave the rest to others.

        If startup failed, close whatever was opened.
        """
        self._failed = any(task.done() for task in self._running)
        try:
            for together in self._ends:
                async with task_group() as ends:
                    for end in together:
                        ends.start_soon(self._end, end)
        finally:
            await self._opened.aclose()
            self._stopped.set()

    async def _end(self, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """End one part; whatever is wrong with it, the others end in their order, and the heartbeat signs off."""
        try:
            await end()
        except Exception:
            log.exception("a part of the listener did not shut down cleanly")

    async def _open(self) -> Database:
        database = await open_database(self._settings, self._dsn)
        await database.require_own_sessions()
        async with database.session(wanted=WRITABLE) as connection:
            await migrations.check(connection, self._settings.schema_)
            await schemas.require_use(connection, self._settings.schema_of_dbos)
        return database

    async def _launch(self) -> None:
        await durable.launch(self._settings, self._identity)

    async def _drain(self) -> None:
        """Wait for what runs here, as long as the grace period; a listener that failed is in no state to."""
        if not self._failed:
            with anyio.move_on_after(self._settings.grace_seconds):
                await self._capacity.drained()

    async def _build(self, database: Database) -> None:
        """Make all parts, and say in which order the loops start and how everything ends."""
        settings, identity, capacity = self._settings, self._identity, self._capacity
        space = default_space(settings)
        pools = self._one_of.pools
        pool = await self._pool(database, pools.steps, lock_wait=LOCK_WAIT)
        beats = await self._pool(database, 1)
        announcements = Announcements(pool, self._figures)
        tools = self._tools(pool, await Steps.installed(self._reading.workers, settings))
        durable.configure(settings, self._dsn, identity, pools.dbos)
        self._opened.push_async_callback(durable.destroy)
        self._opened.callback(self._reading.threads.shutdown, wait=False)
        workflows = Workflows(tools, identity, capacity, announcements)
        closed = (self._sources, tools.archives, tools.workers, tools.steps, tools.tracing, tools.embedders)
        for part in (*closed, workflows.shares, announcements):
            self._opened.push_async_callback(part.close)
        self._doorbell = doorbell = Doorbell(database, settings, identity)
        self._heartbeat = heartbeat = Heartbeat(beats, settings, identity, capacity, space, tools.steps.as_told)
        adoption = Adoption(pool, identity, workflows)
        seconds = settings.heartbeat_seconds

        claims = Claims(tools, Claimant.of(identity, space), capacity, doorbell, workflows)
        circuits = Circuits(pool, tools, workflows.parking, capacity, space)
        cancels = Cancels(pool, doorbell, announcements, identity.executor_id)
        takeover = Takeover(pool, identity, heartbeat, adoption, seconds)
        repair = Repair(pool, settings, identity, capacity, heartbeat, adoption, workflows, announcements)
        tally = Tally(pool, self._figures, seconds)
        own = Once()
        if self._one_of.is_first:
            answers = await self._pool(database, pools.answers)
            own = once.loops(pool, answers, self._dsn, tools, doorbell, identity)
        self._metrics = serving = Metrics.of(pool, settings, self._figures, capacity, self._memory)
        for served in serving if self._one_of.is_alone else ():  # of several processes, the supervisor has the port
            await served.open()
            self._opened.push_async_callback(served.close)
        server = (EmbeddedServer(settings.data_dir),) if own.begin and not settings.database_url else ()
        self._loops = (
            *(claims, circuits, *own.begin, cancels, *own.answer),
            *(takeover, repair, *own.tidy, tally, heartbeat),
            *(*serving, *server),
        )
        self._ends = (  # those of a line side by side
            # claims and fires nothing more, lets nothing parked continue, and builds no more indexes
            tuple(one.stop for one in (claims, circuits, *own.begin)),
            (doorbell.close,),  # inserters ring for others
            (self._drain,),  # what runs here ends, if it does within the grace period
            (workflows.abandon,),  # the rest is for others
            tuple(one.stop for one in (cancels, *own.answer, takeover, repair, *own.tidy)),
            (tally.stop, *(served.stop for served in serving)),
            (heartbeat.stop,),  # signs off: what is left is free for others
            tuple(loop.stop for loop in server),  # needed until then
        )

    def _tools(self, pool: asyncpg.Pool, steps: Steps) -> Tools:
        settings, parsers = self._settings, Parsers(self._reading.workers, ocr=self._settings.ocr)
        return Tools(
            settings=settings,
            executor_id=self._identity.executor_id,
            gateway=Gateway(pool),
            sources=self._sources.beside(SCHEME, WatchedTables(TableGateway(pool), parsers)),
            archives=Archives(self._reading),
            parsers=parsers,
            workers=self._reading.workers,
            steps=steps,
            embedders=Embedders(settings),
            reading=self._reading,
            tracing=tracing.create(settings),
            figures=self._figures,
            memory=self._memory,
            busyness=self._busyness,
        )

    async def _pool(self, database: Database, size: int, lock_wait: str = "0") -> asyncpg.Pool:
        pool = await database.pool(size, self._identity.session, lock_wait)
        self._opened.push_async_callback(pool.close)
        return pool
