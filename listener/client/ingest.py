"""The verbs of the Python interface: each sends a statement of ``statements`` and turns rows into results."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from listener.client import results, statements
from listener.client.anatomy import Anatomy
from listener.client.described import Describing
from listener.client.forgotten import Forgetful
from listener.client.history import Charted
from listener.client.passages import Prompting
from listener.client.plans import Plan, Planned
from listener.client.results import STATUSES, Failure, Status, outcome
from listener.client.searching import Searching
from listener.client.selection import Selecting
from listener.client.session import Session
from listener.client.since import beginning
from listener.client.situation import Situation, situation, situations
from listener.client.stretches import Stretches
from listener.client.waiting import looks, statuses_of, until_ended
from listener.client.watched import Watched
from listener.errors import RequestError, WaitTimeoutError
from listener.tracing.tracked import tracked


class Ingest(Describing, Forgetful, Stretches, Watched, Planned, Searching, Prompting, Charted, Selecting, Anatomy):
    """The verbs, over one way to Postgres. Any number of tasks may use one at a time."""

    def __init__(self, session: Session, *, traced: bool = False) -> None:
        """``traced``: inside a function with Opik's ``@track``, the verbs are spans (``listener.tracing.tracked``)."""
        self.session = session
        self.traced = traced

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
        run_at: datetime | str | None = None,
        dedupe_key: str | None = None,
    ) -> UUID:
        """Ask for a source, or for inline content, to be ingested; return the request's id.

        ``source`` is an absolute path, glob or URL as the listener's host sees it. ``content`` is the document itself,
        ``uri`` its name and ``media_type`` its type. ``run_at`` may be a text that Postgres reads, such as ``tomorrow
        03:00``. With a ``dedupe_key`` that an unfinished request of the collection has, the id is that one's. Raises
        RequestError with the database's code, such as ``relative_path``.
        """
        arguments = {
            "source": None if source is None else os.fspath(source),
            "content_bytes" if isinstance(content, bytes) else "content": content,
            "uri": uri,
            "media_type": media_type,
            "collection": collection,
            "options": _json(options),
            "metadata": _json(metadata),
            "priority": priority or None,
            "run_at": run_at.astimezone().isoformat() if isinstance(run_at, datetime) else run_at,
            "dedupe_key": dedupe_key,
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        return _id(await self.session.value(statements.add(given), *given.values()))

    async def wait(self, request: UUID | str, *, timeout: float | None = None) -> Status:
        """Wait until a request has ended, however it ended, and return what became of it.

        Raises WaitTimeoutError after ``timeout`` seconds (it goes on meanwhile), RequestError ``unknown_request``, and
        ``wait_in_transaction`` on a connection in a transaction: what that inserted nobody can see yet.
        """
        return (await self.wait_all([request], timeout=timeout))[0]

    @tracked("ingest.wait", shows=(), told=outcome)
    async def wait_all(self, requests: Iterable[UUID | str], *, timeout: float | None = None) -> list[Status]:
        """Wait until all of ``requests`` have ended; return what became of them, in their order. Raises as ``wait``."""
        self._refuse_in_transaction()
        ids = [_id(request) for request in requests]
        await statuses_of(self.session, ids)  # an unknown one is an error at once
        if unfinished := await until_ended(self.session, ids, timeout):
            raise await self._overdue(unfinished, timeout or 0)
        return await statuses_of(self.session, ids)

    async def plan(
        self,
        source: str | os.PathLike[str],
        *,
        collection: str = "default",
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Plan:
        """Return what ingesting a source would do and cost; nothing is sent, published or deleted. Raises as ``wait``.

        Raises RequestError ``no_plan`` if that failed: ``status`` says why.
        """
        asked = dict(options or {}) | {"plan": True}
        request = await self.add(source, collection=collection, options=asked, metadata=metadata)
        await self.wait(request, timeout=timeout)
        return await self.plan_of(request)

    async def follow(self, requests: Iterable[UUID | str], *, every: float = 1.0) -> AsyncGenerator[list[Status], None]:
        """Yield how far ``requests`` are, in their order, ``every`` so many seconds and at each end, until all ended.

        A request that is deleted meanwhile is left out. Iterate to the end, or close it (``contextlib.aclosing``).
        Raises RequestError ``unknown_request`` and ``wait_in_transaction``.
        """
        self._refuse_in_transaction()
        async with aclosing(looks(self.session, [_id(request) for request in requests], every)) as each_look:
            async for statuses_then in each_look:
                yield statuses_then

    async def status(self, request: UUID | str) -> Status:
        """Return how far a request is; raises RequestError ``unknown_request``."""
        return (await statuses_of(self.session, [_id(request)]))[0]

    async def statuses(
        self,
        *,
        collection: str | None = None,
        status: str | None = None,
        since: datetime | timedelta | str | None = None,
        limit: int = 20,
    ) -> list[Status]:
        """Return how far the newest requests are, the newest first: of one collection, with one status, or of all.

        ``since``: only those inserted since then: a time, how long ago, or a text that says one of them (``12h``, or
        what Postgres reads as a time). Raises RequestError ``unknown_status``, ``wrong_since``.
        """
        if status is not None and status not in STATUSES:
            raise RequestError(
                "unknown_status", f'there is no status "{status}"', f"Take one of: {', '.join(STATUSES)}"
            )
        begin = None if since is None else await beginning(self.session, since)
        given = _given(collection=collection, status=status, since=begin)
        rows = await self.session.rows(statements.statuses(given), *given.values(), limit)
        return list(map(results.status, rows))

    async def situation(self) -> Situation:
        """Return how it all goes: listeners, what waits and why, how fast it goes, what fails now, watches.

        Raises OperatorError ``not_permitted`` for a role that may see no requests.
        """
        return await situation(self.session)

    async def situations(self) -> AsyncGenerator[Situation, None]:
        """Yield how it all goes, at each change that rings and every second or two, without an end. Close it."""
        async with aclosing(situations(self.session)) as each_look:
            async for now in each_look:
                yield now

    async def failures(
        self,
        request: UUID | str | None = None,
        *,
        limit: int | None = None,
        code: str | None = None,
        collection: str | None = None,
        now: bool = False,
    ) -> list[Failure]:
        """Return the documents that failed in a request, by URI; none if it is not known. Without one, the newest.

        ``code``, ``collection``: only those. ``now``: only those that nothing has mended since.
        """
        of = None if request is None else str(_id(request))
        given = _given(request=of, code=code, collection=collection)
        rows = await self.session.rows(statements.failures(given, now), *given.values(), limit)
        return list(map(results.failure, rows))

    async def cancel(self, request: UUID | str) -> str:
        """Cancel a pending or running request and return its status, ``cancelled``.

        Raises RequestError ``unknown_request`` or ``wrong_state``.
        """
        return str(await self.session.value(statements.CANCEL, str(_id(request))))

    async def ask_again(self, service: str | None = None) -> int:
        """Have services that are away asked now, not when their wait is over; return how many.

        ``service``: only this one, as ``outages`` calls it. Raises RequestError ``not_granted``.
        """
        return int(await self.session.value(statements.ASK_AGAIN, service))

    async def confirm_restore(self, *, cancel: bool = False) -> str:
        """Say that work goes on in a database that was restored from a copy; return what that means for its requests.

        ``cancel``: what was pending or running is cancelled. Raises RequestError ``wrong_state``: nothing was restored.
        """
        return str(await self.session.value(statements.CONFIRM_RESTORE, cancel))

    async def resume(self, request: UUID | str) -> str:
        """Go on with a request that was cancelled, or met the crash limit; return its status, ``pending``.

        Raises RequestError ``unknown_request``, ``wrong_state``, or why it can't go on, such as ``dedupe_key_taken``.
        """
        return str(await self.session.value(statements.RESUME, str(_id(request))))

    async def retry(self, request: UUID | str, *, options: Mapping[str, Any] | None = None) -> str:
        """Run again what failed in a request, from the step that failed; return its status, ``pending``.

        ``options``: another ``max_texts``, ``max_cost``, ``patience`` or ``timeout_seconds``. Raises as ``resume``.
        """
        return str(await self.session.value(statements.RETRY, str(_id(request)), _json(options) or "{}"))

    async def fork(
        self,
        request: UUID | str,
        from_step: str = "discover",
        *,
        options: Mapping[str, Any] | None = None,
        collection: str | None = None,
    ) -> UUID:
        """Make a new request like another one, from discover, load, chunk, embed or save on; return its id.

        What the other one had made before that step is not made again. ``options`` go on top of its own. Raises
        RequestError ``unknown_request``, ``unknown_step``, or why that step can't be the first.
        """
        values = (str(_id(request)), from_step, _json(options) or "{}", collection)
        return _id(await self.session.value(statements.FORK, *values))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Ingest]:
        """Yield verbs that all take effect at the end of the block, or, if it raises, none of them."""
        async with self.session.transaction() as session:
            yield Ingest(session, traced=self.traced)

    def _refuse_in_transaction(self) -> None:
        if self.session.in_transaction:
            raise RequestError(
                "wait_in_transaction",
                "a wait inside a transaction would not end",
                "Commit first: listeners see a row then.",
            )

    async def _overdue(self, requests: Sequence[UUID], seconds: float) -> WaitTimeoutError:
        first = (await statuses_of(self.session, requests[:1]))[0]
        more = f" and {len(requests) - 1} more" if len(requests) > 1 else ""
        message = f"request {first.id}{more} had not ended after {seconds:g} s: {first.status}"
        if first.current_step:
            message += f", step {first.current_step}"
        hint = f"It waits for {first.waiting_for}" if first.waiting_for else "It goes on; wait again."
        return WaitTimeoutError("not_ended", message, hint, requests)


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _json(value: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(value), ensure_ascii=False) if value else None


def _id(request: UUID | str) -> UUID:
    try:
        return UUID(str(request))
    except ValueError:
        raise RequestError("not_an_id", f"{request!r} is not the id of a request", "It is a UUID.") from None
