"""A collection: its settings and what they mean, its index, how good its searches were, what it cost, who may what."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from listener.cli.judge import NAMES
from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.pages.collections_page import INDEX_LOOKS
from listener.client import Ingest
from listener.client.described import MOST_COUNTED
from listener.client.inventory import Holding

NONE_YET = (None, "", False)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a collection: what it means, and whether a change has documents embedded again."""

    name: str
    value: Any
    is_default: bool
    meaning: str
    embeds_again: bool


MEANINGS: dict[str, tuple[Any, str, bool]] = {
    "chunk_size": (1000, "Most characters in a chunk.", True),
    "chunk_overlap": (100, "Characters that a chunk repeats of the one before it.", True),
    "embedding_template": (
        "{title}\n{heading_path}\n\n{text}",
        "What is embedded for a chunk; a line whose fields are all empty is left out.",
        True,
    ),
    "passage_prefix": ("", "Stands before the template, where a model wants one.", True),
    "query_prefix": ("", "Stands before a query that is embedded.", False),
    "text_config": (
        "english",
        "How words are found: a text search configuration, or auto: for each document that of its language.",
        True,
    ),
    "max_running": (None, "Most requests that run at a time, over all listeners.", False),
    "weight": (1, "Turns that it gets where another collection of the same submitter gets one.", False),
    "monthly_texts": (None, "Most texts that are sent to embedders in a month (UTC).", False),
    "monthly_cost": (None, "Most that these texts may cost.", False),
    "steps": ([], "Own steps that its documents and chunks go through: see below.", True),
    "indexed": (True, "Whether its vectors get an index when there are many.", False),
    "index_from": (5000, "Build an index above this many chunks.", False),
    "index_m": (16, "Links of a chunk in the index, which is built anew when this changes.", False),
    "index_ef_construction": (None, "Candidates for these links; without it 64, and 200 for 200,000 chunks.", False),
    "index_ef_search": (100, "Candidates of a search in the index: more find more, and take longer.", False),
}
"""Of each setting the default, what it means, and whether a change has documents embedded again; in this order."""


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    known = await ingest.describe(asked.of_path("name"))
    return {
        "known": known, "held": known.holding, "settings": list(_settings(known.holding)), "most": MOST_COUNTED,
        "used": known.used, "ways": NAMES, "index_looks": INDEX_LOOKS, "quote": shlex.quote, "literal": _literal,
        "is_cost_known": any(one.cost is not None for one in known.used or ()),
    }  # fmt: skip


def _settings(held: Holding) -> Iterator[Setting]:
    """Yield the settings of a collection; one that has no meaning here yet comes last."""
    for name in sorted(held.settings, key=lambda name: [*MEANINGS, name].index(name)):
        default, meaning, embeds_again = MEANINGS.get(name, NONE_YET)
        value = held.settings[name]
        yield Setting(name, value, value == default, meaning, embeds_again)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


COLLECTION = WebPage("/collections/{name:path}", "collection", _read)
