"""The verbs of the Python interface: each sends a statement of ``statements`` and turns rows into results."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from listener.client import statements
from listener.client.results import Failure, Hit, Status, found, outcome
from listener.client.transport import Connections
from listener.database.translation import told_as_ours
from listener.errors import RequestError, WaitTimeoutError
from listener.tracing.tracked import tracked

LOOK_SECONDS = 1.0  # how often a wait looks although nothing rang
_NO_VECTOR = ("no_listener", "query_not_answered", "no_space_yet")


class Ingest:
    """The verbs, over one way to Postgres. Any number of tasks may use one at a time."""

    def __init__(self, connections: Connections, schema: str, *, traced: bool = False) -> None:
        """``traced``: inside a function with Opik's ``@track``, the verbs are spans (``listener.tracing.tracked``)."""
        self.traced = traced
        self._connections = connections
        self._schema = '"' + schema.replace('"', '""') + '"'

    @tracked("ingest.add", shows=("collection",), told=lambda request: {"request": str(request)})
    async def add(
        self,
        source: str | os.PathLike[str] | None = None,
        *,
        content: str | bytes | None = None,
        uri: str | None = None,
        media_type: str | None = None,
        collection: str = "default",
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
        dedupe_key: str | None = None,
    ) -> UUID:
        """Ask for a source, or for inline content, to be ingested; return the request's id.

        ``source`` is an absolute path, glob or URL as the listener's host sees it. ``content`` is the document itself,
        ``uri`` its name and ``media_type`` its type. With a ``dedupe_key`` that an unfinished request of the collection
        has, the id is that one's. Raises RequestError with the database's code, such as ``relative_path``.
        """
        text, data = (None, content) if isinstance(content, bytes) else (content, None)
        path = None if source is None else os.fspath(source)
        values = (path, text, data, uri, media_type, collection, json.dumps(dict(options or {})))
        more = (json.dumps(dict(metadata or {})), priority, run_at, dedupe_key)
        return UUID(await self._value(statements.ADD, *values, *more))

    async def wait(self, request: UUID | str, *, timeout: float | None = None) -> Status:
        """Wait until a request has ended, however it ended, and return what became of it.

        Raises WaitTimeoutError after ``timeout`` seconds (it goes on meanwhile), RequestError ``unknown_request``, and
        ``wait_in_transaction`` on a connection in a transaction: what that inserted nobody can see yet.
        """
        return (await self.wait_all([request], timeout=timeout))[0]

    @tracked("ingest.wait", shows=(), told=outcome)
    async def wait_all(
        self,
        requests: Iterable[UUID | str],
        *,
        timeout: float | None = None,
    ) -> list[Status]:
        """Wait until all of ``requests`` have ended; return what became of them, in their order. Raises as ``wait``."""
        if self._connections.in_transaction:
            raise RequestError(
                "wait_in_transaction",
                "a wait inside a transaction would not end",
                "Commit first: listeners see a row then.",
            )
        ids = [_id(request) for request in requests]
        await self._statuses(ids)  # unknown ones are told at once
        await self._until_ended(ids, timeout)
        return await self._statuses(ids)

    async def status(self, request: UUID | str) -> Status:
        """Return how far a request is; raises RequestError ``unknown_request``."""
        return (await self._statuses([_id(request)]))[0]

    async def failures(self, request: UUID | str) -> list[Failure]:
        """Return the documents that failed in a request, by URI; none if it is not known."""
        return [Failure(**row) for row in await self._rows(statements.FAILURES, str(_id(request)))]

    async def cancel(self, request: UUID | str) -> None:
        """Cancel a pending or running request; raises RequestError ``unknown_request`` or ``wrong_state``."""
        await self._value(statements.CANCEL, str(_id(request)))

    @tracked("ingest.search", shows=("collection", "k", "by"), told=found)
    async def search(
        self,
        query: str,
        collection: str = "default",
        *,
        k: int = 10,
        filter: Mapping[str, Any] | None = None,
        by: Literal["words", "vector"] | None = None,
        timeout: float = 10.0,
    ) -> list[Hit]:
        """Return the ``k`` best chunks of a collection for a text, best first.

        By words and by meaning, or as ``by`` says. A listener embeds the text, for which this waits up to ``timeout``
        seconds; if there is none, and within a transaction, it goes by words, unless the vector is known from before:
        ``Hit.by`` tells. ``filter`` is what a chunk's metadata must contain.

        Raises RequestError ``unknown_collection``, ``empty_query``, or the embedder's own code; with ``by="vector"``
        also ``no_listener``, ``query_not_answered``, ``no_space_yet`` and ``query_not_embedded``.
        """
        if by != "words" and not self._connections.in_transaction:
            await self._embed(query, collection, timeout, or_else_words=by is None)
        values = (query, collection, k, json.dumps(dict(filter or {})), by)
        rows = await self._rows(statements.SEARCH, *values)
        return [Hit(**{**row, "metadata": json.loads(row["metadata"])}) for row in rows]

    async def _embed(self, query: str, collection: str, seconds: float, or_else_words: bool) -> None:
        try:
            await self._rows(statements.EMBED_QUERY, query, collection, timedelta(seconds=seconds))
        except RequestError as error:
            if not or_else_words or error.code not in _NO_VECTOR:
                raise

    async def _until_ended(self, requests: Sequence[UUID], seconds: float | None) -> None:
        """Return when all have ended. The notification is a hint, the row is the truth."""
        deadline = None if seconds is None else time.monotonic() + seconds
        channel = await self._value(statements.CHANNEL)
        with told_as_ours():
            async with self._connections.ends(channel).bell(requests) as bell:
                while unfinished := await self._rows(statements.UNFINISHED, list(map(str, requests))):
                    left = LOOK_SECONDS if deadline is None else deadline - time.monotonic()
                    if left <= 0:
                        raise await self._overdue([UUID(row["id"]) for row in unfinished], seconds or 0)
                    await _rung(bell, min(left, LOOK_SECONDS))

    async def _overdue(self, requests: Sequence[UUID], seconds: float) -> WaitTimeoutError:
        first = (await self._statuses(requests[:1]))[0]
        more = f" and {len(requests) - 1} more" if len(requests) > 1 else ""
        message = f"request {first.id}{more} had not ended after {seconds:g} s: {first.status}"
        if first.current_step:
            message += f", step {first.current_step}"
        hint = f"It waits for {first.waiting_for}" if first.waiting_for else "It goes on; wait again."
        return WaitTimeoutError("not_ended", message, hint, requests)

    async def _statuses(self, requests: Sequence[UUID]) -> list[Status]:
        rows = await self._rows(statements.STATUS, list(map(str, requests)))
        found = [Status(**{**row, "id": UUID(row["id"])}) for row in rows]
        if missing := set(requests) - {status.id for status in found}:
            raise RequestError(
                "unknown_request", f"there is no request {missing.pop()}", "See select id, status from ingest_requests."
            )
        return found

    async def _value(self, statement: str, *values: Any) -> Any:
        return next(iter((await self._rows(statement, *values))[0].values()))

    async def _rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with told_as_ours():
            return [dict(row) for row in await self._connections.rows(statement.format(schema=self._schema), *values)]


def _id(request: UUID | str) -> UUID:
    try:
        return UUID(str(request))
    except ValueError:
        raise RequestError("not_an_id", f"{request!r} is not the id of a request", "It is a UUID.") from None


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(bell.wait(), seconds)
    except asyncio.TimeoutError:
        return
    bell.clear()
