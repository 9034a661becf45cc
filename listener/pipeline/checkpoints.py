"""One checkpointed step, and the ways in which an execution ends without its own outcome."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from dbos import DBOS, StepOptions
from dbos import error as dbos_error
from dbos._dbos import _get_dbos_instance

from listener import logs
from listener.database.outages import is_outage, retry_on_outage
from listener.errors import IngestError, LostOwnership, RequestError, ServiceError
from listener.logs.masking import mask
from listener.pipeline.references import RequestRef
from listener.pipeline.tools import Tools

Step = Callable[[], Awaitable[dict[str, int]]]

DONE = ("succeeded", "partially_succeeded")
"""Statuses of requests whose workflows have succeeded."""


async def run_step(tools: Tools, name: str, step: Step) -> dict[str, int]:
    """Run one checkpointed step. An execution that lost its batch ends without its own outcome."""

    async def body() -> dict[str, int]:
        try:
            return await run_plainly(tools, name, step)
        except LostOwnership as lost:
            raise dbos_error.DBOSWorkflowCancelledError(str(lost)) from None
        except Exception as error:
            if isinstance(error, IngestError) or is_outage(error):
                raise
            raise _internal(error, name) from error

    # DBOS looks once a second whether a preemptible step's workflow was cancelled: only calls of an API are worth it.
    return await DBOS.run_step_async(StepOptions(name=name, preemptible=name == "embed"), body)


def _internal(error: Exception, step: str) -> ServiceError:
    """Return a foreign error as DBOS may record it: its own words may contain a service's, or a key."""
    told = as_json(error)
    ours = ServiceError(told["code"], told["message"], told["hint"])
    ours.step = step
    return ours


async def run_plainly(tools: Tools, name: str, step: Step) -> dict[str, int]:
    """Run one step without a checkpoint."""
    began = time.monotonic()
    with logs.bound(step=name), tools.tracing.step(name) as span:
        try:
            counts = await retry_on_outage(step)
        except IngestError as error:
            error.step = error.step or name
            raise
        finally:
            tools.figures.steps[name].add(time.monotonic() - began)
        tools.figures.reached(counts)
        span.output(**counts)
        return counts


async def done_before(tools: Tools, ref: RequestRef) -> str:
    """Return how a request succeeded whose listener died before DBOS heard of it; of any other one, give way."""
    status = await retry_on_outage(partial(tools.gateway.status, ref))
    if status not in DONE:
        await give_way(tools, ref, str(ref.request))
    return status


async def give_way(tools: Tools, ref: RequestRef, workflow: str) -> NoReturn:
    """End an execution without an outcome: the request was cancelled, or another listener runs it.

    A cancel may have come when DBOS had no such workflow yet: then it is cancelled now.
    """
    await retry_on_outage(partial(_cancel_unless_running, tools, ref, workflow))
    raise dbos_error.DBOSWorkflowCancelledError(f"workflow {workflow} does not run here")


async def _cancel_unless_running(tools: Tools, ref: RequestRef, workflow: str) -> None:
    """Cancel a workflow while its request can't continue: one that a later claim revives is left alone."""
    async with tools.gateway.held(ref) as status:
        if status != "running":
            # In a thread: called in a workflow it would be a step of it, in the place of one that was recorded.
            await tools.in_thread(DBOS.cancel_workflow, workflow)


@contextmanager
def without_slot(workflow: str) -> Iterator[None]:
    """Leave a workflow that came from a queue out of the count of those that run from it, for the time of a block.

    DBOS has no way for that: it counts executions in memory until they end (``worker_concurrency``), and one that ends
    early would have to be put back onto the queue, with all that it has to do again.
    """
    active = _get_dbos_instance()._active_workflows_set
    with active._lock:
        slot = next((bucket for bucket in active._m.get(workflow, ()) if bucket is not None), None)
    if slot is None:
        yield
        return
    active.add(workflow)
    active._remove(workflow, slot)
    try:
        yield
    finally:
        active.add(workflow, *slot)
        active._remove(workflow, None)


def refuse_copies(workflow: str) -> None:
    """Refuse a fork that was made with DBOS's own tools: it has another id, and the same documents."""
    if DBOS.workflow_id != workflow:
        raise RequestError(
            "forked_with_dbos",
            f"workflow {DBOS.workflow_id} is a copy of {workflow}, made with DBOS's own tools",
            "To repeat a request: select ingest_fork(id).",
        )


def as_json(error: Exception) -> dict[str, Any]:
    """Return what the ``error`` column holds; after a recovery DBOS returns our error as plain JSON in ``data``."""
    if isinstance(error, IngestError):
        return error.as_json()
    data = getattr(error, "data", None)
    if isinstance(data, dict) and "code" in data:
        return data
    return {
        "code": "internal",
        "message": mask(f"{type(error).__name__}: {error}"),
        "hint": "The listener's log has more; please report it.",
        "step": None,
        "retryable": True,
    }
