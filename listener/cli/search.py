"""``search``: have a listener embed the query, then ask for the best chunks."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli import arguments
from listener.cli.hits import Pieces, write_hits
from listener.cli.in_shell import in_shell
from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import open_ingest, run
from listener.errors import RequestError
from listener.sources.paths import uri_of

if TYPE_CHECKING:
    from listener.client import Hit, Ingest
    from listener.client.wanted import By

EMBED_SECONDS, RERANK_SECONDS = 5.0, 30.0
SHOWN_COLLECTIONS = 8
_OF_CONTEXT = ("rerank", "budget", "tokens", "share", "neighbours", "sections")


def search(
    query: Annotated[str, typer.Argument(metavar="TEXT", help="What to search for.")],
    collection: arguments.Collections = None,
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many chunks; in SQL and Python 10.")] = 5,
    filter_: arguments.Filter = "{}",
    by: arguments.By = None,
    per_document: arguments.PerDocument = None,
    under: arguments.Under = None,
    since: arguments.Since = None,
    min_similarity: arguments.Similarity = None,
    words_weight: arguments.WordsWeight = None,
    vector_weight: arguments.VectorWeight = None,
    rerank: arguments.Rerank = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Search one collection, or several, by meaning and by words.

    In plain SQL that is: call ingest_embed_query('TEXT'); select * from ingest_search('TEXT'). A listener embeds TEXT;
    when none is running, the search is by words only, and says so (with --by meaning or both it fails). Matching words
    are bold on a terminal, or in ** with NO_COLOR; in a pipe the text is exactly that of the documents.

    \b
    ingest search "how do I resume a cancelled request?"
    ingest search refunds -c mail -c handbook -k 20 --filter '{"team": "support"}' --since 7d --json
    ingest search "leave policy" --under /srv/docs/handbook --per-document 1 --by meaning
    """
    if not query.strip():
        raise UsageProblem("empty_query", "TEXT is empty", "Give something to search for.")
    wanted = Sought(query, by, arguments.one_or_more(collection), arguments.given(
        k=k, filter=arguments.json_filter(filter_), per_document=per_document, under=beginning(under), since=since,
        min_similarity=min_similarity, words_weight=words_weight, vector_weight=vector_weight, rerank=rerank or None,
    ))  # fmt: skip
    run(_search(wanted, Output(as_json), show_sql))


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for, and where; ``more`` are further arguments of ``Ingest.search``."""

    query: str
    by: arguments.Way | None = None
    collection: str | Sequence[str] = "default"
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def collections(self) -> list[str]:
        """The names of those that are searched."""
        return [self.collection] if isinstance(self.collection, str) else list(self.collection)

    async def prepare(self, ingest: Ingest) -> tuple[By | None, list[str]]:
        """Have the query embedded, and what is found re-ranked; return by what to search, and what could not be done.

        Searching by words only is no fault if it was asked for.
        """
        by, why = await self._embedded(ingest)
        notes = [f"searched by words only: {why}"] if why else []
        if self.more.get("rerank") and (why := await self._reranked(ingest, by)):
            notes.append(f"not re-ranked: {why}")
        return by, notes

    async def _embedded(self, ingest: Ingest) -> tuple[By | None, str]:
        until = time.monotonic() + EMBED_SECONDS  # for all collections together
        if self.by is None:
            notes = [await _embed(ingest, self.query, name, until) for name in self.collections]
            return None, next(filter(None, notes), "")
        for name in self.collections if self.by.in_sql != "words" else ():
            await ingest.embed_query(self.query, name, timeout=_left(until))
        return self.by.in_sql, ""

    async def _reranked(self, ingest: Ingest, by: By | None) -> str:
        """Have what will be found scored; return why that failed: then it comes as without."""
        from listener.client.wanted import reranked

        of_search = {name: value for name, value in self.more.items() if name not in _OF_CONTEXT}
        how = of_search | {"by": by, "k": reranked(self.more.get("k", 0)), "timeout": RERANK_SECONDS}
        try:
            await ingest.rerank(self.query, self.collection, **how)
        except RequestError as error:
            return _said(error)
        return ""

    async def find(self, ingest: Ingest) -> tuple[list[Hit], list[str]]:
        """Return what is found, and what could not be done for it."""
        by, notes = await self.prepare(ingest)
        return await ingest.search(self.query, self.collection, by=by, timeout=None, **self.more), notes

    async def write(self, ingest: Ingest, hits: Sequence[Hit], output: Output) -> None:
        """Write hits for people, with the words that matched marked."""
        if not output.json:
            write_hits(hits, await self.marked(ingest, hits), output)

    async def marked(self, ingest: Ingest, hits: Sequence[Hit]) -> Sequence[Pieces]:
        """Return the texts of hits in pieces, each with whether it is a word that the query looks for."""
        from listener.client.overview import marked

        return await marked(ingest.session.quiet(), self.query, hits) if hits else []


def beginning(under: str | None) -> str | None:
    """Return how URIs begin: of a path that of its file or of all in its folder."""
    if under is None or not (under.startswith(("/", "~")) or Path(under).exists()):
        return under
    path = arguments.absolute_source(str(Path(under).expanduser()))
    return uri_of(path) + ("/" if Path(path).is_dir() and not path.endswith("/") else "")


async def _search(wanted: Sought, output: Output, show_sql: bool) -> None:
    async with open_ingest(output, show_sql) as ingest:
        hits, notes = await wanted.find(ingest)
        if not hits and (elsewhere := await documents_elsewhere(ingest, wanted.collection)):
            notes = [elsewhere]
        for note in notes:
            output.note(f"note: {note}")
        output.value(hits)
        await wanted.write(ingest, hits, output)


async def documents_elsewhere(ingest: Ingest, searched: str | Sequence[str]) -> str:
    """Return a note with the collections that have documents, if none of the searched ones has any; otherwise ""."""
    searched = [searched] if isinstance(searched, str) else searched
    held = await collections_elsewhere(ingest, searched)
    if not held:
        return ""
    listed = ", ".join(held[:SHOWN_COLLECTIONS]) + (", …" if len(held) > SHOWN_COLLECTIONS else "")
    names = ", ".join(f'"{name}"' for name in searched)
    which = f"collection {names} has" if len(searched) == 1 else f"collections {names} have"
    return f"{which} no documents; there are some in: {listed} (-c {shlex.quote(held[0])})"


async def collections_elsewhere(ingest: Ingest, searched: Sequence[str]) -> list[str]:
    """Return the collections that have documents; none if one of those that were searched has some."""
    held = [one.collection for one in await ingest.collections() if one.documents]
    return [] if set(held).intersection(searched) else held


async def _embed(ingest: Ingest, query: str, collection: str, until: float) -> str:
    """Have ``query`` embedded; return why that failed, since a search by words may still find something."""
    try:
        await ingest.embed_query(query, collection, timeout=_left(until))
    except RequestError as error:
        return _said(error)
    return ""


def _left(until: float) -> float:
    """Return the seconds that are left. None is enough for what is known already."""
    return max(until - time.monotonic(), 0.0)


def _said(error: RequestError) -> str:
    return error.message + (f" ({in_shell(error.hint)})" if error.hint else "")
