"""The fence of the steps' writes, as an error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from listener.errors import LostOwnership, RequestError

LOST_OWNERSHIP = "IG021"


@contextmanager
def fenced() -> Iterator[None]:
    """Turn the database's ``IG021`` into LostOwnership, and what else our functions refuse into RequestError."""
    try:
        yield
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        if state == LOST_OWNERSHIP:
            raise LostOwnership("lost_ownership", str(error)) from None
        if state.startswith("IG"):
            raise RequestError(error.constraint_name or state, error.message, error.hint or "") from None
        raise
