"""The least that starts a DBOS workflow from Postgres: LISTEN, and the payload is the workflow's id.

No table, no claim, nothing is kept of what is not heard: the floor of whatever starts workflows by DBOS's public
functions. Connections are those of a listener.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID, run_dbos_database_migrations

from benchmarks.session import say, say_begun
from listener.database.connections import dbos_engine
from listener.pipeline.one_of import OneOf

DBOS_POOL = OneOf().pools.dbos


async def install(dsn: str) -> None:
    """Make DBOS's tables."""
    await asyncio.to_thread(run_dbos_database_migrations, dsn)


def producer(pool: asyncpg.Pool) -> Callable[[str], Awaitable[Any]]:
    """Return what rings with a workflow's id."""
    return lambda key: pool.execute("select pg_notify('bench', $1)", key)


async def main(dsn: str) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    config: DBOSConfig = {
        "name": "bench", "system_database_url": dsn, "executor_id": uuid4().hex, "application_version": "1",
        "serializer": DBOSPortableJSONSerializer(), "log_level": "ERROR", "sys_db_pool_size": DBOS_POOL,
        "max_executor_threads": DBOS_POOL, "db_engine_kwargs": dbos_engine(dsn, "bench", DBOS_POOL),
    }  # fmt: skip
    DBOS(config=config)

    @DBOS.workflow(name="bench")
    async def bench(ref: dict[str, str]) -> None:
        say_begun(ref["request"])

    async def start(key: str) -> None:
        with SetWorkflowID(key):
            await DBOS.start_workflow_async(bench, {"request": key})

    DBOS.launch()
    tasks: set[asyncio.Task[None]] = set()
    connection = await asyncpg.connect(dsn)
    await connection.add_listener("bench", lambda *heard: tasks.add(loop.create_task(start(str(heard[-1])))))
    say("ready")
    await stop.wait()
    await connection.close()
    await asyncio.to_thread(DBOS.destroy)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
