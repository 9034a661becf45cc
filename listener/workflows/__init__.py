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
import json
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn
from uuid import UUID, uuid4

import asyncpg
from dbos import DBOS, SetWorkflowID, StepOptions
from dbos import error as dbos_error

from listener import steps
from listener.embed_step import EmbedStep
from listener.embedding import Embedder, create
from listener.errors import IngestError, LostOwnership, ServiceError
from listener.models import BatchRef, Owner, RequestRef, Space
from listener.outages import patiently
from listener.places import Places
from listener.steps import Tools

log = logging.getLogger(__name__)

PIPELINE = "1"
"""Raised when the steps change: an execution never mixes the steps of two versions."""

LOOK_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
CHILD_POLL_SECONDS = 0.5

Step = Callable[[], Awaitable[dict[str, int]]]


class Workflows:
    """Registers the workflows with DBOS and runs them with our tools. One of it in a process, made before launch."""

    def __init__(
        self,
        tools: Tools,
        queue: str,
        others: Callable[[], Awaitable[int]],
        ended: Callable[[UUID, str], None],
    ) -> None:
        """``queue`` is the batch queue, ``others`` tells how many batches other listeners of it take at a time.

        ``ended`` hears the final status of each request that ended here.
        """
        self._tools = tools
        self._queue = queue
        self._others = others
        self._ended = ended
        self._embedders: dict[Space, Embedder] = {}
        self.requests = Places(tools.settings.concurrency)
        self.batches = Places(tools.settings.batch_concurrency)
        self._one_ended = asyncio.Event()
        self._register()

    def _register(self) -> None:
        @DBOS.workflow(name="ingest_request")
        async def ingest_request(ref: dict[str, Any]) -> dict[str, Any]:
            return await self._request(RequestRef.model_validate(ref))

        @DBOS.workflow(name="ingest_batch")
        async def ingest_batch(ref: dict[str, Any]) -> dict[str, Any]:
            return await self._batch(BatchRef.model_validate(ref))

        self._ingest_request, self._ingest_batch = ingest_request, ingest_batch

    async def start(self, request: UUID) -> None:
        """Start a request's workflow under the request's id; it runs in the background.

        DBOS's primary key makes it happen once: to start it again does nothing.
        """
        await self._started(self.requests, str(request), self._ingest_request, RequestRef(request=request))

    async def _started(self, places: Places, workflow: str, function: Any, ref: RequestRef | BatchRef) -> Any:
        """Start a workflow in a place of ours; the place is free again if it turns out to run or to have run before."""
        places.reserve(workflow)
        started_here = False
        try:
            with SetWorkflowID(workflow):
                handle = await DBOS.start_workflow_async(function, ref.as_json())
            started_here = hasattr(handle, "task")
            return handle
        finally:
            if not started_here:
                places.release(workflow)

    async def refuse(self, request: UUID, error: Exception) -> None:
        """End a request that can't be carried out, without a workflow."""
        await self._settle_failed(RequestRef(request=request), error)

    @property
    def busy(self) -> bool:
        """Whether a request or a batch runs here."""
        return bool(self.requests.taken or self.batches.taken)

    async def wait_for_end(self, seconds: float) -> None:
        """Wait until a request or a batch ends here, or the time is over."""
        self._one_ended.clear()
        with suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._one_ended.wait(), seconds)

    async def close(self) -> None:
        """Close the embedders."""
        for embedder in self._embedders.values():
            await embedder.close()

    # the request workflow

    async def _request(self, ref: RequestRef) -> dict[str, Any]:
        self.requests.take(str(ref.request))
        try:
            request = await self._begin(ref)
            outcome = await self._carried_out(ref, request)
            return outcome | {"status": await self._settle(ref)}
        except Exception as error:
            await self._settle_failed(ref, error)
            raise
        finally:
            self.requests.give_back()
            self._one_ended.set()

    async def _begin(self, ref: RequestRef) -> asyncpg.Record:
        request = await patiently(partial(self._tools.store.begin, ref, self._tools.executor_id))
        if request is None:
            await self._give_way(ref, str(ref.request))
        return request

    async def _give_way(self, ref: RequestRef, workflow: str) -> NoReturn:
        """End an execution without an outcome: the request was cancelled, or another listener runs it.

        A cancel may have come when DBOS had no such workflow yet: then it is cancelled now.
        """
        if not await patiently(partial(self._tools.store.is_running, ref)):
            await DBOS.cancel_workflow_async(workflow)
        raise dbos_error.DBOSWorkflowCancelledError(f"workflow {workflow} does not run here")

    async def _carried_out(self, ref: RequestRef, request: asyncpg.Record) -> dict[str, Any]:
        found = await self._step("discover", partial(steps.discover, self._tools, ref, request))
        if found["batches"] == 1:
            await self._steps(BatchRef(request=ref.request, batch=found["first_batch"]))
        elif found["batches"] > 1:
            await self._children(ref)
        if json.loads(request["options"]).get("publish") == "request":
            await self._step("save", partial(steps.save_request, self._tools, ref))
        return found

    async def _children(self, ref: RequestRef) -> None:
        """Run the batches as workflows of their own, and raise the first error when all have ended."""
        handles = []
        queued: list[int] = []
        for number in await patiently(partial(self._tools.store.batches, ref)):
            batch = BatchRef(request=ref.request, batch=number)
            direct = await self._room_here(ref, queued)
            if direct:
                handles.append(await self._started(self.batches, _id_of(batch), self._ingest_batch, batch))
                continue
            with SetWorkflowID(_id_of(batch)):
                handles.append(await DBOS.enqueue_workflow_async(self._queue, self._ingest_batch, batch.as_json()))
            queued.append(number)
        errors: list[Exception] = []
        for handle in handles:
            try:
                await handle.get_result(polling_interval_sec=CHILD_POLL_SECONDS)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    async def _room_here(self, ref: RequestRef, queued: Iterable[int]) -> bool:
        """Wait until the next batch can start; True: here, False: the other listeners have more room than is queued."""
        while not self.batches.free:
            others = await patiently(self._others)
            if others and await patiently(partial(self._tools.store.untouched, ref, queued)) < others:
                return False
            await self.batches.wait(LOOK_SECONDS)
        return True

    async def _settle_failed(self, ref: RequestRef, error: Exception) -> None:
        reason = _as_json(error)
        log.warning("request failed", extra={"request": str(ref.request), "code": reason["code"]})
        log.debug("request failed", exc_info=error)
        await self._settle(ref, "failed", reason)

    async def _settle(
        self, ref: RequestRef, status: str | None = None, error: dict[str, Any] | None = None
    ) -> str | None:
        """End the request, unless a cancel did: then None."""
        final: str | None = await patiently(partial(self._tools.store.settle, ref.request, status, error))
        if final is not None:
            self._ended(ref.request, final)
        return final

    # the batch workflow

    async def _batch(self, ref: BatchRef) -> dict[str, Any]:
        async with self.batches.one(_id_of(ref)):
            try:
                return await self._steps(ref)
            finally:
                self._one_ended.set()

    async def _steps(self, ref: BatchRef) -> dict[str, Any]:
        """Run a batch's four steps as its only owner; of one that brought nothing new, the first and the last."""
        owner = Owner(ref, uuid4())
        if not await patiently(partial(self._tools.store.own, owner, self._tools.executor_id)):
            await self._give_way(RequestRef(request=ref.request), _id_of(ref))
        settings = await patiently(partial(self._tools.store.batch_settings, ref))
        outcome = await self._step("load", partial(steps.load, self._tools, owner))
        if outcome["open"]:
            outcome |= await self._step("chunk", partial(steps.cut, self._tools, owner))
            outcome |= await self._step("embed", partial(self._embed, owner, settings), preemptible=True)
        if settings["publish"] != "request":
            outcome |= await self._step("save", partial(steps.save, self._tools, owner))
        return outcome

    async def _embed(self, owner: Owner, settings: dict[str, Any]) -> dict[str, int]:
        """Embed, and try again as the settings say while the service fails; ``ingest_status`` shows why it waits."""
        attempts = self._tools.settings.embed_attempts
        for attempt in range(1, attempts + 1):
            try:
                return await EmbedStep(self._tools.store, self._embedder(settings), owner, settings).run()
            except ServiceError as error:
                if attempt == attempts:
                    raise
                pause = error.retry_after or self._backoff(attempt)
                await self._tools.store.note_retry(owner, error.as_json("embed"), pause)
                await asyncio.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _backoff(self, attempt: int) -> float:
        settings = self._tools.settings
        pause = settings.embed_interval_seconds * settings.embed_backoff ** (attempt - 1)
        return float(min(pause, LONGEST_WAIT_SECONDS) * random.uniform(0.75, 1.25))

    def _embedder(self, settings: dict[str, Any]) -> Embedder:
        space = Space(settings["embedder"], settings["endpoint"], settings["model"], settings["dimensions"])
        if space not in self._embedders:
            self._embedders[space] = create(space)
        return self._embedders[space]

    async def _step(self, name: str, step: Step, *, preemptible: bool = False) -> dict[str, int]:
        """Run one checkpointed step. An execution that lost its batch ends without an outcome of its own."""

        async def body() -> dict[str, int]:
            try:
                return await patiently(step)
            except LostOwnership as lost:
                raise dbos_error.DBOSWorkflowCancelledError(str(lost)) from None
            except IngestError as error:
                error.step = error.step or name
                raise

        options = StepOptions(name=name, preemptible=preemptible)
        return await DBOS.run_step_async(options, body)


def _id_of(batch: BatchRef) -> str:
    return f"{batch.request}:{batch.batch}"


def _as_json(error: Exception) -> dict[str, Any]:
    """Return what the ``error`` column holds; after a recovery DBOS gives back our error as plain JSON in ``data``."""
    if isinstance(error, IngestError):
        return error.as_json()
    data = getattr(error, "data", None)
    if isinstance(data, dict) and "code" in data:
        return data
    return {
        "code": "internal",
        "message": f"{type(error).__name__}: {error}",
        "hint": "The listener's log has more; please report it.",
        "step": None,
        "retryable": True,
    }
