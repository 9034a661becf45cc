"""The save step: pointers are moved, in one short transaction."""

from __future__ import annotations

from listener.models import Owner, RequestRef
from listener.pipeline.tools import Tools


async def save(tools: Tools, owner: Owner) -> dict[str, int]:
    """Publish the batch."""
    published, superseded = await tools.store.publish(owner)
    return {"published": published, "superseded": superseded}


async def save_request(tools: Tools, ref: RequestRef) -> dict[str, int]:
    """Publish all of a request's batches at once."""
    published, superseded = await tools.store.publish_request(ref)
    return {"published": published, "superseded": superseded}
