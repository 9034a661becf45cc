"""Fire the watches that are due, and notice changes behind those that wait for some.

::

    doorbell 'watches' ─┐
    the next time ──────┼─► which are to be noticed? ─► what has changed? ─► fire what is due, one by one
    a change ───────────┘

All listeners do so. A watch is fired under its row's lock, in one statement that also moves its time: whoever is killed
has fired it, or has not. When a time has come says the database's clock.
"""

from __future__ import annotations

import logging

import anyio
import asyncpg

from listener.concurrency import set_within, task_group
from listener.database.outages import waiting_for_postgres
from listener.engine import watch_rows
from listener.engine.doorbell import Doorbell
from listener.engine.loop import Loop
from listener.engine.watch_rows import Fired
from listener.pipeline.identity import Identity
from listener.settings.roots import folders_among
from listener.sources.folder_roots import FolderRoots
from listener.sources.noticing import Noticing

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0  # although nothing was heard
DEAF_SECONDS = 5.0  # where nothing can be heard
SOON_SECONDS = 0.5  # for what was locked
LEAST_SECONDS = 0.02  # anybody may notify: a flood of notifications causes no more looks than that
MOST_WATCHES = 1000  # that one listener notices changes of


class Watches(Loop):
    """The loop that fires watches."""

    name = "watches"

    def __init__(self, pool: asyncpg.Pool, doorbell: Doorbell, identity: Identity) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._identity = identity
        folders = folders_among(identity.roots)
        self._noticing = Noticing(FolderRoots(folders), doorbell.watched.set) if folders else None
        self._changed: set[str] = set()
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Fire when it is time, or something changed."""
        async with task_group() as tasks:
            if self._noticing:
                tasks.start_soon(self._noticing.run)
            seconds = 0.0
            while True:
                await set_within(self._doorbell.watched, seconds)
                self._doorbell.watched.clear()
                seconds = DEAF_SECONDS
                with waiting_for_postgres(self.name):
                    seconds = await self._look()
                await anyio.sleep(LEAST_SECONDS)

    async def _look(self) -> float:
        """Do what there is to do; return the seconds until there is more."""
        locked = self._noticing is not None and await self._notice(self._noticing)
        while isinstance(found := await watch_rows.fire(self._pool.fetch), Fired):
            log.debug("watch %s fired", found.watch, extra={"request": str(found.request)})
        longest = LOOK_SECONDS if self._doorbell.hears else DEAF_SECONDS
        # What is due and was not fired is locked by somebody: no reason to hurry.
        until = longest if found is None else found if found > 0 else SOON_SECONDS
        return min(SOON_SECONDS if locked else longest, until)

    async def _notice(self, noticing: Noticing) -> bool:
        """Adopt what must be noticed, report what has changed; return whether some must be reported again."""
        noticing.want(await watch_rows.on_change(self._pool.fetch, self._identity.roots, MOST_WATCHES))
        self._changed |= noticing.take()
        if self._changed:
            self._changed = await watch_rows.notice(self._pool.fetch, sorted(self._changed))
        if (how := noticing.how()) != self._said:
            await watch_rows.say_noticing(self._pool.fetch, self._identity.executor_id, how)
            self._said = how
        return bool(self._changed)
