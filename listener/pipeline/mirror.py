"""The mirror step: delete documents that came from a request's source and are no longer there."""

from __future__ import annotations

from listener.pipeline.references import RequestRef
from listener.pipeline.tools import Tools

PAGE = 2000


async def mirror(tools: Tools, ref: RequestRef, attempt: int) -> dict[str, int]:
    """Delete what is gone, page by page, if discovery was complete; return how many the source no longer leads to.

    If they are too many, the request has an error from now on, and keeps them.
    """
    dropped = 0
    while page := await tools.gateway.delete_gone(ref, tools.executor_id, attempt, PAGE):
        dropped += page
    return {"gone": dropped}
