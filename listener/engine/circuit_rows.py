"""What the loop of circuits takes from our tables, as typed values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from listener.embedding import Space
from listener.engine.engine_rows import Fetch
from listener.errors import ServiceError
from listener.pipeline.away import HowToAsk, Key, how_to_ask


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """A service that is away (``opened``), or suspected to be.

    ``age``: seconds since it was opened; ``next_in``: seconds until it is asked again; ``due``: now, and nobody does.
    ``space``: one that it embeds into; None: it is a source, or no longer has any.
    """

    service: str
    tenant: str
    opened: bool
    failure: Mapping[str, Any]
    age: float
    next_in: float
    due: bool
    space: Space | None

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.service, self.tenant

    @property
    def how(self) -> HowToAsk | None:
        """How to probe it, as far as known here."""
        return how_to_ask(self.failure["place"]) if "place" in self.failure else self.space

    @property
    def error(self) -> ServiceError:
        """How the service failed last."""
        return ServiceError(self.failure["code"], self.failure["message"], self.failure.get("hint") or "")


async def open_circuits(fetch: Fetch) -> list[OpenCircuit]:
    """Return the services that are away or suspected to be."""
    rows = await fetch(
        "select service, tenant, opened, error, age, next_in, due, embedder, endpoint, model, dimensions"
        " from ingest.ingest_open_circuits()"
    )
    return [
        OpenCircuit(service, tenant, opened, json.loads(error), age, next_in, due, Space(*space) if space[0] else None)
        for service, tenant, opened, error, age, next_in, due, *space in rows
    ]


async def spaces_in_use(fetch: Fetch, default: Space, most: int) -> list[tuple[Key, Space]]:
    """Return the space of new collections and those of collections with unfinished requests, with what serves each."""
    query = """select service, tenant, embedder, endpoint, model, dimensions
      from ingest.ingest_spaces_in_use($1::jsonb, $2::int)"""
    rows = await fetch(query, json.dumps(asdict(default)), most)
    return [((service, tenant), Space(*space)) for service, tenant, *space in rows]
