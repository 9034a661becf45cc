"""Carry out what was ordered to be forgotten, and have DBOS delete workflows that nobody needs any more.

::

    ingest_forget, a request's deletion ─► pages in our tables ─► workflows that have ended, by DBOS's public API
    ─► the planner's samples ─► done

DBOS's rows of finished requests go by age, too. A request that stays can be retried without them: its row and its
documents say how far it is, and a workflow begins anew under its id.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
from dbos import DBOS

from listener.engine import workflow_rows
from listener.engine.engine_rows import Fetch
from listener.engine.loop import Rounds
from listener.pipeline.identity import Identity
from listener.settings import Settings

log = logging.getLogger(__name__)

RARELY = 2  # heartbeats between two looks
PAGE = 100  # documents
WORKFLOWS = 500
OLD_SECONDS = 60.0  # between two looks for workflows by age
SHARE = 3  # so many times as long as a page takes is the pause behind it

GO_ON = "select ingest.ingest_go_on_forgetting($1::int)"
TAKE = "select ingest.ingest_take_left_workflows($1::int)"
LOCK = "select ingest.ingest_lock_ended($1::uuid[], $2::interval)"


class Forgetting(Rounds):
    """The loop that forgets. What it did not finish, any listener goes on with."""

    name = "forgetting"

    def __init__(self, pool: asyncpg.Pool, settings: Settings, identity: Identity) -> None:
        super().__init__(RARELY * settings.heartbeat_seconds, first_after=settings.heartbeat_seconds)
        self._pool = pool
        self._schema = settings.schema_of_dbos
        self._application = identity.application
        age = settings.retention_workflows
        self._age = None if age is None else timedelta(seconds=age)
        self._idle_seconds = RARELY * settings.heartbeat_seconds
        self._look_for_old_at = time.monotonic() + OLD_SECONDS

    async def look(self) -> None:
        """Do a page of what there is to do, and look again soon if there may be more."""
        began = time.monotonic()
        ((orders, workflows),) = await self._pool.fetch("select * from ingest.ingest_forgetting_waits()")
        more = await self._forget() if orders else False
        more |= await self._delete_left() if workflows else False
        if self._age is not None and time.monotonic() >= self._look_for_old_at:
            if not await self._delete_old(self._age):
                self._look_for_old_at = time.monotonic() + OLD_SECONDS
            else:
                more = True
        self._seconds = SHARE * (time.monotonic() - began) if more else self._idle_seconds

    async def _forget(self) -> bool:
        state = await self._pool.fetchval(GO_ON, PAGE)
        if state == "swept":
            await self._end()
        return bool(state == "more")

    async def _end(self) -> None:
        """Have the planner sample anew, table by table, and end the orders of which nothing else is left."""
        orders = await self._pool.fetchval("select ingest.ingest_swept_orders()")
        if not orders:
            return
        for (table,) in await self._pool.fetch("select ingest.ingest_sampled_tables($1::text)", self._schema):
            await self._pool.execute("select ingest.ingest_renew_statistics($1::oid)", table)
        await self._pool.execute("select ingest.ingest_end_forgetting($1::bigint[])", orders)
        log.info("forgotten: %d orders carried out", len(orders))

    async def _delete_left(self) -> bool:
        """Delete workflows of requests that are gone, or had a document that was forgotten."""
        async with self._pool.acquire() as connection, connection.transaction():
            taken = [request for (request,) in await connection.fetch(TAKE, WORKFLOWS)]
            through = await self._delete_ended(connection.fetch, taken)
            await connection.execute("select ingest.ingest_drop_left($1::uuid[])", through)
        return len(taken) >= WORKFLOWS

    async def _delete_old(self, age: timedelta) -> bool:
        """Delete workflows of requests that ended longer ago than ``age``; the requests stay."""
        async with self._pool.acquire() as connection, connection.transaction():
            old = await workflow_rows.old(connection.fetch, self._application, age, WORKFLOWS)
            ended = [request for (request,) in await connection.fetch(LOCK, [one.request for one in old], age)]
            gone = [one.request for one in old if one.is_gone]
            return len(await self._delete_ended(connection.fetch, ended + gone)) >= WORKFLOWS

    async def _delete_ended(self, fetch: Fetch, requests: Sequence[UUID]) -> list[UUID]:
        """Delete the workflows of those of ``requests`` none of whose workflows goes on; return these requests."""
        if not requests:
            return []
        through = await workflow_rows.through(fetch, requests)
        if workflows := [workflow for one in through for workflow in one.workflows]:
            await DBOS.delete_workflows_async(workflows)
        return [one.request for one in through]
