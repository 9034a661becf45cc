"""A search: hits with marks, or the context that a prompt would get. It is an address, so it can be sent on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from listener.cli.hits import around_match, found_by
from listener.cli.search import collections_elsewhere
from listener.cli.webui.page import PageAddress, WebPage, refusal
from listener.cli.webui.page_turns import PageTurns
from listener.cli.webui.searched import SearchAddress
from listener.client import Ingest
from listener.client.passages import counts
from listener.client.results import Hit
from listener.errors import IngestError

BUDGET = 12_000
OFFERED = 12  # collections, each with a box to tick; of more, names are typed
NO_WORDS = "No chunk has these words: all hits were found by their meaning alone."

_TURNS = PageTurns()  # of searches, which wait for a listener; the form itself waits for nobody


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    names = await ingest.collection_names()
    is_everywhere = asked.get("everywhere") and len(names) <= OFFERED
    chosen = (names if is_everywhere else asked.each("collection")) or (names if len(names) == 1 else ["default"])
    known = {
        "names": names, "chosen": chosen, "boxes": len(names) <= OFFERED, "view": asked.get("view"),
        "budget": BUDGET, "problem": None, "notes": [], "elsewhere": [], "hits": None, "passages": None,
    }  # fmt: skip
    if not asked.get("q"):
        return known
    try:
        wanted = SearchAddress.of(asked, chosen)
        async with _TURNS.of("search"):
            return known | await (_context if asked.get("view") == "context" else _hits)(ingest, wanted)
    except IngestError as error:
        return known | {"problem": refusal(error)}


async def _hits(ingest: Ingest, wanted: SearchAddress) -> dict[str, Any]:
    sought = wanted.for_hits()
    hits, notes = await sought.find(ingest)
    marked = zip(hits, await sought.marked(ingest, hits), strict=True)
    return {
        "hits": [(hit, *_parts(hit.citation, hit.uri), found_by(hit), around_match(pieces)) for hit, pieces in marked],
        "notes": [*notes, *_no_words(hits, wanted)],
        "elsewhere": [] if hits else await collections_elsewhere(ingest, sought.collections),
    }  # fmt: skip


def _no_words(hits: Sequence[Hit], wanted: SearchAddress) -> list[str]:
    """Return a note where words were looked for, and none was found."""
    is_without = hits and wanted.by != "meaning" and all(hit.words_place is None for hit in hits)
    return [NO_WORDS] if is_without else []


async def _context(ingest: Ingest, wanted: SearchAddress) -> dict[str, Any]:
    sought = wanted.for_context()
    by, notes = await sought.prepare(ingest)
    passages = await ingest.context(sought.query, sought.collection, by=by, timeout=None, **sought.more)
    return {
        "passages": [(one, *_parts(one.citation, one.uri)) for one in passages], "counts": counts(passages),
        "prompt": "\n\n".join(one.cited for one in passages),
        "budget": wanted.budget or BUDGET, "notes": notes,
        "elsewhere": [] if passages else await collections_elsewhere(ingest, sought.collections),
    }  # fmt: skip


def _parts(citation: str, uri: str) -> tuple[str, str]:
    """Return what a citation names, ``title › heading``, and where that is, ``uri#page=3``."""
    place = citation.rfind(f" ({uri}")
    return (citation[:place], citation[place + 2 : -1]) if place > 0 else (citation, "")


SEARCH = WebPage("/search", "search", _read, "Search", is_live=False, takes_turns=False)
