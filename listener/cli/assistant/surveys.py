"""The tools ``collections`` and ``status``: what there is, and how it goes."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from listener.cli.arguments import document_uri
from listener.cli.assistant.offer import DATA, Arguments, Offer, bounded
from listener.cli.follow import counted
from listener.cli.output import as_json, field
from listener.cli.situation_lines import lines_of
from listener.client import Ingest, overview
from listener.client.inventory import Holding, Listed

PAGE = 100
WIDE = 10**6
SHOWN_FAILURES = 20


class CollectionsAsked(Arguments):
    """What ``collections`` takes."""

    collection: str | None = Field(default=None, description="List its documents, by URI; without it, all collections.")
    under: str = Field(default="", description="Only documents whose URIs begin with this, or in this folder.")
    after: str | None = Field(default=None, description="The URI of the last one on the previous page.")


class StatusAsked(Arguments):
    """What ``status`` takes."""

    request: str | None = Field(default=None, description="The id of a request, or its beginning; without it, all.")


async def collections(ingest: Ingest, asked: CollectionsAsked, most: int) -> list[str]:
    """Return collections, or documents of one, a line each."""
    if asked.collection is None:
        held = await ingest.collections()
        return [counted(len(held), "collection"), *bounded(["\n".join(map(_holding, held))], most)]
    last = None if asked.after is None else (asked.collection, asked.after)
    under = document_uri(asked.under)
    page = await ingest.documents(asked.collection, under=under, limit=PAGE, after=last)
    lines, shown = _fitting(map(_listed, page), most)
    more = shown < len(page) or len(page) == PAGE
    rest = f"; more may follow: after={as_json(page[shown - 1].uri)}" if more and shown else ""
    return [counted(shown, "document") + rest, lines]


def _fitting(lines: Iterable[str], most: int) -> tuple[str, int]:
    """Return as many whole lines as have room, and how many these are."""
    kept: list[str] = []
    left = most
    for line in lines:
        left -= len(line) + 1
        if left < 0 and kept:
            break
        kept.append(line[:most])  # at least one: the next page begins after it
    return "\n".join(kept), len(kept)


def _holding(held: Holding) -> str:
    changed = f", changed {field(held.changed_at)}" if held.changed_at else ""
    failing = f", {held.failing} failing" if held.failing else ""
    counts = (
        "contents not visible"
        if held.documents is None
        else f"{counted(held.documents, 'document')}, {counted(held.chunks or 0, 'chunk')}"
    )
    return field(f"{held.collection}: {counts}{failing}{changed}")


def _listed(one: Listed) -> str:
    title = f" — {one.title[:200]}" if one.title else ""
    why = f", {one.code}: {one.message}" if one.code else ""
    return field(f"{one.uri}{title} ({one.state}, {one.media_type}{why})")


async def status(ingest: Ingest, asked: StatusAsked, most: int) -> list[str]:
    """Return how far a request is, with its first failures; or how it all goes."""
    if asked.request is None:
        lines = lines_of(await ingest.situation(), WIDE)
        return bounded(["\n".join("".join(piece for piece, _ in line) for line in lines)], most)
    request = await overview.request_of(ingest.session, asked.request)
    known = await ingest.status(request)
    failures = await ingest.failures(request, limit=SHOWN_FAILURES) if known.documents_failed else []
    told = [as_json({name: value for name in known.__slots__ if (value := getattr(known, name)) is not None})]
    return bounded(told + [field(f"{one.uri}: {one.code}: {one.message}; {one.hint or ''}") for one in failures], most)


COLLECTIONS = Offer(
    "collections",
    "List collections and documents",
    f"List the collections and what they hold, or one collection's documents, in pages of {PAGE}. {DATA}",
    CollectionsAsked,
    collections,
)
STATUS = Offer(
    "status",
    "See the state of ingestion",
    "See the progress of a request for ingestion and why it waits or failed; or an overview: listeners, what waits and"
    f" why, what fails. {DATA}",
    StatusAsked,
    status,
)
