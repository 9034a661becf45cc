"""A verb on all requests that match, carried out in the background: how far it is, and what was refused."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone

from listener.cli.lasting import LastingWay
from listener.cli.problems import Problem, shown
from listener.cli.webui.live import Live
from listener.client import Ingest
from listener.client.selection import RequestFilter, Verb, VerbResult
from listener.errors import RequestError

MOST_UNDER_WAY = 10
KEPT = 50
MOST_REASONS = 100
NO_LONGER = "wrong_state"


@dataclass
class RefusedRequests:
    """How many requests were refused for one reason, and one of them."""

    number: int
    request: str
    problem: Problem


@dataclass
class BatchRun:
    """What became of a verb so far. ``state``: waits, runs, ended, stopped, broken (``problem`` says why)."""

    id: str
    verb: Verb
    sought: RequestFilter
    filters: Mapping[str, str]
    expected: int
    began_at: datetime
    state: str = "waits"
    done: int = 0
    refused: dict[str, RefusedRequests] = field(default_factory=dict)
    problem: Problem | None = None
    ended_at: datetime | None = None

    @property
    def number_refused(self) -> int:
        """How many were refused, beside those that no longer fitted."""
        return sum(one.number for code, one in self.refused.items() if code != NO_LONGER)

    @property
    def late(self) -> int:
        """How many no longer fitted when it was their turn: they had ended, or somebody else was faster."""
        told = self.refused[NO_LONGER].number if NO_LONGER in self.refused else 0
        left = self.expected - self.done - self.number_refused if self.state == "ended" else 0
        return max(told, left)

    @property
    def through(self) -> int:
        """How many it is through with."""
        return self.done + self.number_refused + self.late

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None

    def note(self, result: VerbResult) -> None:
        """Count what became of one request."""
        if result.error is None:
            self.done += 1
            return
        known = self.refused.get(result.error.code)
        if known:
            known.number += 1
        elif len(self.refused) < MOST_REASONS:
            self.refused[result.error.code] = RefusedRequests(1, str(result.request), shown(result.error))


class Runs:
    """Runs of this server, the last ones; one at a time, so that pages keep connections to read by."""

    def __init__(self, way: LastingWay, live: Live) -> None:
        self._way = way
        self._live = live
        self._turn = asyncio.Lock()
        self._runs: OrderedDict[str, tuple[BatchRun, asyncio.Task[None]]] = OrderedDict()

    def begin(self, verb: Verb, sought: RequestFilter, filters: Mapping[str, str], expected: int) -> BatchRun:
        """Begin with all that match; return at once. Raises RequestError ``too_many_runs``."""
        if len(self.under_way()) >= MOST_UNDER_WAY:
            raise RequestError("too_many_runs", f"{MOST_UNDER_WAY} runs wait or go on", "Wait for one, or stop it.")
        run = BatchRun(secrets.token_urlsafe(9), verb, sought, filters, expected, datetime.now(timezone.utc))
        self._runs[run.id] = run, asyncio.create_task(self._go(run))
        for old in [key for key, (_, task) in self._runs.items() if task.done()][: max(0, len(self._runs) - KEPT)]:
            del self._runs[old]
        return run

    def of(self, run: str) -> BatchRun:
        """Return a run; raises RequestError ``unknown_run``."""
        if run not in self._runs:
            raise RequestError("unknown_run", "this server knows nothing of it any more", "Look at the requests.")
        return self._runs[run][0]

    def under_way(self) -> list[BatchRun]:
        """Return those that go on."""
        return [run for run, _ in self._runs.values() if run.is_under_way]

    async def stop(self, run: str) -> BatchRun:
        """Stop a run; what it did stays. Raises RequestError ``unknown_run``."""
        stopped = self.of(run)
        task = self._runs[run][1]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if stopped.state == "waits":  # it had not begun
            stopped.state, stopped.ended_at = "stopped", datetime.now(timezone.utc)
        return stopped

    async def close(self) -> None:
        """Stop all of them."""
        for run in [*self._runs]:
            await self.stop(run)

    async def _go(self, run: BatchRun) -> None:
        try:
            async with self._turn:
                run.state = "runs"
                await self._way.use(lambda ingest: self._carry_out(run, ingest), changes=True)
            run.state = "ended"
        except Exception as error:  # whatever it is, the run is over
            run.state, run.problem = "broken", shown(error)
        except asyncio.CancelledError:
            run.state = "stopped"
            raise
        finally:
            run.ended_at = datetime.now(timezone.utc)
            await self._live.look()

    async def _carry_out(self, run: BatchRun, ingest: Ingest) -> None:
        async with aclosing(ingest.each_matching(run.verb, run.sought)) as results:
            async for result in results:
                run.note(result)
