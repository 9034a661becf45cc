"""The two durable workflows and their steps, top to bottom.

::

    ingest_request(RequestRef)       id = the request's id
      discover                       step: source → manifest, cut into batches
      one batch:    load, chunk, embed, save     steps, inline
      more batches: ingest_batch(BatchRef)       id = request id:batch number; started here while there are free
                                                 places, left on the queue as far as other listeners can take them
    then the documents decide how the request ended

DBOS's checkpoints order, retry and recover the steps; ``ingest_revisions.state`` is what a document has reached. What
an execution does outside of a step (begin, own, settle) may be repeated without harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from dbos import DBOS, SetWorkflowID
from dbos import error as dbos_error

from listener import logs
from listener.database.outages import is_outage, retry_on_outage
from listener.documents.turns import Share
from listener.errors import LostOwnership, RequestError, ServiceError
from listener.pipeline.announcements import Announcements
from listener.pipeline.batch import BatchRuns
from listener.pipeline.batch_room import BatchRoom
from listener.pipeline.capacity import Capacity
from listener.pipeline.checkpoints import as_json, done_before, give_way, refuse_copies, run_step, without_slot
from listener.pipeline.discover import discover
from listener.pipeline.identity import Identity
from listener.pipeline.mirror import mirror
from listener.pipeline.parking import Parking
from listener.pipeline.places import Places, Seat
from listener.pipeline.references import BatchRef, RequestRef
from listener.pipeline.request_rows import Manifest, RunningRequest
from listener.pipeline.rewinding import cancel_active, rewind, rewind_batches
from listener.pipeline.sharing import Shares
from listener.pipeline.tools import Tools

log = logging.getLogger(__name__)

BATCH_CANCELLED = RequestError(
    "cancelled",
    "one of its batches was cancelled with DBOS's own tools",
    "To continue it: select ingest_resume(id).",
).as_json()

CHILD_POLL_SECONDS = 0.5
ABANDON_SECONDS = 5.0


class Workflows:
    """Registers the workflows with DBOS and runs them with our tools. One of it in a process, made before launch."""

    def __init__(self, tools: Tools, identity: Identity, capacity: Capacity, announcements: Announcements) -> None:
        self._tools = tools
        self._identity = identity
        self._capacity = capacity
        self._announcements = announcements
        self.parking = Parking(tools)
        self._runs = BatchRuns(tools, self.parking)
        self._room = BatchRoom(tools, identity, capacity.batches, self.parking)
        self.shares = Shares(tools, self._runs, announcements)
        self._going_on: set[UUID] = set()
        self._executions: set[asyncio.Task[Any]] = set()
        self._abandoned = False
        self._register()

    def _register(self) -> None:
        @DBOS.workflow(name="ingest_request")
        async def ingest_request(ref: dict[str, Any]) -> dict[str, Any]:
            return await self._request(RequestRef.model_validate(ref))

        @DBOS.workflow(name="ingest_batch")
        async def ingest_batch(ref: dict[str, Any]) -> dict[str, Any]:
            return await self._batch(BatchRef.model_validate(ref))

        self._ingest_request, self._ingest_batch = ingest_request, ingest_batch

    async def start(self, request: UUID, long: bool = False) -> None:
        """Start a request's workflow under its id, in the background; DBOS's primary key makes that happen once.

        ``long``: it takes a place to work in, too.
        """
        places = (self._capacity.requests, self._capacity.batches) if long else (self._capacity.requests,)
        handle = await self._started(places, str(request), self._ingest_request, RequestRef(request=request))
        if not hasattr(handle, "task"):  # DBOS has this workflow already, so none starts here; repair resumes it
            self.shares.leave_out(request)
            self._capacity.end_small(str(request))

    async def _started(self, places: Iterable[Places], workflow: str, function: Any, ref: RequestRef | BatchRef) -> Any:
        """Start a workflow in places of ours; they are free again if it turns out to run or to have run before."""
        for one in places:
            one.reserve(workflow)
        handle = None
        try:
            with SetWorkflowID(workflow), self._capacity.executes(workflow):  # however long it takes: not for repair
                handle = await DBOS.start_workflow_async(function, ref.as_json())
            return handle
        finally:
            if not hasattr(handle, "task"):
                for one in places:
                    one.release(workflow)

    async def go_on(self, request: UUID, left: Sequence[str] = ()) -> None:
        """Resume a request's workflows: those of its unfinished batches first, then its own.

        Documents know how far they are, so all of them begin at the first step. May be repeated at any time.
        ``left``: workflows of batches to be rewound although their documents are finished.
        """
        if request not in self._going_on:  # with thousands of batches it takes longer than repair waits
            self._going_on.add(request)
            try:
                await self._go_on(RequestRef(request=request), left)
            finally:
                self._going_on.discard(request)

    async def _go_on(self, ref: RequestRef, left: Sequence[str]) -> None:
        known = await cancel_active(str(ref.request))  # while its batches are put back; what appears later may run
        await rewind_batches(self._tools.gateway, ref, left, self._identity)
        if not (known and await rewind(str(ref.request), self._identity.requests_queue, self._identity.pipeline)):
            await self.start(ref.request)

    async def abandon(self) -> None:
        """Break off what runs here, and leave it to others. It must not continue while its tools are being closed."""
        self._abandoned = True
        for execution in self._executions:
            execution.cancel()
        if self._executions:
            await asyncio.wait(self._executions, timeout=ABANDON_SECONDS)

    async def refuse(self, request: UUID, attempt: int, error: Exception) -> None:
        """End a request that can't be carried out, without a workflow."""
        await self._settle_failed(RequestRef(request=request), attempt, error)

    # the request workflow

    async def _request(self, ref: RequestRef) -> dict[str, Any]:
        refuse_copies(str(ref.request))
        self._capacity.requests.take(str(ref.request))
        began, attempt = time.monotonic(), None
        with (
            logs.bound(request=str(ref.request)),
            self._executes(str(ref.request)),
            self._tools.tracing.request(ref.request) as span,
        ):
            try:
                attempt = 1 if (shared := self.shares.join(ref.request)) else None  # only a first attempt shares
                if shared and (status := await shared):
                    span.output(status=status)
                    log.info("request ended", extra={"status": status, "seconds": round(time.monotonic() - began, 3)})
                    return {"status": status}
                request = await self._begin(ref, attempt)
                if request is None:
                    return {"status": await done_before(self._tools, ref)}
                attempt = request.attempt
                span.about(collection=request.collection)
                log.info("request started", extra={"collection": request.collection, "attempt": attempt})
                outcome = await self._carried_out(ref, request)
                outcome |= {"status": await self._settle(ref, attempt)}
                log.info("request ended", extra=outcome | {"seconds": round(time.monotonic() - began, 3)})
                span.output(**outcome)
                return outcome
            except LostOwnership:
                await give_way(self._tools, ref, str(ref.request))
            except dbos_error.DBOSAwaitedWorkflowCancelledError:
                await self._settle(ref, attempt, "cancelled", BATCH_CANCELLED)
                raise
            except Exception as error:
                if not self._leaves(error):
                    await self._settle_failed(ref, attempt, error)
                raise
            finally:
                self._capacity.end(str(ref.request))

    async def _begin(self, ref: RequestRef, attempt: int | None) -> RunningRequest | None:
        request = await retry_on_outage(partial(self._tools.gateway.begin, ref, self._tools.executor_id, attempt))
        if request is not None and request.crashes >= self._tools.settings.max_attempts:
            raise RequestError(
                "crash_limit",
                f"{request.crashes} listeners died while looking for its documents",
                "See why their processes ended (out of memory?). Then: select ingest_resume(id).",
            )
        return request

    async def _carried_out(self, ref: RequestRef, request: RunningRequest) -> dict[str, Any]:
        workflow, requests, batches = str(ref.request), self._capacity.requests, self._capacity.batches
        with self._capacity.long(request.share):
            async with batches.one(workflow, request.share):
                seat = Seat(workflow, request.share, batches, requests)
                wait = partial(self._runs.waits.after_looking, request, seat)
                counts = await run_step(self._tools, "discover", partial(discover, self._tools, ref, request, wait))
                found = Manifest(**counts)
                if found.batches == 1 and found.first_batch is not None:
                    await self._runs.run(BatchRef(request=ref.request, batch=found.first_batch), seat)
            if found.batches > 1:
                with self._aside(workflow):
                    await self._children(ref, request.share)
        if request.options.publish == "request" and not request.options.plan:
            await run_step(self._tools, "save", partial(self._runs.save_all, ref, request.share, batches))
        if request.options.mirror and not request.options.plan:
            await run_step(self._tools, "mirror", partial(mirror, self._tools, ref, request.attempt))
        return counts

    @contextmanager
    def _aside(self, workflow: str) -> Iterator[None]:
        """Have a request hold no place and no slot for the time of a block: its batches have their own places."""
        with without_slot(workflow), self._capacity.requests.lent(workflow):
            yield

    async def _children(self, ref: RequestRef, share: Share) -> None:
        """Run the batches as separate workflows, and raise the first error when all have ended."""
        handles = []
        queued: list[int] = []
        errors: list[Exception] = []
        settings = await retry_on_outage(partial(self._tools.gateway.batch_settings, ref.request, 0))
        for number in await retry_on_outage(partial(self._tools.gateway.batches, ref)):
            batch = BatchRef(request=ref.request, batch=number)
            try:
                here = await self._room.wait(batch, share, queued, settings)
            except ServiceError as over:  # patience ran out: those that began end by themselves
                errors.append(over)
                break
            if here:
                places = (self._capacity.batches,)
                handles.append(await self._started(places, batch.workflow, self._ingest_batch, batch))
                continue
            with SetWorkflowID(batch.workflow):
                queue = self._identity.batches_queue
                handles.append(await DBOS.enqueue_workflow_async(queue, self._ingest_batch, batch.as_json()))
            queued.append(number)
        for handle in handles:
            try:
                await handle.get_result(polling_interval_sec=CHILD_POLL_SECONDS)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    async def _settle_failed(self, ref: RequestRef, attempt: int | None, error: Exception) -> None:
        reason = as_json(error)
        log.warning("request failed", extra={"code": reason["code"], "told": reason["message"]})
        log.debug("request failed", exc_info=error)
        await self._settle(ref, attempt, "failed", reason)

    async def _settle(
        self, ref: RequestRef, attempt: int | None, status: str | None = None, error: dict[str, Any] | None = None
    ) -> str | None:
        """End the request, unless a cancel did, or this is an execution of an earlier attempt: then None."""
        executor = self._tools.executor_id if attempt else None
        settle = partial(self._tools.gateway.settle, ref.request, executor, attempt, status, error)
        final = await retry_on_outage(settle)
        if final is not None:
            self._announcements.ended(final)
        return final

    @contextmanager
    def _executes(self, workflow: str) -> Iterator[None]:
        """Count a workflow as executed here. If DBOS gave up waiting for Postgres, it is resumed later."""
        execution = asyncio.current_task()
        assert execution is not None
        self._executions.add(execution)
        try:
            with self._capacity.executes(workflow):
                yield
        except Exception as error:
            if not self._leaves(error):
                raise
            if not self._abandoned:
                log.warning("waiting for Postgres: %s; it continues later", error)
            raise dbos_error.DBOSWorkflowCancelledError(f"workflow {workflow} continues later") from None
        finally:
            self._executions.discard(execution)

    def _leaves(self, error: Exception) -> bool:
        """Tell whether an error says nothing about the work: it continues later, maybe elsewhere."""
        return self._abandoned or is_outage(error)

    # the batch workflow

    async def _batch(self, ref: BatchRef) -> dict[str, Any]:
        refuse_copies(ref.workflow)
        with logs.bound(request=str(ref.request)), self._executes(ref.workflow):
            settings = await retry_on_outage(partial(self._tools.gateway.batch_settings, ref.request, ref.batch))
            places = self._capacity.batches
            async with places.one(ref.workflow, settings.share):
                return await self._runs.run(ref, Seat(ref.workflow, settings.share, places))
