"""Put workflows back to their begin, whatever other listeners do to them at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from dbos import DBOS
from dbos import error as dbos_error

from listener.pipeline.gateway import Gateway
from listener.pipeline.identity import Identity
from listener.pipeline.references import BatchRef, RequestRef

ACTIVE = ("PENDING", "ENQUEUED", "DELAYED")
"""Statuses in DBOS of workflows that have not ended."""

TRIES = 10


async def rewind_batches(gateway: Gateway, ref: RequestRef, left: Sequence[str], identity: Identity) -> None:
    """Rewind the workflows ``left``, and those of a request's unfinished batches that nobody has taken since.

    Also what failed and has nothing left to do, as its documents were deleted since: its error would be the request's.
    """
    for workflow in left:
        await rewind(workflow, identity.batches_queue, identity.pipeline)
    for number in await gateway.unfinished_batches(ref):
        batch = BatchRef(request=ref.request, batch=number)
        if batch.workflow not in left and not await gateway.has_owner(batch):
            await rewind(batch.workflow, identity.batches_queue, identity.pipeline)
    for number in await gateway.left_failed(ref):
        await rewind(BatchRef(request=ref.request, batch=number).workflow, identity.batches_queue, identity.pipeline)


async def rewind(workflow: str, queue: str, pipeline: str) -> bool:
    """Put a workflow back to its start, onto a queue; False if there is none."""
    for tries_left in reversed(range(TRIES)):
        if not await cancel_active(workflow):
            return False
        try:
            await DBOS.rewind_workflow_async(workflow, application_version=pipeline, queue_name=queue)
        except dbos_error.DBOSException:  # another listener revives it, for an attempt before or after this one
            if not tries_left:
                raise
        else:
            break
    return True


async def cancel_active(workflow: str) -> bool:
    """Cancel an unfinished workflow, such as one of an earlier attempt; False if there is none."""
    status = await DBOS.get_workflow_status_async(workflow)
    if status is None:
        return False
    if status.status in ACTIVE:
        await DBOS.cancel_workflow_async(workflow)
    return True
