"""What is embedded for the chunks of a document, and its digest: the same for who embeds it and who plans to."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from listener.chunking.boundaries import read_headings
from listener.embedding import embedding_input, text_hash
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import NewChunk, ToEmbed

WINDOW, WINDOW_CHARACTERS = 1024, 16 * 1024 * 1024  # chunks that are looked up at a time
_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for each chunk


def new_chunks(rows: Sequence[ToEmbed], texts: Mapping[int, str], settings: BatchSettings) -> Iterator[NewChunk]:
    """Yield the chunks of documents that are not stored yet."""
    return (one for row in rows for one in _of_document(row, texts[row.id], settings))


def searched_as(one: NewChunk, said: str, settings: BatchSettings) -> NewChunk:
    """Return a chunk that is embedded and found by other words than its own."""
    template, prefix = settings.embedding_template, settings.passage_prefix
    embedded = embedding_input(template, prefix, title=one.title, heading_path=one.path, text=said)
    metadata = f'{one.metadata[:-1]}, "searched_as": {_AS_JSON(said)}}}'
    digest = text_hash(embedded, settings.tenant)
    return replace(one, said=said, embedded=embedded, digest=digest, metadata=metadata)


def window(chunks: Iterator[NewChunk]) -> Iterator[NewChunk]:
    """Yield chunks until there are so many, or so many characters of them."""
    characters = 0
    for number, one in enumerate(chunks, 1):
        yield one
        characters += len(one.text) + len(one.embedded) + len(one.metadata)
        if number == WINDOW or characters > WINDOW_CHARACTERS:
            return


def _of_document(row: ToEmbed, whole: str, settings: BatchSettings) -> Iterator[NewChunk]:
    stored = set(row.stored)
    said_of_all = row.metadata[:-1] + (", " if len(row.metadata) > len("{}") else "")
    places = zip(row.starts, row.ends, read_headings(row.headings), _leads(row), strict=True)
    for ordinal, (start, end, path, lead) in enumerate(places):
        if ordinal in stored:
            continue
        text, continues = whole[start:end], whole[lead.start : lead.stop]
        said = f"{continues}\n{text}" if continues else text
        embedded = embedding_input(
            settings.embedding_template,
            settings.passage_prefix,
            title=row.title,
            heading_path=path,
            text=said,
        )
        # Metadata stay the text that they are; of a name that is there twice, jsonb takes the later one.
        own: dict[str, object] = {"heading_path": path, **_page(row.pages, start, end)}
        if continues or '"continues"' in row.metadata:  # ours: words of a user's would be searched as the text's
            own["continues"] = continues or None
        if '"searched_as"' in row.metadata:
            own["searched_as"] = None
        digest = text_hash(embedded, settings.tenant)
        metadata = said_of_all + _AS_JSON(own)[1:]
        yield NewChunk(
            *(row.request_id, row.id, ordinal, start, end, text, embedded, digest, metadata, said, row.title, path)
        )


def _leads(row: ToEmbed) -> Iterator[range]:
    """Yield where in the text that lies which each chunk continues."""
    if not row.leads:
        return repeat(range(0), len(row.starts))
    return map(range, row.leads[::2], row.leads[1::2])


def _page(pages: Sequence[int] | None, start: int, end: int) -> dict[str, int]:
    """Return the page that a chunk begins on, and the one that it ends on if that is another."""
    if not pages:
        return {}
    first, last = bisect_right(pages, start), bisect_right(pages, end - 1)
    return {"page": max(first, 1)} | ({"last_page": last} if last > first else {})
