"""The tools ``search`` and ``context``: a listener embeds what is asked, where one can, as for ``ingest search``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from listener.cli.arguments import Way, document_uri, given
from listener.cli.assistant.offer import DATA, Arguments, Offer, bounded
from listener.cli.follow import counted
from listener.cli.search import Sought
from listener.client import Hit, Ingest
from listener.errors import RequestError


class SearchAsked(Arguments):
    """What both take."""

    query: str = Field(min_length=1, description="A question, or words to search for.")
    collection: str | list[str] = Field(default="default", description="A collection, or several.")
    k: int = Field(default=8, ge=1, le=100, description="How many chunks to find.")
    by: Literal["words", "meaning", "both"] | None = Field(
        default=None,
        description="Only by words, only by meaning, or strictly by both; by default by whatever is possible.",
    )
    under: str | None = Field(default=None, description="Only documents whose URIs begin with this, or in this folder.")
    since: str | None = Field(default=None, description="Only documents that changed since then: 7d, or a time.")
    per_document: int | None = Field(default=None, ge=1, description="Most chunks of one document.")
    filter: dict[str, Any] | None = Field(
        default=None, description='What the chunks\' metadata must contain, or {"year": {"$gte": 2020}}.'
    )
    min_similarity: float | None = Field(
        default=None, ge=-1, le=1, description="For hits by meaning, the smallest cosine."
    )
    rerank: bool = Field(default=False, description="Order by a re-ranker, if there is one.")

    def sought(self, **more: Any) -> Sought:
        """Return it as the command has it; raises RequestError ``empty_query``."""
        if not self.query.strip():
            raise RequestError("empty_query", "the query is empty", "Give something to search for.")
        under = None if self.under is None else document_uri(self.under)
        wanted = given(
            k=self.k, filter=self.filter, under=under, since=self.since, per_document=self.per_document,
            min_similarity=self.min_similarity, rerank=self.rerank or None, **more,
        )  # fmt: skip
        return Sought(self.query, None if self.by is None else Way(self.by), self.collection, wanted)


class ContextAsked(SearchAsked):
    """What ``context`` takes."""

    budget: int | None = Field(default=None, ge=1, description="Most characters; 12000 by default.")


async def search(ingest: Ingest, asked: SearchAsked, most: int) -> list[str]:
    """Return the best chunks, each with its citation."""
    hits, notes = await asked.sought().find(ingest)
    found = f"{len(hits)} found" if hits else "nothing found"
    return [
        "; ".join([found, *notes]),
        *bounded([_hit(number, hit) for number, hit in enumerate(hits, 1)], most),
    ]


def _hit(number: int, hit: Hit) -> str:
    about = f"uri {hit.uri}, collection {hit.collection}, chunk {hit.ordinal}, found by {hit.by}"
    return f"[{number}] {hit.citation}\n{about}\n{hit.text}"


async def context(ingest: Ingest, asked: ContextAsked, most: int) -> list[str]:
    """Return passages with citations."""
    sought = asked.sought(budget=min(asked.budget or 12_000, most))
    by, notes = await sought.prepare(ingest)
    passages = await ingest.context(sought.query, sought.collection, by=by, timeout=None, **sought.more)
    found = f"{counted(len(passages), 'passage')}; cite them by their numbers" if passages else "nothing found"
    return ["; ".join([found, *notes]), *bounded([passage.cited for passage in passages], most)]


SEARCH = Offer(
    "search",
    "Search documents",
    "Find the chunks of ingested documents that fit a question best, by meaning and by words, each with its place."
    f" To read more around one: document. {DATA}",
    SearchAsked,
    search,
)
CONTEXT = Offer(
    "context",
    "Gather context for a question",
    "Gather passages that answer a question, best first, with their context, each under its citation, within a budget"
    f" of characters. Better than search for answering. {DATA}",
    ContextAsked,
    context,
)
