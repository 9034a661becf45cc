"""What an installation holds: its collections, their documents, what became of each, and what embedding them took."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from listener.client import inventory_statements as sql
from listener.client.results import metadata
from listener.client.session import Session
from listener.client.since import beginning

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Holding:
    """What a collection holds. None: not visible to the caller's role, or, of the space, not chosen yet.

    ``failing``     documents whose last attempt failed; for operators
    ``changed_at``  when a document was published last
    ``index``       valid, building 40 %, exact …: of its vectors, for operators; why, says ``ingest_indexes``
    """

    collection: str
    documents: int | None
    chunks: int | None
    bytes: int | None
    failing: int | None
    changed_at: datetime | None
    tenant: str
    embedder: str | None
    endpoint: str | None
    model: str | None
    dimensions: int | None
    settings: Mapping[str, Any]
    created_at: datetime
    index: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a list. ``state``: live; outdated (live, its last attempt failed); failed (nothing is live).

    ``code`` and the others say why the last attempt failed, and in which request.
    """

    collection: str
    uri: str
    state: str
    title: str | None
    media_type: str | None
    bytes: int | None
    chunks: int | None
    changed_at: datetime | None
    code: str | None
    message: str | None
    hint: str | None
    step: str | None
    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class ShownChunk:
    """A live chunk of a document: its place, its offsets in the text, in characters, and its metadata."""

    ordinal: int
    start_char: int
    end_char: int
    text: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a request made of a document. ``state``: published, skipped (``reason`` says why), failed, or on its way."""

    revision_id: int
    request_id: UUID
    state: str
    reason: str | None
    is_live: bool
    code: str | None
    message: str | None
    hint: str | None
    step: str | None
    bytes: int | None
    chunks: int | None
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the caller may know of a document. ``text`` and ``pieces`` are for who may find it in a search.

    ``state``     as of ``Listed``; None: nothing is live and nothing failed. ``attempts``: the newest first
    """

    collection: str
    uri: str
    state: str | None
    title: str | None
    media_type: str | None
    bytes: int | None
    chunks: int | None
    metadata: Mapping[str, Any] | None
    principals: Sequence[str] | None
    created_at: datetime | None
    changed_at: datetime | None
    revision_id: int | None
    text: str | None
    pieces: Sequence[ShownChunk]
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class Used:
    """What was sent to an embedder for a collection: texts, the tokens that they took, their cost if it is known.

    ``period``: the day or the first of the month, in UTC; None: all days.
    """

    period: date | None
    collection: str
    tenant: str
    embedder: str | None
    model: str | None
    texts: int
    tokens: int
    cost: float | None


class Inventory:
    """The verbs of the inventory, over one way to Postgres; ``Ingest`` has them too."""

    session: Session

    async def collections(
        self,
        collection: str | None = None,
        *,
        find: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Holding]:
        """Return what each collection holds, by name, or one; those in which the caller has no right are left out.

        ``find``: only those whose name or tenant contains that. ``after``, ``limit``: so many, behind that one.
        """
        rows = await self.session.rows(sql.COLLECTIONS, collection, find, after, limit)
        return [Holding(**{**row, "settings": json.loads(row["settings"])}) for row in rows]

    async def collection_names(self, *, limit: int = 1000) -> list[str]:
        """Return the names of the first collections in which the caller has a right; nothing is counted for it."""
        return [row["name"] for row in await self.session.rows(sql.NAMES, limit)]

    async def documents(
        self,
        collection: str | None = None,
        *,
        under: str = "",
        failed: bool = False,
        limit: int = 100,
        after: tuple[str, str] | None = None,
    ) -> list[Listed]:
        """Return the first documents of a collection, or of all, by collection and URI.

        ``after``: those behind this collection and URI, the last of the page before.

        ``under``: only those whose URI begins so. ``failed``: only those whose last attempt failed. Raises RequestError
        ``unknown_collection``, ``not_granted`` or ``wrong_count``.
        """
        rows = await self.session.rows(sql.DOCUMENTS, collection, under, failed, limit, *(after or (None, None)))
        return [Listed(**{**row, "request_id": _uuid(row["request_id"])}) for row in rows]

    async def show(self, uri: str, collection: str = "default", *, attempts: int = 20) -> Shown:
        """Return what is known of one document; raises RequestError ``unknown_document`` or ``not_granted``."""
        (row,) = await self.session.rows(sql.DOCUMENT, uri, collection)
        # Who may not read the text may not call for the chunks either.
        pieces = await self.session.rows(sql.CHUNKS, uri, collection) if row["text"] is not None else []
        known = None if row["metadata"] is None else metadata(row["metadata"])
        return Shown(
            **{**row, "metadata": known},
            pieces=[ShownChunk(**{**one, "metadata": metadata(one["metadata"])}) for one in pieces],
            attempts=await self.attempts(uri, collection, limit=attempts),
        )

    async def attempts(self, uri: str, collection: str = "default", *, limit: int = 20) -> list[Attempt]:
        """Return what requests made of a document, the newest first, as far as the caller may know it."""
        rows = await self.session.rows(sql.ATTEMPTS, uri, collection, limit)
        return [Attempt(**{**row, "request_id": UUID(row["request_id"])}) for row in rows]

    async def count_documents(
        self, collection: str = "default", *, uris: Sequence[str] | None = None, under: str = ""
    ) -> int:
        """Return how many documents a delete would take: of these URIs, or under a prefix."""
        return int(await self.session.value(sql.COUNT, collection, None if uris is None else list(uris), under))

    async def delete_documents(self, uris: Sequence[str], collection: str = "default") -> int:
        """Delete documents by their URIs, with revisions and chunks; return how many there were."""
        return int(await self.session.value(sql.DELETE, collection, list(uris)))

    async def delete_under(self, prefix: str, collection: str = "default") -> int:
        """Delete documents whose URI begins with ``prefix``, a page at a time, each for good; return how many.

        Raises RequestError ``empty_prefix``, ``unknown_collection`` or ``not_granted``.
        """
        deleted: int = 0
        last: str | None = None
        while True:
            ((page, last),) = await self.session.rows(sql.DELETE_UNDER, collection, prefix, PAGE, last)
            deleted += page
            if page < PAGE:
                return deleted

    async def failed_requests(self, since: datetime | timedelta | str, collection: str | None = None) -> list[UUID]:
        """Return the requests that failed, in whole or in part, since a time, or in the last so much of it.

        ``since`` as a text: as Postgres reads a time, or an interval like ``2 hours``.
        """
        rows = await self.session.rows(sql.FAILED_REQUESTS, await beginning(self.session, since), collection)
        return [UUID(row["id"]) for row in rows]

    async def usage(
        self,
        collection: str | None = None,
        *,
        since: datetime | timedelta | str | None = None,
        by: Literal["day", "month", "all"] = "day",
    ) -> list[Used]:
        """Return what was sent to embedders, the newest day or month first; for operators, of their collections."""
        begin = None if since is None else await beginning(self.session, since)
        return [Used(**row) for row in await self.session.rows(sql.USAGE[by], collection, begin)]

    async def every_document(
        self, collection: str | None = None, *, under: str = "", failed: bool = False
    ) -> AsyncGenerator[Listed, None]:
        """Yield documents as ``documents`` does, all of them, page by page."""
        last: tuple[str, str] | None = None
        while page := await self.documents(collection, under=under, failed=failed, limit=PAGE, after=last):
            for one in page:
                yield one
            last = (page[-1].collection, page[-1].uri)


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
