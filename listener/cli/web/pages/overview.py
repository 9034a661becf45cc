"""How it all goes: listeners, what waits and why, what fails, charts of the last hours, tokens by day."""

from __future__ import annotations

from typing import Any

from listener.cli.web.page import Asked, Page
from listener.client import Ingest


async def _read(ingest: Ingest, _: Asked) -> dict[str, Any]:
    return {"now": await ingest.situation()}


OVERVIEW = Page("/", "overview", _read, "Overview")
