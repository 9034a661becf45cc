"""Where texts are cut, as plain values: these cross from worker processes, and into the database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from listener.chunking.splitting import chunk

Asked = tuple[str, str, int, int]
"""A text, its media type, the size of a chunk and the overlap."""

Boundaries = tuple[list[int], list[int], str, list[int]]
"""Where the chunks start, where they end, the headings of each, as JSON, and where each one's lead starts and ends, one
after the other (nothing if none has any)."""

_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode
_DECODER = json.JSONDecoder()


def boundaries(texts: Sequence[Asked]) -> list[Boundaries]:
    """Cut texts; see ``splitting.chunk``."""
    return [_cut(*one) for one in texts]


def read_headings(said: str) -> Iterator[list[str]]:
    """Yield the headings of each chunk, decoded one by one: all of a long text's at once would block everybody."""
    at = said.find("[") + 1
    while (start := said.find("[", at)) >= 0:
        headings, at = _DECODER.raw_decode(said, start)
        yield headings


def _cut(text: str, media_type: str, size: int, overlap: int) -> Boundaries:
    chunks = chunk(text, media_type, size, overlap)
    headings = ", ".join(_AS_JSON(one.heading_path) for one in chunks)
    leads = [place for one in chunks for place in one.lead] if any(one.lead[1] for one in chunks) else []
    return [one.start for one in chunks], [one.end for one in chunks], f"[{headings}]", leads
