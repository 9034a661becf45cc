"""DBOS: its tables; and in this process, where there can be one, configured, launched and ended."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
import asyncpg
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, run_dbos_database_migrations

from listener import logs
from listener.database.connections import client_connection, dbos_engine
from listener.database.dsn import url_for_dbos
from listener.database.names import Names
from listener.database.outages import treat_as_disconnect
from listener.database.poolers import pooled_elsewhere
from listener.engine.pickles import refuse_pickles
from listener.errors import OperatorError
from listener.pipeline.identity import Identity
from listener.settings import Settings

THREADS = 4
QUEUE_POLL_SECONDS = 1.0
SLEEP_SECONDS = 0.2  # of a thread of DBOS's that finds nothing to do here: to stop is to wait for it to wake, a second


def migrate(settings: Settings, dsn: str) -> None:
    """Make DBOS's tables, or bring them to its state; raises OperatorError ``dbos_not_migrated``."""
    logs.quiet_dbos(settings.log_level)
    try:
        run_dbos_database_migrations(url_for_dbos(dsn), schema=settings.schema_of_dbos)
    except Exception as error:  # its command's exit, which says nothing; what happened is on stdout then
        raise OperatorError(
            "dbos_not_migrated",
            f'DBOS\'s tables could not be created in the schema "{settings.schema_of_dbos}": {error!r}',
            "The lines above say why. The role must own that schema.",
        ) from error


def configure(settings: Settings, dsn: str, identity: Identity, connections: int) -> None:
    """Make DBOS's instance, with so many connections; workflows are registered with it before ``launch``.

    None of its calls takes a second connection while it has one (3.4): two do not wait for each other.

    Raises OperatorError ``pickles_not_refused``.
    """
    place = settings.pooler_url or dsn
    refuse_pickles()
    logs.quiet_dbos(settings.log_level)
    treat_as_disconnect()
    config = DBOSConfig(
        name=identity.application,
        system_database_url=url_for_dbos(place),
        dbos_system_schema=identity.dbos_schema,
        executor_id=identity.executor_id,
        application_version=identity.pipeline,
        serializer=DBOSPortableJSONSerializer(),
        sys_db_pool_size=connections,
        max_executor_threads=THREADS,
        db_engine_kwargs=dbos_engine(place, identity.session, connections, bool(settings.pooler_url)),
        run_migrations=False,
        use_listen_notify=False,  # nobody waits for messages, events or streams: it needs no connection for them
        notification_listener_polling_interval_sec=SLEEP_SECONDS,
        log_level="WARNING",
    )
    DBOS(config=config)
    DBOS.listen_queues([identity.requests_queue, identity.batches_queue])


async def launch(settings: Settings, identity: Identity) -> None:
    """Launch DBOS inside the running loop: otherwise what it recovers runs on a loop of its own.

    Raises OperatorError ``dbos_not_launched``, ``pooled_elsewhere`` or ``database_unreachable``.
    """
    if settings.pooler_url:
        await _require_reached(settings, settings.pooler_url, identity)
    places = {identity.requests_queue: settings.concurrency, identity.batches_queue: settings.batch_concurrency}
    try:
        DBOS.launch()
        for queue, most in places.items():
            await DBOS.register_queue_async(
                queue, worker_concurrency=most, polling_interval_sec=QUEUE_POLL_SECONDS, on_conflict="always_update"
            )
    except Exception as error:  # Postgres may have gone away just now, too
        raise OperatorError(
            "dbos_not_launched", f"DBOS did not start: {error}", "Run: ingest migrate; it also creates DBOS's tables."
        ) from None


async def _require_reached(settings: Settings, pooler_url: str, identity: Identity) -> None:
    """Have a heartbeat go through the pooler: only in the database where this listener is registered it succeeds."""
    names = Names(settings.schema_, "public", identity.dbos_schema)
    connection = await client_connection(pooler_url)
    try:
        beat = names.written("select ingest.ingest_beat($1::text, 0)")
        reached = await connection.fetchval(beat, identity.executor_id)
    except asyncpg.PostgresError as error:  # not our schema, not our role, a standby
        raise pooled_elsewhere() from error
    finally:
        await connection.close()
    if not reached:
        raise pooled_elsewhere()


async def destroy() -> None:
    """End DBOS, with the workflows that still run; others may recover them."""
    await anyio.to_thread.run_sync(lambda: DBOS.destroy(destroy_registry=True))
    # DBOS made its own executor the loop's default and has shut it down: further work needs another.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
