"""A procrastinate worker that prints ``<key> <monotonic ns>`` in the first line of each job.

LISTEN/NOTIFY is its default. It runs as many jobs at a time as a listener of ours does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from procrastinate import App, PsycopgConnector

from benchmarks.session import say, say_begun

CONCURRENCY = 16
# What its Python API runs, which has no connector for asyncpg.
DEFER = """
select procrastinate_defer_jobs_v1(
  array[row('default', 'bench', 0, null, null, $1::jsonb, null)]::procrastinate_job_to_defer_v1[])
"""


async def install(dsn: str) -> None:
    """Make its tables."""
    async with _app(dsn).open_async() as app:
        await app.schema_manager.apply_schema_async()


def producer(pool: asyncpg.Pool) -> Callable[[str], Awaitable[Any]]:
    """Return its SQL for adding a job: one statement."""
    return lambda key: pool.execute(DEFER, json.dumps({"key": key}))


async def main(dsn: str) -> None:
    """Run until SIGTERM."""
    app = _app(dsn)

    @app.task(name="bench")
    async def bench(key: str) -> None:
        say_begun(key)

    async with app.open_async():
        say("ready")
        await app.run_worker_async(concurrency=CONCURRENCY)


def _app(dsn: str) -> App:
    return App(connector=PsycopgConnector(conninfo=dsn))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
