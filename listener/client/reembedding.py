"""Another model, or other chunks, for a collection in use: generations, the switch and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from listener.client.session import Session

REEMBED = """select {schema}.ingest_reembed($1::text, $2::text::jsonb, $3::text::jsonb, $4::boolean, $5::interval,
  $6::int)"""
SWITCH = "select (s.g).generation from (select {schema}.ingest_switch($1::text, $2::boolean, $3::boolean) as g) s"
ROLLBACK = "select (s.g).generation from (select {schema}.ingest_rollback($1::text, $2::int) as g) s"
DROP = "select (s.g).generation from (select {schema}.ingest_drop_generation($1::text, $2::int) as g) s"
LIST = """select g.collection, g.generation, g.state, g.embedder, g.model, g.dimensions, g.settings::text as settings,
  g.request_id, g.percent::float8 as percent, g.waiting_for, g.index, g.created_at, g.switched_at
from {schema}.ingest_list_generations($1::text) g"""


@dataclass(frozen=True, slots=True)
class GenerationState:
    """A generation of a collection: a row of ``ingest_list_generations``.

    ``state``: planned, building, stopped, live, former, purging or purged. ``request_id``: what makes it. ``percent``
    and ``waiting_for``: how far it is, and what the switch waits for, while it is made. ``index``: that of its vectors.
    """

    collection: str
    generation: int
    state: str
    embedder: str
    model: str
    dimensions: int
    settings: Mapping[str, Any]
    request_id: UUID | None
    percent: float | None
    waiting_for: str | None
    index: str | None
    created_at: datetime
    switched_at: datetime | None


class Reembedding:
    """The verbs of generations, for ``Ingest``."""

    session: Session

    async def reembed(
        self,
        collection: str,
        settings: Mapping[str, Any],
        *,
        options: Mapping[str, Any] | None = None,
        automatic: bool = True,
        keep: timedelta | None = None,
        priority: int = 0,
    ) -> UUID:
        """Have a collection's documents cut and embedded anew beside what is live; return the request that does it.

        ``settings``: embedder, model and dimensions, or chunk settings. ``options``: plan, max_texts, max_cost and
        others. ``automatic``: it becomes live when it is complete, else by ``switch``. ``keep``: how long the one
        before is kept. Raises RequestError, such as ``generation_in_work`` or ``nothing_changes``.
        """
        given = (collection, json.dumps(dict(settings)), json.dumps(dict(options or {})), automatic, keep, priority)
        return UUID(str(await self.session.value(REEMBED, *given)))

    async def switch(self, collection: str, *, without_index: bool = False, leave_failed: bool = False) -> int:
        """Make the generation live that was made; return its number. Raises RequestError ``not_complete``."""
        return int(await self.session.value(SWITCH, collection, without_index, leave_failed))

    async def rollback(self, collection: str, generation: int | None = None) -> int:
        """Make a former generation live again, the one that was live last or that number; return its number.

        Raises RequestError ``nothing_to_go_back_to``.
        """
        return int(await self.session.value(ROLLBACK, collection, generation))

    async def drop_generation(self, collection: str, generation: int | None = None) -> int:
        """Give up the generation that is being made, or a former one; return its number.

        Raises RequestError ``nothing_to_drop``.
        """
        return int(await self.session.value(DROP, collection, generation))

    async def generations(self, collection: str | None = None) -> list[GenerationState]:
        """Return the generations of a collection, or of all that the caller may see."""
        rows = await self.session.rows(LIST, collection)
        return [GenerationState(**{**row, "settings": json.loads(row["settings"] or "{}")}) for row in rows]
