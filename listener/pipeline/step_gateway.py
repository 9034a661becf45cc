"""Statements about own steps: what they made before, what they may send, what they drop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from listener.documents.step_calls import StepResult
from listener.documents.step_registry import result_of
from listener.pipeline.outage_gateway import OutageGateway
from listener.pipeline.rows import Failure, Fence, Loaded, Reached, as_json
from listener.sources.base import Digest

Made = tuple[int, Digest, Mapping[str, Any]]
"""A revision, the key of what a step was given for it, and what it returned."""


class StepGateway(OutageGateway):
    """What documents and chunks need of own steps."""

    async def known_results(
        self, fence: Fence, revisions: Sequence[int], keys: Sequence[Digest]
    ) -> dict[int, StepResult]:
        """Return what steps have made before, by the places of the keys; it lasts for these revisions, too."""
        query = """select place, result
          from ingest.ingest_known_results($1::ingest.ingest_fence_v1, $2::bigint[], $3::bytea[])"""
        rows = await self._pool.fetch(query, fence.as_row, list(revisions), list(keys))
        found = ((place - 1, result_of(json.loads(result))) for place, result in rows)
        return {place: result for place, result in found if result is not None}

    async def save_results(
        self, fence: Fence, step: tuple[str, str], made: Sequence[Made], lost: int, tokens: int, reservation: int | None
    ) -> None:
        """Keep what a paid step (its name and model) made of texts, and count what that took, of what was reserved.

        ``lost``: texts that may have been sent, and of which nothing came.
        """
        query = """select ingest.ingest_save_results($1::ingest.ingest_fence_v1, $2::text, $3::text, $4::bigint[],
          $5::bytea[], $6::jsonb[], $7::bigint, $8::bigint, $9::bigint)"""
        revisions, keys = [one[0] for one in made], [one[1] for one in made]
        said = [as_json(dict(one[2])) for one in made]
        await self._write(query, fence.as_row, *step, revisions, keys, said, tokens, reservation, lost)

    async def note_step_planned(self, fence: Fence, step: str, tokens: Mapping[Digest, int | None]) -> None:
        """Note texts that a paid step would get, and what each would take (None: it is known); each counts once."""
        query = """select ingest.ingest_note_step_planned($1::ingest.ingest_fence_v1, $2::text, $3::bytea[],
          $4::int[])"""
        if tokens:
            await self._write(query, fence.as_row, step, [*tokens], [*tokens.values()])

    async def reserve_step(
        self, fence: Fence, tokens: Sequence[int], model: str
    ) -> tuple[int, int | None, Reached | None]:
        """Reserve texts that a step is to send, as ``reserve`` does those for the embedder."""
        query = """select granted, reservation, reached
          from ingest.ingest_reserve_step($1::ingest.ingest_fence_v1, $2::bigint[], $3::text)"""
        return _reserved(await self._row(query, fence.as_row, list(tokens), model))

    async def reserve(self, fence: Fence, tokens: Sequence[int]) -> tuple[int, int | None, Reached | None]:
        """Reserve texts that may take so many tokens each; return how many may be sent, under which reservation.

        None may, and what each request is told: a cap is reached; without it: it depends on what others have reserved.
        """
        query = """select granted, reservation, reached
          from ingest.ingest_reserve($1::ingest.ingest_fence_v1, $2::bigint[])"""
        return _reserved(await self._row(query, fence.as_row, list(tokens)))

    async def release(self, fence: Fence, reservations: Sequence[int] | None) -> None:
        """Give back what an execution has reserved; None: all of it."""
        given = None if reservations is None else list(reservations)
        await self._pool.execute("select ingest.ingest_release($1::uuid, $2::bigint[])", fence.token, given)

    async def drop_documents(self, fence: Fence, dropped: Sequence[Loaded]) -> int:
        """Write that own steps leave documents out: discovered → skipped. Return how many."""
        if dropped:
            query = "select ingest.ingest_drop_documents($1::ingest.ingest_fence_v1, $2::ingest.ingest_dropped_v2[])"
            rows = [(one.revision, one.read_seq, one.digest, as_json(one.dropped), one.part) for one in dropped]
            await self._write(query, fence.as_row, rows)
        return len(dropped)


def _reserved(row: Sequence[Any]) -> tuple[int, int | None, Reached | None]:
    granted, reservation, reached = row
    told: dict[str, Failure] = json.loads(reached) if reached else {}
    return granted, reservation, {UUID(request): failure for request, failure in told.items()} or None
