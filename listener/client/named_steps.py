"""The own steps that collections name, and which of them running listeners have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from listener.client.session import Session

LIST = """select s.collection, s.name, s.options::text as options, s.kind, s.paid, s.versions, s.listeners,
  s.listeners_alive, s.unknown_options
from {schema}.ingest_list_steps($1::text) s"""


@dataclass(frozen=True, slots=True)
class NamedStep:
    """An own step that a collection names: a row of ``ingest_list_steps``.

    ``kind``: document or chunk; None: no running listener has it. ``listeners`` of ``listeners_alive`` have it, in
    these ``versions``. ``unknown_options``: those that it does not take (any more).
    """

    collection: str
    name: str
    options: Mapping[str, Any]
    kind: str | None
    paid: bool | None
    versions: Sequence[str]
    listeners: int
    listeners_alive: int
    unknown_options: Sequence[str]

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, in a few words."""
        if self.listeners_alive and not self.listeners:
            return "no running listener has it"
        if self.unknown_options:
            return f"it takes no option {self.unknown_options[0]!r}"
        if self.listeners < self.listeners_alive:
            return f"{self.listeners_alive - self.listeners} of {self.listeners_alive} listeners lack it"
        if len(self.versions) > 1:
            return f"listeners have different versions: {', '.join(self.versions)}"
        return None


class NamedSteps:
    """The verb of own steps, for ``Ingest``."""

    session: Session

    async def named_steps(self, collection: str | None = None) -> list[NamedStep]:
        """Return the own steps that a collection names, in their order; None: all that the caller has a right in."""
        rows = await self.session.rows(LIST, collection)
        return [NamedStep(**row | {"options": json.loads(row["options"])}) for row in map(dict, rows)]
