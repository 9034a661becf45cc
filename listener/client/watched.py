"""Watches: what is kept in sync with a collection, and how that goes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from listener.client.results import metadata as parsed
from listener.client.session import Session
from listener.errors import RequestError

PAGE = 1000

WATCH = """select {schema}.ingest_watch($1::text, $2::text, $3::text, $4::text::interval, $5::text, $6::text,
  $7::boolean, $8::text::jsonb, $9::text::jsonb)"""
WATCHES = """select w.name, w.source, w.collection, w.schedule, w.paused, w.next_at, w.running_request::text,
  w.started_at, w.succeeded_at, w.failing_since, w.failures, w.error_code, w.error_message, w.hint, w.waiting_for,
  w.noticing, w.last_request::text, w.options::text, w.metadata::text, w.created_by, w.created_at, w.state,
  exists (select from {schema}.ingest_watch_store s where s.name = w.name and s.source is null) as is_table
from {schema}.ingest_watches w
where ($1::text is null or w.name = $1::text) and ($2::text is null or w.collection = $2::text)
  and ($3::text is null or w.state = $3::text) and ($4::text is null or (w.collection, w.name) > ($4::text, $5::text))
order by w.collection, w.name limit $6::int"""
COUNT = "select c.documents, c.alone from {schema}.ingest_count_watched($1::text, $2::int) c"
UNWATCH = "select {schema}.ingest_unwatch($1::text, $2::boolean)"
PAUSE = "select {schema}.ingest_pause_watch($1::text)"
RESUME = "select {schema}.ingest_resume_watch($1::text)"
RUN = "select {schema}.ingest_run_watch($1::text)::text"
CANCEL = "select {schema}.ingest_cancel($1::text::uuid)"
DELETE_ORIGIN = "select d.deleted, d.last from {schema}.ingest_delete_origin($1::text, $2::text, $3::int, $4::text) d"


@dataclass(frozen=True, slots=True)
class Watch:
    """A row of ``ingest_watches``.

    ``schedule``         when it looks, in words
    ``next_at``          when it looks next; None: it is paused, or not by time
    ``running_request``  its request that has not ended; ``last_request``: its last one
    ``failing_since``, ``failures``, ``error_…``  why its last request failed; without ``failing_since``: in part
    ``waiting_for``      why it does nothing, and what would help
    ``state``            paused; its request is pending, running; otherwise failing, waiting
    ``noticing``         how listeners notice changes: ``events``, ``polling: why``, ``missing: what``; None: none does
    ``is_table``         whether ``source`` is a table of this database
    """

    name: str
    source: str
    collection: str
    schedule: str
    paused: bool
    next_at: datetime | None
    running_request: UUID | None
    started_at: datetime | None
    succeeded_at: datetime | None
    failing_since: datetime | None
    failures: int
    error_code: str | None
    error_message: str | None
    hint: str | None
    waiting_for: str | None
    noticing: str | None
    last_request: UUID | None
    options: Mapping[str, Any]
    metadata: Mapping[str, Any]
    created_by: str
    created_at: datetime
    state: str
    is_table: bool


@dataclass(frozen=True, slots=True)
class Brought:
    """Documents that came from a watch's source, and how many of them from no other, counted up to a number.

    None: not visible to the caller's role.
    """

    documents: int | None
    alone: int | None


class Watched:
    """The verbs of watches, over one way to Postgres; ``Ingest`` has them too."""

    session: Session

    async def watch(
        self,
        source: str | os.PathLike[str],
        *,
        collection: str = "default",
        name: str | None = None,
        every: timedelta | str | None = None,
        cron: str | None = None,
        time_zone: str | None = None,
        on_change: bool = False,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Keep a source in sync with a collection; return the watch's name. A watch of that name is changed.

        ``every``: the time between two looks, or a text that Postgres reads as one (``1 hour``); or ``cron``: five
        fields, in ``time_zone`` (UTC). ``on_change``: when a file of a local source changes. Raises RequestError
        ``wrong_schedule``, ``wrong_cron``, ``wrong_time_zone``, ``not_local``, ``watch_exists``, ``not_granted`` …
        """
        between = f"{every.total_seconds()} seconds" if isinstance(every, timedelta) else every
        values = (
            os.fspath(source),
            collection,
            name,
            between,
            cron,
            time_zone,
            on_change,
            _json(options),
            _json(metadata),
        )
        return str(await self.session.value(WATCH, *values))

    async def watches(
        self,
        name: str | None = None,
        *,
        collection: str | None = None,
        state: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
    ) -> list[Watch]:
        """Return the watches that the caller may see, by collection and name; or the one of that name.

        ``collection``, ``state``: only those. ``after``, ``limit``: so many, behind the watch of that collection and
        name.
        """
        rows = await self.session.rows(WATCHES, name, collection, state, *(after or (None, None)), limit)
        return [
            Watch(**{
                **row,
                "running_request": _uuid(row["running_request"]), "last_request": _uuid(row["last_request"]),
                "options": parsed(row["options"]), "metadata": parsed(row["metadata"]),
            })
            for row in rows
        ]  # fmt: skip

    async def count_watched(self, name: str, *, most: int = 100_000) -> Brought:
        """Return how many documents a watch brought, and how many ``unwatch`` would delete, counted up to ``most``."""
        (row,) = await self.session.rows(COUNT, name, most)
        return Brought(**row)

    async def unwatch(self, name: str, *, delete_documents: bool = False) -> int:
        """End a watch. A running request of it continues; with ``delete_documents`` it is cancelled.

        ``delete_documents``: delete what came from its source and no other, a page at a time, each for good. Return how
        many documents these were. Raises RequestError ``unknown_watch``, ``not_granted``.
        """
        deleted = 0
        if delete_documents:
            watch = await self._stopped(name)
            last: str | None = None
            while True:
                ((page, last),) = await self.session.rows(DELETE_ORIGIN, watch.collection, watch.source, PAGE, last)
                deleted += page
                if last is None:
                    break
        return deleted + int(await self.session.value(UNWATCH, name, delete_documents))

    async def pause_watch(self, name: str) -> None:
        """Have a watch ask for nothing until it is resumed; raises RequestError ``unknown_watch``."""
        await self.session.value(PAUSE, name)

    async def resume_watch(self, name: str) -> None:
        """Go on with a watch that was paused; raises RequestError ``unknown_watch``."""
        await self.session.value(RESUME, name)

    async def run_watch(self, name: str) -> UUID | None:
        """Make a watch look now and return its request, or the one that runs; None: it watches a table.

        Raises RequestError ``unknown_watch``, or why its maker's request is refused.
        """
        return _uuid(await self.session.value(RUN, name))

    async def _stopped(self, name: str) -> Watch:
        """Return a watch that no longer fires, with no request under way."""
        await self.pause_watch(name)
        (watch,) = await self.watches(name)
        if watch.running_request is not None:
            try:
                await self.session.value(CANCEL, str(watch.running_request))
            except RequestError as error:
                if error.code != "wrong_state":  # it has just ended
                    raise
        return watch


def _json(value: Mapping[str, Any] | None) -> str:
    return json.dumps(dict(value or {}), ensure_ascii=False)


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
