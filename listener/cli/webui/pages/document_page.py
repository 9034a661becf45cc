"""One document: what is known of it, a stretch of its text with the chunks marked in it, what requests made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from listener.cli.holding_lines import became
from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.runs import runs_of
from listener.client import Ingest
from listener.client.stretches import ChunkPlace, Stretch

CHARACTERS = 20_000  # of a stretch
BEFORE = 1_000  # characters that stand before the chunk that was asked for, unless the first stretch has it
FURTHEST = 2_000_000_000
MOST_CHUNKS = 1_000
MOST_ATTEMPTS = 50
MOST_METADATA = 4_000

# Why there is no text.
SEARCHERS_ONLY = "The text and its chunks are shown to roles that may search this collection."
NOT_LIVE = "Nothing of it is live, or it is not for this role."


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    uri, collection = asked.exactly("uri"), asked.exactly("collection") or "default"
    chunk = _number(asked.get("chunk"))
    stretch = await ingest.read(uri, collection, start=_number(asked.get("at")) or 0, characters=CHARACTERS)
    notes: list[str] = []
    if stretch.text is not None and chunk is not None:
        stretch, notes = await _around(ingest, stretch, chunk)
    places = await ingest.places(stretch, limit=MOST_CHUNKS) if stretch.text else []
    if len(places) == MOST_CHUNKS:
        notes.append(f"Only the first {MOST_CHUNKS} chunks of this stretch are marked.")
    return {
        "document": stretch, "notes": notes, "aimed": chunk,
        "runs": runs_of(stretch, places, chunk), "labels": _labels(stretch, places),
        "steps": _steps(stretch), "absent": _absent(stretch), "metadata": _metadata(stretch),
        "attempts": [(one, became(one)) for one in await ingest.attempts(uri, collection, limit=MOST_ATTEMPTS)],
        "most_attempts": MOST_ATTEMPTS,
    }  # fmt: skip


async def _around(ingest: Ingest, stretch: Stretch, chunk: int) -> tuple[Stretch, list[str]]:
    """Return the stretch in which a chunk begins, or the one that is there, and why."""
    begin = await ingest.beginning_of(chunk, stretch)
    if begin is None:
        return stretch, [f"There is no chunk {chunk} in what is live now: it has {stretch.chunks}, counted from 0."]
    start = 0 if begin < CHARACTERS // 2 else begin - BEFORE
    if start != stretch.start:
        stretch = await ingest.read(stretch.uri, stretch.collection, start=start, characters=CHARACTERS)
    return stretch, []


def _labels(stretch: Stretch, places: Sequence[ChunkPlace]) -> dict[int, str]:
    """Return for each chunk that begins here its headings and page, as far as they differ from the one before."""
    labels: dict[int, str] = {}
    path_before, page_before = "", None
    for one in places:
        if one.start_char < stretch.start:
            continue
        path = " › ".join(one.path[1:] if one.path and one.path[0] == stretch.title else one.path)
        page = f"page {one.page}" if one.page not in (None, page_before) else ""
        labels[one.ordinal] = " · ".join(filter(None, [path if path != path_before else "", page]))
        path_before, page_before = path, one.page
    return labels


def _number(text: str) -> int | None:
    return min(int(text), FURTHEST) if text.isdecimal() and len(text) <= len(str(FURTHEST)) else None


def _steps(stretch: Stretch) -> dict[str, int]:
    """Return where other stretches begin, by their names."""
    whole = stretch.characters or 0
    last = max(whole - CHARACTERS, 0)
    before = {"First": 0, "Previous": min(max(stretch.start - CHARACTERS, 0), last)} if stretch.start else {}
    return before | ({"Next": stretch.end, "Last": last} if stretch.end < whole else {})


def _absent(stretch: Stretch) -> str:
    if stretch.text is not None:
        return ""
    return SEARCHERS_ONLY if stretch.revision_id is not None else NOT_LIVE


def _metadata(stretch: Stretch) -> str:
    written = json.dumps(stretch.metadata, ensure_ascii=False, indent=2) if stretch.metadata else ""
    return written if len(written) <= MOST_METADATA else written[:MOST_METADATA] + "\n…"


DOCUMENT = WebPage("/document", "document", _read, is_live=False)
