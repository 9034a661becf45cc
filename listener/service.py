"""Build everything in order, run it, and stop it: what ``ingest listen`` and ``dbos start`` run."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import os
import socket
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, run_dbos_database_migrations

from listener import logs, tracing
from listener.database import migrations, removal
from listener.database.connections import WRITABLE, Database, dbos_engine, open_database, plain_connection, url_for_dbos
from listener.database.outages import OUTAGE, teach_dbos_patience
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.embedding import Embedders, default_space
from listener.engine.cancels import Commands
from listener.engine.claims import Claims
from listener.engine.doorbell import Doorbell
from listener.engine.heartbeat import Heartbeat, Identity, schema_newer
from listener.engine.queries import Queries
from listener.engine.recovery import Recovery
from listener.errors import OperatorError
from listener.pipeline.announcements import Announcements
from listener.pipeline.gateway import Gateway
from listener.pipeline.tools import Tools
from listener.pipeline.workflows import PIPELINE, Workflows
from listener.settings import Settings
from listener.sources.files import LocalSources

log = logging.getLogger(__name__)

POOL = 3  # with the heartbeat's 1, the doorbell's 1, DBOS's 4 and 1 for its notifications: 10 connections
DBOS_POOL = 4
READERS = 4
QUEUE_POLL_SECONDS = 1.0


async def find_dsn(settings: Settings) -> str:
    """Return the URL of the Postgres to use: the one that is set, else the embedded one, started if need be."""
    if settings.database_url:
        return settings.database_url
    from listener import embedded  # noqa: PLC0415 - Linux only, and needless with a server of one's own

    server = await embedded.start(settings.data_dir)
    return server.dsn()


async def migrate(settings: Settings, dsn: str) -> list[str]:
    """Bring our schema and DBOS's to this program's state; return the names of the SQL files that were applied."""
    connection = await plain_connection(dsn)
    try:
        async with migrations.only_migrator(connection, settings.schema_):
            applied = await migrations.migrate(connection, settings.schema_)
            await migrations.make_schema(connection, dbos_schema(settings))
            await asyncio.to_thread(_migrate_dbos, settings, dsn)
    finally:
        await connection.close()
    return applied


async def uninstall(settings: Settings, dsn: str) -> list[str]:
    """Drop our objects, and DBOS's schema if only our workflows are in it; return the statements that were run."""
    connection = await plain_connection(dsn)
    try:
        async with migrations.only_migrator(connection, settings.schema_):
            dropped = await removal.uninstall(connection, settings.schema_)
            return dropped + await removal.drop_dbos(connection, dbos_schema(settings), application(settings))
    finally:
        await connection.close()


def _migrate_dbos(settings: Settings, dsn: str) -> None:
    logs.quiet_dbos(settings.log_level)
    try:
        run_dbos_database_migrations(url_for_dbos(dsn), schema=dbos_schema(settings))
    except Exception as error:  # its command's exit, which says nothing; what happened is on stdout then
        raise OperatorError(
            "dbos_not_migrated",
            f'DBOS\'s tables could not be made in the schema "{dbos_schema(settings)}": {error!r}',
            "The lines above say why. The role needs to own that schema.",
        ) from error


def application(settings: Settings) -> str:
    """Return DBOS's name for this installation."""
    return "ingest" if settings.schema_ == "public" else f"ingest_{settings.schema_}"


def dbos_schema(settings: Settings) -> str:
    """Return the schema of DBOS's tables for this installation."""
    return settings.dbos_schema or ("dbos" if settings.schema_ == "public" else f"{settings.schema_}_dbos")


class Listener:
    """One listener. DBOS allows one in a process."""

    def __init__(self, settings: Settings, dsn: str) -> None:
        self.executor_id = f"{socket.gethostname()[:20]}-{os.getpid()}-{uuid4().hex[:8]}"
        self._settings = settings
        self._dsn = dsn
        self._roots = tuple(root.absolute() for root in settings.file_roots)
        # Who has the same roots can take each other's batches; the queues' names say which roots these are.
        self._queue = "_" + hashlib.sha256(repr((settings.schema_, self._roots)).encode()).hexdigest()[:8]
        self._loops: list[asyncio.Task[None]] = []
        self._stopped = asyncio.Event()
        self._opened = AsyncExitStack()

    async def start(self) -> None:
        """Check the schema, launch everything; the listener claims when this returns.

        Raises OperatorError ``database_unreachable``, ``schema_not_migrated``, ``schema_newer`` or that of the
        default embedder's settings.
        """
        database = await self._open()
        await self._build(database)
        self._opened.push_async_callback(self._leave)
        await self._heartbeat.register()  # first: what DBOS takes from a queue asks whether its listener is alive
        await self._launch()
        await self._doorbell.connection()
        runs = [part.run() for part in (self._claims, self._commands, self._queries, self._recovery, self._heartbeat)]
        if not self._settings.database_url:
            from listener.embedded.keeping import keep_running  # noqa: PLC0415 - as in find_dsn

            runs.append(keep_running(self._settings.data_dir))
        self._loops = [asyncio.create_task(self._guarded(run)) for run in runs]
        # What is there now stays: 100,000 objects of libraries, over which a full collection would stop us for 60 ms.
        gc.collect()
        gc.freeze()
        self._opened.callback(gc.unfreeze)
        log.info("listener %s is ready", self.executor_id)

    async def wait(self) -> None:
        """Wait until the listener has ended; raises what ended it, unless that was ``stop``."""
        if self._loops:
            done, _ = await asyncio.wait(self._loops, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled() and (error := task.exception()):
                    raise error
        await self._stopped.wait()

    async def stop(self) -> None:
        """Claim no more, let running requests end within the grace period, and leave the rest to others.

        Of a listener that did not start, close what it had opened.
        """
        failed = any(task.done() for task in self._loops)
        if self._loops:
            await self._end(self._loops[:1])
            await self._doorbell.close()
            if not failed:
                await self._drain()
            await self._end(self._loops)
        await self._opened.aclose()
        self._stopped.set()

    async def _open(self) -> Database:
        database = await open_database(self._settings, self._dsn)
        async with database.session(wanted=WRITABLE) as connection:
            await migrations.check(connection, self._settings.schema_)
        return database

    async def _build(self, database: Database) -> None:
        settings = self._settings
        space = default_space(settings)
        name = f"ingest {self.executor_id}"
        self._pool = await self._pool_of(database, POOL, name)
        self._beats = await self._pool_of(database, 1, name)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="ingest")
        self._workers = Workers(settings.parse_workers, settings.parse_timeout_seconds, settings.parse_memory_mb)
        self._embedders = Embedders(settings)
        self._announcements = Announcements(self._pool)
        self._tracing = tracing.create(settings)
        self._doorbell = Doorbell(database, settings, self.executor_id)
        tools = Tools(
            settings=settings,
            executor_id=self.executor_id,
            gateway=Gateway(self._pool),
            sources=LocalSources(self._roots, settings.max_document_bytes),
            parsers=Parsers(self._workers, ocr=settings.ocr),
            workers=self._workers,
            embedders=self._embedders,
            threads=self._threads,
            tracing=self._tracing,
        )
        self._configure_dbos(name)
        self._opened.push_async_callback(_destroy_dbos)
        self._opened.callback(self._threads.shutdown, wait=False)
        self._workflows = Workflows(tools, self._queue, self._others, self._announcements.ended)
        for part in (self._workers, self._tracing, self._embedders, self._workflows, self._announcements):
            self._opened.push_async_callback(part.close)
        identity = Identity(self.executor_id, application(settings), [str(root) for root in self._roots], self._queue)
        self._heartbeat = Heartbeat(self._beats, settings, identity, self._workflows)
        self._recovery = Recovery(self._pool, settings, identity, self._heartbeat, self._workflows, self._announcements)
        self._claims = Claims(tools, self._doorbell, self._workflows, space, self._roots)
        self._commands = Commands(self._pool, self._doorbell, self._announcements, self.executor_id)
        self._queries = Queries(self._pool, self._doorbell, self._embedders, settings)

    async def _pool_of(self, database: Database, size: int, name: str) -> asyncpg.Pool:
        pool = await database.pool(size, name, extra_schema=dbos_schema(self._settings))
        self._opened.push_async_callback(pool.close)
        return pool

    async def _others(self) -> int:
        return await self._heartbeat.others()

    def _configure_dbos(self, name: str) -> None:
        logs.quiet_dbos(self._settings.log_level)
        teach_dbos_patience()
        config = DBOSConfig(
            name=application(self._settings),
            system_database_url=url_for_dbos(self._dsn),
            dbos_system_schema=dbos_schema(self._settings),
            executor_id=self.executor_id,
            application_version=PIPELINE,
            serializer=DBOSPortableJSONSerializer(),
            sys_db_pool_size=DBOS_POOL,
            max_executor_threads=DBOS_POOL,
            db_engine_kwargs=dbos_engine(name, DBOS_POOL),
            run_migrations=False,
            log_level="WARNING",
        )
        DBOS(config=config)
        DBOS.listen_queues([f"ingest_requests{self._queue}", f"ingest_batches{self._queue}"])

    async def _launch(self) -> None:
        """Launch DBOS inside the running loop: else what it recovers runs on a loop of its own."""
        try:
            DBOS.launch()
            await self._register_queues()
        except Exception as error:  # Postgres may have gone away just now, too
            raise OperatorError(
                "dbos_not_launched", f"DBOS did not start: {error}", "Run: ingest migrate; it makes DBOS's tables too."
            ) from None

    async def _register_queues(self) -> None:
        for queue, places in (
            ("ingest_requests", self._settings.concurrency),
            ("ingest_batches", self._settings.batch_concurrency),
        ):
            await DBOS.register_queue_async(
                queue + self._queue,
                worker_concurrency=places,
                polling_interval_sec=QUEUE_POLL_SECONDS,
                on_conflict="always_update",
            )

    async def _guarded(self, loop: Coroutine[Any, Any, None]) -> None:
        """Run a loop that never returns; if it fails, say so at once: without one of them the listener is no good."""
        try:
            await loop
        except OperatorError:
            raise
        except asyncpg.UndefinedFunctionError as error:
            raise schema_newer(str(error)) from None
        except Exception as error:
            log.exception("the listener failed")
            raise OperatorError(
                "internal", f"{type(error).__name__}: {error}", "The log has more; please report it."
            ) from error

    async def _drain(self) -> None:
        """Wait for running requests, as long as the grace period."""
        deadline = asyncio.get_running_loop().time() + self._settings.grace_seconds
        while self._workflows.busy and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await self._workflows.wait_for_end(left)

    async def _end(self, loops: list[asyncio.Task[None]]) -> None:
        for task in loops:
            task.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def _leave(self) -> None:
        try:
            await self._heartbeat.leave()
        except (*OUTAGE, asyncpg.PostgresError) as error:
            log.warning("could not sign off: %s; others wait for the lease to pass", error)


async def _destroy_dbos() -> None:
    await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
    # DBOS made its own executor the loop's default and has shut it down: whoever goes on needs another.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
