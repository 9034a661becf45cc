"""What goes into a prompt for a question: passages of documents, best first, each with where it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import asyncpg

from listener.client import statements
from listener.client.results import metadata as parsed
from listener.client.session import Session
from listener.errors import RequestError
from listener.tracing.tracked import tracked

CONTEXT = """select c.number, c.uri, c.title, c.heading_path, c.page, c.start_char, c.end_char, c.text, c.continues,
  c.score, c.by, c.metadata::text, c.cited
from {schema}.ingest_context($1::text, $2::text, k => $3::int, budget => $4::int, tokens => $5::int,
  share => $6::float8, neighbours => $7::int, sections => $8::int, filter => $9::text::jsonb, by => $10::text,
  under => $11::text, per_document => $12::int) c"""

_NO_VECTOR = ("no_listener", "query_not_answered", "no_space_yet", "too_many_queries")

By = Literal["words", "vector"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document for a prompt.

    ``number``        its place, from 1: what an answer cites
    ``uri, title``    of its document; ``heading_path`` and ``page`` are those of its best hit
    ``text``          the document's characters from ``start_char``, from 0, up to ``end_char``
    ``continues``     the header of the table, or the first line of the code block, that ``text`` begins within
    ``score, by, metadata``  of its best hit, as of a ``Hit``
    ``cited``         ``[number] title › heading (uri#page=3)`` on a line, then ``continues`` and ``text``
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

    @property
    def citation(self) -> str:
        """The first line of ``cited``."""
        return self.cited.partition("\n")[0]

    @property
    def whole(self) -> str:
        """``cited`` without that line: ``continues``, if there is any, and ``text``."""
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
        collection: str = "default",
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
        timeout: float | None = 10.0,
    ) -> list[Passage]:
        """Return what goes into a prompt for a question: the ``k`` best chunks and what stands around them.

        In at most ``budget`` characters (12,000), or ``tokens`` of four bytes, with citations. Chunks come first, then
        ``neighbours`` of them on each side, then the section that each stands in, and those ``sections`` levels up,
        as far as there is room. What touches is one passage. Of several documents, none has more than its ``share``.
        ``filter``, ``by``, ``under``, ``per_document``, ``timeout`` and errors as of ``search``; also ``wrong_share``.
        """
        await embed_if_possible(self.session, query, collection, by, timeout)
        values = (
            query, collection, k, budget, tokens, float(share), neighbours, sections,
            json.dumps(dict(filter or {}), ensure_ascii=False), by, under, per_document,
        )  # fmt: skip
        return list(map(_passage, await self.session.rows(CONTEXT, *values)))


async def embed_if_possible(
    session: Session, query: str, collection: str, by: By | None, timeout: float | None
) -> None:
    """Have a listener embed a text for a search; pass over that it can't be, where words are enough.

    Raises RequestError, with ``by="vector"`` for every reason, else the embedder's own.
    """
    if by == "words" or timeout is None or session.in_transaction:
        return
    try:
        await session.rows(statements.EMBED_QUERY, query, collection, timedelta(seconds=timeout))
    except RequestError as error:
        if by == "vector" or error.code not in _NO_VECTOR:
            raise


def _passage(row: asyncpg.Record) -> Passage:
    return Passage(**{**row, "metadata": parsed(row["metadata"])})
