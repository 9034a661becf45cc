"""Small requests that were claimed together go through the steps together: a batch that they share. One alone, too.

::

    claim ─► each starts its own workflow, which waits here
          └► meanwhile one execution: begin, load, chunk, embed     once for all of them, without checkpoints
               └► all workflows stand in DBOS: save, end
    workflow ─► its request has ended? done. Otherwise it continues alone, from where its document stands

``ingest_revisions.state`` is a document's checkpoint, and each request has a row in ``ingest_batches`` of its own. So
an execution that is lost with its listener, or gives up, leaves nothing that the workflows could not go on with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TypeAlias
from uuid import UUID

import anyio

from listener import logs
from listener.concurrency import task_group
from listener.database.outages import retry_on_outage
from listener.errors import IngestError, LostOwnership
from listener.pipeline.announcements import Announcements
from listener.pipeline.batch import BatchRuns, GoAlone
from listener.pipeline.rows import Fence
from listener.pipeline.shared_gateway import SharedGateway
from listener.pipeline.tools import Tools

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""As DBOS looks for cancelled workflows."""

Outcome: TypeAlias = "asyncio.Future[str | None]"


class Shares:
    """The shared batches that run here, and the workflows that wait for them."""

    def __init__(self, tools: Tools, runs: BatchRuns, announcements: Announcements) -> None:
        self._tools = tools
        self._runs = runs
        self._announcements = announcements
        self._expected: dict[UUID, Outcome] = {}
        self._waiting: dict[UUID, Outcome] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.left_out: set[UUID] = set()
        """Requests that may have begun in a shared batch, and whose workflow DBOS had before: for ``repair``."""

    @contextmanager
    def together(self, requests: Sequence[UUID]) -> Iterator[None]:
        """Let requests share a batch, which begins at once; in this block their workflows are started."""
        loop = asyncio.get_running_loop()
        outcomes: dict[UUID, Outcome] = {request: loop.create_future() for request in requests}
        self._expected |= outcomes
        self._waiting |= outcomes
        writes = SharedGateway.of(self._tools.gateway)
        with logs.bound(request=str(requests[0])) if len(requests) == 1 else nullcontext():
            # A task, no task group: it outlives its caller, and workflows wait for it, each in a task of DBOS.
            task = loop.create_task(self._carry(requests, writes))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            yield
        except BaseException:
            task.cancel()
            self.release(requests)
            raise
        writes.unstarted = set(requests) - self._waiting.keys()
        writes.started.set()

    def join(self, request: UUID) -> Outcome | None:
        """Return what a request's workflow has to wait for; None if it shares no batch.

        It is the status that the request ended with, or None if it has to go alone; it raises what failed the whole
        batch (SettingsError, ServiceError). Only the first execution that asks is meant: one that comes later carries
        out a later attempt.
        """
        return self._expected.pop(request, None)

    async def close(self) -> None:
        """Abandon what runs."""
        for task in [*self._running]:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _carry(self, requests: Sequence[UUID], writes: SharedGateway) -> None:
        """Carry requests through the steps; whatever happens, the unfinished ones continue alone."""
        executor = self._tools.executor_id
        try:
            fence = await retry_on_outage(partial(writes.begin_shared, requests, executor))
            if fence is not None:
                self.release(set(requests) - set(fence.requests))
                await self._run_while_wanted(fence, writes)
                self._resolve(await retry_on_outage(partial(writes.end_shared, fence, executor)))
        except (LostOwnership, GoAlone):
            pass  # all of them were cancelled, or others continue them; or each waits for its service by itself
        except IngestError as error:
            self._fail(requests, error)
        except Exception:
            log.exception("a batch of %d requests failed: each continues alone", len(requests))
        self.release(requests)

    async def _run_while_wanted(self, fence: Fence, writes: SharedGateway) -> None:
        """Run the batch's steps, and abandon them when all of its requests were cancelled."""
        async with task_group() as tasks:
            tasks.start_soon(self._let_go_of_cancelled, fence)
            tasks.start_soon(writes.write_what_takes_longer, fence)
            await self._runs.run_shared(fence, replace(self._tools, gateway=writes))
            tasks.cancel_scope.cancel()

    async def _let_go_of_cancelled(self, fence: Fence) -> None:
        """Release requests that are cancelled while their batch runs; raises LostOwnership when none is left."""
        left = set(fence.requests)
        while left:
            await anyio.sleep(LOOK_SECONDS)
            gone = left - await retry_on_outage(partial(self._tools.gateway.running, [*left]))
            self.release(gone)
            left -= gone
        raise LostOwnership("lost_ownership", "all requests of a shared batch were cancelled")

    def _resolve(self, ended: dict[UUID, str]) -> None:
        for request, status in ended.items():
            self._announcements.ended(status)
            if waiting := self._left(request):
                waiting.set_result(status)

    def _fail(self, requests: Iterable[UUID], error: IngestError) -> None:
        for request in requests:
            if waiting := self._left(request):
                waiting.set_exception(error)

    def leave_out(self, request: UUID) -> None:
        """Release a request whose workflow did not start."""
        if request in self._waiting:
            self.left_out.add(request)
        self.release([request])

    def release(self, requests: Iterable[UUID]) -> None:
        """Leave requests to their own workflows."""
        for request in requests:
            if waiting := self._left(request):
                waiting.set_result(None)

    def _left(self, request: UUID) -> Outcome | None:
        """Take a request out; return what its workflow waits for, if it has arrived and was not stopped meanwhile."""
        late = self._expected.pop(request, None)
        waiting = self._waiting.pop(request, None)
        return None if late or waiting is None or waiting.done() else waiting
