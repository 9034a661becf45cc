"""A background part of a listener: it works until it is stopped, or it fails and so ends its listener."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import ClassVar

import anyio

from listener.database.outages import waiting_for_postgres
from listener.engine.endings import ending


class Loop(ABC):
    """One background part. ``name`` is what the log calls it."""

    name: ClassVar[str]
    _task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """Work until cancelled; raises what is to end the listener."""

    def start(self) -> asyncio.Task[None]:
        """Run in a separate task. If the loop fails, the task raises OperatorError, which names the loop."""
        # asyncio's, no task group: it outlives its caller. And its cancel comes once, so a transaction is rolled back.
        self._task = asyncio.create_task(self._run_and_report(), name=f"ingest {self.name}")
        return self._task

    async def stop(self) -> None:
        """End the run where it waits; returns when it has ended, also if it had before or was never started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run_and_report(self) -> None:
        try:
            await self.run()
        except Exception as error:
            reason = ending(self.name, error)
            raise reason from (None if reason is error else error)


class Rounds(Loop):
    """A loop that looks at an interval. What it can't do while Postgres is away, it does at the next look."""

    def __init__(self, seconds: float, first_after: float = 0.0) -> None:
        self._seconds = seconds
        self._first_after = first_after

    @abstractmethod
    async def look(self) -> None:
        """Look once, and do what there is to do; raises what is to end the listener."""

    async def run(self) -> None:
        """Look, again and again."""
        await anyio.sleep(self._first_after)
        while True:
            with waiting_for_postgres(self.name):
                await self.look()
            await anyio.sleep(self._seconds)
