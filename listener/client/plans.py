"""Plans: what a request would do and cost, before it does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from listener.client.session import Session
from listener.errors import RequestError

PLAN = "select s.plan::text from {schema}.ingest_status s where s.id = $1::text::uuid"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What a paid own step would be given: different documents or chunks; known are those that it was given before."""

    name: str
    model: str
    known_texts: int
    new_texts: int
    tokens: int
    cost: float | None
    price_per_million_tokens: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request would do. See ``docs/plans-and-caps.md``.

    ``found``        documents at its source: ``documents`` to be ingested, ``unchanged``, ``left_out``, ``failed``
    ``gone``         would be deleted by ``mirror``; None: no mirror, or not all could be listed
    ``by_type``      of those to be ingested, by the end of their names, or their media types; ``failures``: by code
    ``bytes``, ``chunks``  of those to be ingested
    ``new_texts``    different texts that would be sent; ``known_texts``: those whose vectors are there
    ``tokens``       of the new ones; ``tokens_are``: ``counted``, or ``estimated`` by their length
    ``cost``         at ``price_per_million_tokens``; None: no price is known, and ``hint`` says how to give one
    ``steps``        what paid own steps would be given, and cost; not part of ``cost``
    """

    request: UUID
    found: int
    documents: int
    by_type: Mapping[str, int]
    unchanged: int
    left_out: int
    gone: int | None
    failed: int
    failures: Mapping[str, int]
    bytes: int
    chunks: int
    known_texts: int
    new_texts: int
    tokens: int
    tokens_are: str
    cost: float | None
    price_per_million_tokens: float | None
    embedder: str
    model: str
    hint: str | None
    steps: Sequence[PlannedStep] = ()


class Planned:
    """The verb of plans, for ``Ingest``."""

    session: Session

    async def plan_of(self, request: UUID | str) -> Plan:
        """Return what a plan that has succeeded says, or the one that a request was ``planned`` with.

        Raises RequestError ``no_plan``.
        """
        said = await self.session.value(PLAN, str(request))
        if said is None:
            hint = "Plan first: ingest plan SOURCE. A plan that failed says why in ingest_status."
            raise RequestError("no_plan", f"request {request} has no plan", hint)
        found: dict[str, Any] = json.loads(said)
        known: dict[str, Any] = {name: found.get(name) for name in Plan.__dataclass_fields__}
        names = PlannedStep.__dataclass_fields__
        known["steps"] = [PlannedStep(**{name: one.get(name) for name in names}) for one in found.get("steps") or ()]
        return Plan(**known | {"request": UUID(str(request))})
