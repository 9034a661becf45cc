"""A bare DBOS process with queues: prints ``<workflow id> <monotonic ns>`` in the first line of each workflow.

Alone it is what DBOS makes of its defaults. ``--like-a-listener`` gives it a listener's pools, serializer and
connection settings, to see what our own loops add.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, run_dbos_database_migrations

from benchmarks.session import say, say_begun
from listener.database.connections import DBOS_CONNECTION
from listener.pipeline.one_of import OneOf

DBOS_POOL = OneOf().pools.dbos
ENQUEUE = "select dbos.enqueue_workflow(workflow_name => 'bench', queue_name => 'bench', workflow_id => $1)"
LISTENER: DBOSConfig = {
    "name": "bench",
    "sys_db_pool_size": DBOS_POOL,
    "max_executor_threads": DBOS_POOL,
    "db_engine_kwargs": {"pool_size": DBOS_POOL, "max_overflow": 0, "connect_args": DBOS_CONNECTION},
}


async def install(dsn: str) -> None:
    """Make its tables."""
    await asyncio.to_thread(run_dbos_database_migrations, dsn)


def producer(pool: asyncpg.Pool) -> Callable[[str], Awaitable[Any]]:
    """Return its SQL for enqueueing a workflow: one statement."""
    return lambda key: pool.execute(ENQUEUE, key)


async def main(dsn: str, queues: list[str], polling: float | None, like_a_listener: bool) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": dsn,
        "executor_id": uuid4().hex,
        "application_version": "1",
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "ERROR",
    }
    DBOS(config={**config, **LISTENER} if like_a_listener else config)

    @DBOS.workflow(name="bench")
    async def bench() -> None:
        say_begun(str(DBOS.workflow_id))

    DBOS.listen_queues(queues)
    DBOS.launch()
    for queue in queues:
        given: dict[str, Any] = {} if polling is None else {"polling_interval_sec": polling}
        await DBOS.register_queue_async(queue, on_conflict="always_update", **given)
    say("ready")
    await stop.wait()
    await asyncio.to_thread(DBOS.destroy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dsn")
    parser.add_argument("--queue", action="append", required=True, dest="queues")
    parser.add_argument("--polling", type=float, help="seconds between looks at a queue")
    parser.add_argument("--like-a-listener", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.dsn, arguments.queues, arguments.polling, arguments.like_a_listener))
