"""A pgqueuer worker that prints ``<key> <monotonic ns>`` in the first line of each job.

As its guides advise: uvloop (what its own command runs on), one asyncpg connection for the worker, its autovacuum
settings, a pool for producers. Batch size and the rest are its defaults; its tables are logged, as ours are.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.session import say, say_begun


async def install(dsn: str) -> None:
    """Make its tables."""
    connection = await asyncpg.connect(dsn)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.optimize_autovacuum()
    await connection.close()


def producer(pool: asyncpg.Pool) -> Callable[[str], Awaitable[Any]]:
    """Return its own way to add a job: one INSERT."""
    queries = Queries(AsyncpgPoolDriver(pool))
    return lambda key: queries.enqueue("bench", key.encode())


async def main(dsn: str) -> None:
    """Run until SIGTERM."""
    connection = await asyncpg.connect(dsn)
    worker = PgQueuer(AsyncpgDriver(connection))

    @worker.entrypoint("bench")
    async def bench(job: Job) -> None:
        say_begun((job.payload or b"").decode())

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.shutdown.set)
    say("ready")
    await worker.run()
    await connection.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
