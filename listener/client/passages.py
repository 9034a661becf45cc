"""Text for a prompt that answers a question: passages of documents, best first, each with its citation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from listener.client import statements
from listener.client.results import metadata as parsed
from listener.client.session import Session
from listener.client.wanted import By, Collections, Since, rows_of
from listener.tracing.tracked import tracked


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document for a prompt.

    ``number``        its place, from 1: what an answer cites
    ``uri, title``    of its document; ``heading_path`` and ``page`` are those of its best hit
    ``text``          the document's characters from ``start_char``, from 0, up to ``end_char``
    ``continues``     the header of the table, or the first line of the code block, that ``text`` begins within
    ``score, by, metadata``  of its best hit, as of a ``Hit``
    ``cited``         ``[number] title › heading (uri#page=3)`` on a line, then ``continues`` and ``text``,
                      and what says that it was cut (``…``) and closes a code block
    """

    number: int
    uri: str
    title: str | None
    heading_path: list[str]
    page: int | None
    start_char: int
    end_char: int
    text: str
    continues: str | None
    score: float
    by: str
    metadata: Mapping[str, Any]
    cited: str
    collection: str

    @property
    def citation(self) -> str:
        """The first line of ``cited``."""
        return self.cited.partition("\n")[0]

    @property
    def whole(self) -> str:
        """``cited`` without that line: ``continues``, if there is any, ``text`` and what closes it."""
        return self.cited.partition("\n")[2]


def counts(passages: list[Passage]) -> dict[str, str | int]:
    """Return for a span how many passages there are, of how many documents and characters."""
    return {
        "passages": len(passages),
        "documents": len({passage.uri for passage in passages}),
        "characters": sum(len(passage.cited) for passage in passages),
    }


class Prompting:
    """The verb that gathers what a prompt needs."""

    session: Session
    traced: bool

    @tracked("ingest.context", shows=("collection", "k", "budget", "tokens", "by"), told=counts)
    async def context(
        self,
        query: str,
        collection: Collections = "default",
        *,
        k: int = 8,
        budget: int | None = None,
        tokens: int | None = None,
        share: float = 0.5,
        neighbours: int = 1,
        sections: int = 1,
        filter: Mapping[str, Any] | None = None,
        by: By | None = None,
        under: str | None = None,
        per_document: int | None = None,
        since: Since | None = None,
        min_similarity: float | None = None,
        words_weight: float | None = None,
        vector_weight: float | None = None,
        rerank: bool | None = None,
        timeout: float | None = 10.0,
    ) -> list[Passage]:
        """Return text for a prompt that answers a question: the ``k`` best chunks and their surroundings.

        In at most ``budget`` characters (12,000), or ``tokens`` of four bytes, with citations. Chunks come first, then
        ``neighbours`` of them on each side, then the section that contains each, and those ``sections`` levels up,
        as far as there is room. What touches is one passage. Of several documents, none has more than its ``share``.
        The others, and errors, as of ``search``; also ``wrong_share``.
        """
        rows = await rows_of(
            self.session, statements.GATHERED, "ingest_context", timeout, query, collection, k=k, budget=budget,
            tokens=tokens, share=share, neighbours=neighbours, sections=sections, filter=filter, by=by, under=under,
            per_document=per_document, since=since, min_similarity=min_similarity, words_weight=words_weight,
            vector_weight=vector_weight, rerank=rerank,
        )  # fmt: skip
        return list(map(_passage, rows))


def _passage(row: asyncpg.Record) -> Passage:
    return Passage(**{**row, "metadata": parsed(row["metadata"])})
