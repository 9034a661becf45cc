"""What a role may not see is absent, not an error, where other things are shown beside it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from listener.errors import IngestError

T = TypeVar("T")

NOT_FOR_THIS_ROLE = {"not_permitted", "not_granted"}


async def if_permitted(asked: Awaitable[T]) -> T | None:
    """Return what is asked for; None if the caller's role may not see it."""
    try:
        return await asked
    except IngestError as error:
        if error.code in NOT_FOR_THIS_ROLE:
            return None
        raise
