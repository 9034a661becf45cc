"""The save step: pointers are moved, in one short transaction."""

from __future__ import annotations

from listener.pipeline.references import RequestRef
from listener.pipeline.rows import Fence
from listener.pipeline.tools import Tools


async def save(tools: Tools, fence: Fence) -> dict[str, int]:
    """Publish the batch."""
    published, superseded = await tools.gateway.publish(fence)
    return {"published": published, "superseded": superseded}


async def save_request(tools: Tools, ref: RequestRef) -> dict[str, int]:
    """Publish all of a request's batches at once."""
    published, superseded = await tools.gateway.publish_request(ref)
    return {"published": published, "superseded": superseded}
