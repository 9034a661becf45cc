"""Whoever controls requests in a transaction that stays open holds up these, and no others."""

from __future__ import annotations

from pathlib import Path

from embedding_service import EmbeddingService
from listener_process import ListenerProcess
from pipeline import ended, until
from staging import Connection, add, collection, session

HELD = 6  # more than a listener's pool has connections


async def test_requests_that_somebody_has_locked_do_not_hold_up_the_others(
    own: Connection, ready: str, tmp_path: Path
) -> None:
    async with EmbeddingService(dimensions=8) as service:
        service.hold()
        space = {"embedder": "openai", "endpoint": service.url, "model": "test", "dimensions": 8}
        await collection(own, "held", space)
        process = ListenerProcess(ready, tmp_path, heartbeat_seconds=0.2, openai_base_url=service.url).ready()
        try:
            held = [await add(own, content="x" * 70_000, collection="held", uri=f"held {n}") for n in range(HELD)]
            running = "select count(*) from ingest_requests where status = 'running' and begun = attempt"
            await until(lambda: own.fetchval(f"select ({running}) = {HELD}"))
            async with session(ready) as operator, operator.transaction():
                for request in held:
                    assert await operator.fetchval("select ingest_cancel($1)", request) == "cancelled"
                service.release()
                other = [await add(own, content=f"other {n}", uri=f"other {n}") for n in range(20)]
                assert {row["status"] for row in await ended(own, *other)} == {"succeeded"}
        finally:
            process.stop()
