"""Forgetting: what would go, what went, and whether a listener has carried out the rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from listener.client.session import Session
from listener.errors import RequestError, WaitTimeoutError

PAGE = 1000
PAGED = ("documents", "revisions", "requests")
POLL_SECONDS = 0.5

WOULD = """select w.what, w.there from {schema}.ingest_would_forget(
  uri => $1::text, under => $2::text, collection => $3::text, tenant => $4::text) w"""
FORGET = """select f.what, f.removed, f.remains, f.note, f.order_id from {schema}.ingest_forget(
  uri => $1::text, under => $2::text, collection => $3::text, tenant => $4::text, keep_out => $5::boolean,
  page => $6::int) f"""
OPEN = "select f.done_at is null from {schema}.ingest_forgettings($1::bigint) f"
LET_BACK = "select {schema}.ingest_let_back($1::text, $2::text)"


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed of one kind, and what remains: for a listener to do, or as others' too, as ``note`` says."""

    what: str
    removed: int | None
    remains: int
    note: str | None


class Forgetful:
    """The verbs of forgetting, over one way to Postgres; ``Ingest`` has them too."""

    session: Session

    async def would_forget(
        self,
        *,
        uri: str | None = None,
        under: str | None = None,
        collection: str | None = None,
        tenant: str | None = None,
    ) -> dict[str, int]:
        """Return how much ``forget`` would remove, by kind. Raises as that."""
        rows = await self.session.rows(WOULD, uri, under, collection, tenant)
        return {row["what"]: row["there"] for row in rows}

    async def forget(
        self,
        *,
        uri: str | None = None,
        under: str | None = None,
        collection: str | None = None,
        tenant: str | None = None,
        keep_out: bool = True,
        wait_seconds: float | None = None,
    ) -> Sequence[Removed]:
        """Forget a document, what is under a prefix, or everything in a collection or a tenant's collections.

        A page at a time, each for good. With ``wait_seconds``, wait as long for a listener to do the rest.
        ``keep_out``: what has a URI does not come back (``let_back``). Raises RequestError ``wrong_scope``,
        ``unknown_document``, ``unknown_collection``, ``not_granted``, and WaitTimeoutError ``not_forgotten``.
        """
        before: dict[str, int] = {}
        while True:
            rows = await self.session.rows(FORGET, uri, under, collection, tenant, keep_out, PAGE)
            removed = {row["what"]: row["removed"] for row in rows}
            # A call behind the last page would be an order of its own, if a listener has carried this one out.
            if all(removed[what] - before.get(what, 0) < PAGE for what in PAGED):
                break
            before = removed
        if wait_seconds is not None:
            await self._until_forgotten(rows[0]["order_id"], wait_seconds)
        return [Removed(row["what"], row["removed"], row["remains"], row["note"]) for row in rows]

    async def let_back(self, uri: str, collection: str = "default") -> bool:
        """Let a document that was forgotten be ingested again; return whether it was kept out."""
        return bool(await self.session.value(LET_BACK, uri, collection))

    async def _until_forgotten(self, order: int, seconds: float) -> None:
        if self.session.in_transaction:
            raise RequestError(
                "wait_in_transaction",
                "a wait inside a transaction would not end",
                "Commit first: listeners see it then.",
            )
        until = time.monotonic() + seconds
        while await self.session.value(OPEN, order):
            if time.monotonic() >= until:
                raise WaitTimeoutError(
                    "not_forgotten",
                    f"order {order} had not been carried out after {seconds:g} s",
                    "A listener does the rest (ingest listen), after older transactions: "
                    f"see ingest_forgettings({order}).",
                )
            await anyio.sleep(POLL_SECONDS)
