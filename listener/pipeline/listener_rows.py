"""What the workflows ask about the other listeners."""

from __future__ import annotations

import asyncpg

from listener.pipeline.identity import Identity


class ListenerStatements:
    """Statements about other listeners."""

    _pool: asyncpg.Pool

    async def others(self, identity: Identity) -> int:
        """Return how many other listeners live that run the same steps and take batches from the same queue."""
        query = "select ingest_count_others($1, $2, $3)"
        return int(await self._pool.fetchval(query, identity.executor_id, identity.queue, identity.pipeline))
