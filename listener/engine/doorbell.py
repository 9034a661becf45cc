"""LISTEN and the idle lock: when to look for requests, without asking the database all the time.

One separate connection: it LISTENs, and while the listener sleeps it holds the idle lock, which makes inserters notify
(see ``sql/claim/ingest_ring.sql``). A LISTEN is tested before it is relied on: behind a transaction-mode pooler
notifications do not arrive and the lock would leak. What is not heard is found by the safety poll.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

import anyio
import asyncpg

from listener.concurrency import set_within
from listener.database.connections import Database
from listener.database.outages import OUTAGE, Pause, named
from listener.errors import OperatorError
from listener.pipeline.identity import Identity
from listener.settings import Settings

log = logging.getLogger(__name__)

PROOF_SECONDS = 2.0
QUIET_SECONDS = 2.0  # then Postgres is asked whether it works on the statement: a half-open connection does not tell
ANSWER_SECONDS = 5.0  # beyond what connecting may take: to LISTEN and to be heard
STATEMENT_SECONDS = 30.0
ANOTHER_SLEEPS_SECONDS = 2.0
FIRST_LOOK_SECONDS = 0.005
LAST_LOOK_SECONDS = 0.25


class Doorbell:
    """Waits for the doorbell, and tells the channels of commands, queries, re-ranking and watches apart."""

    def __init__(self, database: Database, settings: Settings, identity: Identity) -> None:
        self._database = database
        self._settings = settings
        self._name = identity.session
        self._connection: asyncpg.Connection | None = None
        self._pid: int | None = None
        self._proof = f"ingest_proof_{uuid4().hex[:16]}"
        self._proved = asyncio.Event()
        self._rang = asyncio.Event()
        self._look = FIRST_LOOK_SECONDS
        self.commanded = asyncio.Event()
        self.asked = asyncio.Event()
        self.to_score = asyncio.Event()
        self.watched = asyncio.Event()
        self.tables = asyncio.Event()
        self.resting = False
        self.hears = False

    async def connection(self) -> asyncpg.Connection:
        """Return the connection, a new one if it was lost; waits for Postgres as long as it takes."""
        pause = Pause(longest=5.0)
        while self._connection is None or self._connection.is_closed():
            try:
                with anyio.fail_after(self._database.connect_seconds + ANSWER_SECONDS):
                    await self._connect()
            except (*OUTAGE, OperatorError) as error:
                log.warning("doorbell: waiting for Postgres: %s", named(error))
                await self._drop()
                await pause.wait()
        return self._connection

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """Run a statement on the connection; a lost one is dropped and the error raised (one of OUTAGE)."""
        connection = await self.connection()
        # asyncio's: the statement continues while it is watched, and a look at its backend is not broken off half-way.
        asking = asyncio.ensure_future(connection.fetch(query, *args, timeout=STATEMENT_SECONDS))
        try:
            await self._watch(connection, asking)
            return list(await asking)
        except OUTAGE:
            await self._drop()
            raise
        finally:
            asking.cancel()

    async def rest(self) -> str:
        """Try to become the listener that inserters notify; returns 'resting', 'listener', 'inserters' or 'deaf'."""
        await self.connection()
        if not self.hears:
            return "deaf"
        if self.resting:
            return "resting"
        ((answer,),) = await self.fetch("select ingest.ingest_rest()")
        self.resting = answer == "resting"
        return str(answer)

    async def wake(self, hand_over: bool = False) -> None:
        """Give the idle lock up; with ``hand_over`` ring for the other listeners, which then look for themselves."""
        if self.resting:
            self.resting = False
            await self.fetch("select ingest.ingest_wake()")
        if hand_over:
            await self.ring()

    async def ring(self) -> None:
        """Ring for the other listeners, which then look for themselves."""
        if self.hears:
            await self.fetch("select pg_notify(ingest.ingest_channel('doorbell'::text), '')")

    def nudge(self) -> None:
        """Wake everybody who waits here, as a notification does."""
        self._rang.set()

    async def wait(self, answer: str, seconds_until_due: float | None) -> bool:
        """Sleep until the doorbell rings (True), a scheduled request is due, or it is time to look anyway.

        ``answer`` is that of ``rest``, or 'locked' if a row was skipped: nobody notifies when its lock is released.
        """
        patience = seconds = self._patience(answer)
        if seconds_until_due is not None:
            # What is due and was not promoted just now is locked by somebody: no reason to hurry.
            seconds = min(patience, seconds_until_due if seconds_until_due > 0 else LAST_LOOK_SECONDS)
        rang = await set_within(self._rang, seconds)
        if not rang and answer == "resting" and seconds == patience:
            await self._prove_again()
        self._rang.clear()
        return rang

    async def close(self) -> None:
        """Close the connection; the idle lock goes with it."""
        await self._drop()

    def _patience(self, answer: str) -> float:
        if answer in ("inserters", "locked"):
            look, self._look = self._look, min(self._look * 2, LAST_LOOK_SECONDS)
            return look
        self._look = FIRST_LOOK_SECONDS
        if answer == "deaf":
            return self._settings.poll_seconds
        if answer == "listener":
            return ANOTHER_SLEEPS_SECONDS * random.uniform(0.75, 1.25)
        return self._settings.safety_poll_seconds * random.uniform(0.75, 1.25)

    async def _watch(self, connection: asyncpg.Connection, asking: asyncio.Future[Any]) -> None:
        """Wait for a statement as long as Postgres works on it; a connection that it has heard nothing of is ended."""
        while not (await asyncio.wait([asking], timeout=QUIET_SECONDS))[0]:
            # A connection that does not receive notifications leads to a pooler, whose sessions are not ours to end.
            if self.hears and await self._is_idle(connection.get_server_pid()) and not asking.done():
                log.warning("Postgres does not receive statements: the connection is replaced")
                connection.terminate()
                return

    async def _is_idle(self, backend: int) -> bool:
        """Tell whether a backend of ours does nothing, or is gone; False if that can't be found out."""
        try:
            async with self._database.session(self._name) as other:
                return bool(
                    await other.fetchval("select ingest.ingest_is_idle($1::int)", backend, timeout=PROOF_SECONDS)
                )
        except (*OUTAGE, OperatorError):
            return False

    async def _connect(self) -> None:
        connection = await self._database.connect(self._name)
        self._connection, self.resting = connection, False
        await self._end_predecessor(connection)
        connection.add_termination_listener(lambda _: self._rang.set())
        if not self._settings.poll_only:
            await self._listen(connection)
        self.commanded.set()
        self.asked.set()
        self.to_score.set()
        self.watched.set()
        self.tables.set()

    async def _end_predecessor(self, connection: asyncpg.Connection) -> None:
        """End our earlier backend, which may not have noticed the cut and still hold the idle lock."""
        if self._pid is not None:
            await connection.execute("select ingest.ingest_end_backend($1::int, $2::text)", self._pid, self._name)
        self._pid = connection.get_server_pid()

    async def _listen(self, connection: asyncpg.Connection) -> None:
        events = {
            "doorbell": (self._rang,),
            "commands": (self.commanded,),
            "queries": (self.asked,),
            "reranks": (self.to_score,),
            "watches": (self.watched, self.tables),  # two loops wait, and each clears its own
        }
        for name, heard in events.items():
            channel = await connection.fetchval("select ingest.ingest_channel($1::text)", name)
            for event in heard:
                await connection.add_listener(channel, partial(_set, event))
        await connection.add_listener(self._proof, partial(_set, self._proved))
        self.hears = await self._is_heard(connection)
        if not self.hears:
            log.warning(
                "notifications do not arrive on this connection (a transaction-mode pooler?): looking every %s s."
                " Connect to Postgres directly, or set INGEST_POLL_ONLY=true",
                self._settings.poll_seconds,
            )

    async def _is_heard(self, connection: asyncpg.Connection) -> bool:
        self._proved.clear()
        await connection.execute("select pg_notify($1, '')", self._proof, timeout=PROOF_SECONDS)
        return await set_within(self._proved, PROOF_SECONDS)

    async def _prove_again(self) -> None:
        """After a quiet period, a connection that does not receive its own notification is replaced."""
        try:
            heard = await self._is_heard(await self.connection())
        except OUTAGE:
            heard = False
        if not heard:
            await self._drop()

    async def _drop(self) -> None:
        connection, self._connection, self.resting = self._connection, None, False
        if connection is not None:
            with suppress(*OUTAGE):
                await connection.close(timeout=1.0)


def _set(event: asyncio.Event, *_: object) -> None:
    event.set()
