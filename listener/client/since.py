"""``since``: a time, how long ago, or a text that says one of them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from listener.client.session import Session
from listener.errors import RequestError

AGO = "select (pg_catalog.clock_timestamp() - $1::text::interval)::text"
AT = "select $1::text::timestamptz::text"
HINT = 'Like 30min, 12h, 7d, or a time that Postgres understands: yesterday, "2026-01-31 14:00".'
SPAN = re.compile(
    r"(?:\s*\d{1,9}(?:\.\d{1,9})?\s*(?:s|sec|second|m|min|minute|h|hour|d|day|w|week|mon|month|y|year)s?\b,?)+\s*",
    re.IGNORECASE,
)


async def beginning(session: Session, since: datetime | timedelta | str) -> str:
    """Return a time as Postgres reads it, by the database's clock. Raises RequestError ``wrong_since``."""
    if isinstance(since, datetime):
        return since.astimezone().isoformat()
    if isinstance(since, timedelta):
        since = f"{since.total_seconds():f} s"
    try:
        return str(await session.quiet().value(AGO if SPAN.fullmatch(since) else AT, since))
    except RequestError as error:
        if error.code != "invalid_value":
            raise
        raise RequestError("wrong_since", f'"{since}" is no time', HINT) from None
