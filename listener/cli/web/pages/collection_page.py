"""A collection: its settings and what they mean, its index, how good its searches were, what it cost, who may what."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from listener.cli.judge import NAMES
from listener.cli.web.page import Asked, Page
from listener.cli.web.pages.collections_page import INDEX_LOOKS
from listener.client import Ingest
from listener.client.described import MOST_COUNTED
from listener.client.inventory import Holding

EACH = "Documents change: the next request for them cuts and embeds them again."
NOTHING = "Documents stay as they are."


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a collection: what it is called, its value, what it means, and what a change of it does."""

    name: str
    value: Any
    meaning: str
    changed: str
    default: Any

    @property
    def is_default(self) -> bool:
        return bool(self.value == self.default)


MEANINGS: dict[str, tuple[Any, str, str]] = {
    "chunk_size": (1000, "Most characters in a chunk.", EACH),
    "chunk_overlap": (100, "Characters that a chunk repeats of the one before it.", EACH),
    "embedding_template": (
        "{title}\n{heading_path}\n\n{text}",
        "What is embedded for a chunk; a line whose fields are all empty is left out.",
        EACH,
    ),
    "passage_prefix": ("", "Before the template, where a model wants one.", EACH),
    "query_prefix": ("", "Before a query that is embedded.", NOTHING),
    "text_config": (
        "english",
        "By which words are found: a text search configuration, or auto: for each document that of its language.",
        EACH,
    ),
    "max_running": (None, "Most requests that run at a time, over all listeners; none: no limit.", NOTHING),
    "weight": (1, "Turns that it gets where another collection of the same submitter gets one.", NOTHING),
    "indexed": (True, "Whether its vectors get an index when there are many.", NOTHING),
    "index_from": (5000, "With more chunks than that.", NOTHING),
    "index_m": (16, "Links of a chunk in the index.", "The index is built anew."),
    "index_ef_construction": (64, "Candidates for these links.", "The index is built anew."),
    "index_ef_search": (100, "Candidates of a search in the index: more find more, and take longer.", NOTHING),
}


async def _read(ingest: Ingest, asked: Asked) -> dict[str, Any]:
    known = await ingest.describe(asked.of_path("name"))
    return {
        "known": known, "held": known.holding, "settings": list(_settings(known.holding)), "most": MOST_COUNTED,
        "used": known.used, "ways": NAMES, "index_looks": INDEX_LOOKS, "quote": shlex.quote, "literal": _literal,
        "is_cost_known": any(one.cost is not None for one in known.used or ()),
    }  # fmt: skip


def _settings(held: Holding) -> Iterator[Setting]:
    """Yield the settings of a collection; one that has no meaning here yet is shown without."""
    for name, value in held.settings.items():
        default, meaning, changed = MEANINGS.get(name, (None, "", ""))
        yield Setting(name, value, meaning, changed, default)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


COLLECTION = Page("/collections/{name:path}", "collection", _read)
