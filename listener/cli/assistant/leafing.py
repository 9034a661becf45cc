"""The tool ``document``: a document's text, a stretch of it, or the sections that it has."""

from __future__ import annotations

from pydantic import Field

from listener.cli.arguments import document_uri
from listener.cli.assistant.offer import DATA, Arguments, Offer, bounded, collection_field
from listener.client import Ingest
from listener.client.stretches import Outlined, Stretch
from listener.errors import RequestError
from listener.logs.visible import on_one_line

FURTHEST = 2_000_000_000


class DocumentAsked(Arguments):
    """What ``document`` takes."""

    uri: str = Field(min_length=1, description="URI of the document, as search returns it.")
    collection: str = collection_field()
    start: int = Field(default=0, ge=0, le=FURTHEST, description="From this character on, from 0.")
    characters: int | None = Field(default=None, ge=1, description="Most characters.")
    outline: bool = Field(default=False, description="Instead: its sections, and where they begin and end.")


async def document(ingest: Ingest, asked: DocumentAsked, most: int) -> list[str]:
    """Return the text, or its sections."""
    uri = document_uri(asked.uri)
    if asked.outline:
        sections = await ingest.outline(uri, asked.collection)
        known = await stretch(ingest, uri, asked.collection, 0, 1)
        lines = "\n".join(_section(one) for one in sections)
        return [f"{about(known)}; its sections:", *bounded([lines], most)]
    known = await stretch(ingest, uri, asked.collection, asked.start, min(asked.characters or most, most))
    return [f"{about(known)}; {_where(known)}", known.text or ""]


async def stretch(ingest: Ingest, uri: str, collection: str, start: int, characters: int) -> Stretch:
    """Return a stretch of a text; raises RequestError ``unknown_document``, also if no text is visible."""
    known = await ingest.read(uri, collection, start=start, characters=characters)
    if known.text is None:
        message = (
            f'no text of document "{known.uri[:200]}" in collection "{collection}" is live and visible to this role'
        )
        raise RequestError("unknown_document", message, "Nothing of it is live, or this role may not search for it.")
    return known


def about(known: Stretch) -> str:
    """Return in a line what a document is."""
    title = f"{known.title[:200]} — " if known.title else ""
    return on_one_line(f"{title}{known.uri}, collection {known.collection}, {known.media_type}")


def _where(known: Stretch) -> str:
    rest = f"; the rest: start={known.end}" if known.end < (known.characters or 0) else ""
    return f"characters {known.start} to {known.end} of {known.characters}{rest}"


def _section(one: Outlined) -> str:
    path = on_one_line(" › ".join(one.path)) or "(no heading)"
    return f"{one.start_char} to {one.end_char}: {path}" + (f", page {one.page}" if one.page else "")


DOCUMENT = Offer(
    "document",
    "Read a document",
    f"Read the text of an ingested document from a given character, or list its sections and where they are. {DATA}",
    DocumentAsked,
    document,
)
