"""``search``: have a listener embed the query, then ask for the best chunks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from listener.cli import arguments
from listener.cli.hits import write_hits
from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import open_ingest, run
from listener.errors import RequestError
from listener.sources.paths import uri_of

if TYPE_CHECKING:
    from listener.client import Hit, Ingest

EMBED_SECONDS = 5.0
SHOWN_COLLECTIONS = 8


def search(
    query: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for.")],
    collection: arguments.Collection = "default",
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many chunks.")] = 5,
    filter_: arguments.Filter = "{}",
    by: arguments.By = None,
    per_document: arguments.PerDocument = None,
    under: arguments.Under = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Search a collection by meaning and by words.

    In plain SQL that is: call ingest_embed_query('TEXT'); select * from ingest_search('TEXT'). A listener embeds TEXT;
    when none is running, the search is by words only, and says so (with --by meaning or both it fails). Words that
    matched are bold, or in ** where nothing is: in a pipe, and with NO_COLOR.

    \b
    ingest search "how do I resume a cancelled request?"
    ingest search refunds -c mail -k 20 --filter '{"team": "support"}' --json
    ingest search "leave policy" --under /srv/docs/handbook --per-document 1 --by meaning
    """
    if not query.strip():
        raise UsageProblem("empty_query", "TEXT is empty", "Say what to look for.")
    wanted = Sought(query, collection, k, arguments.json_filter(filter_), by, per_document, beginning(under))
    run(_search(wanted, Output(as_json), show_sql))


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for, and where."""

    query: str
    collection: str
    k: int
    filter: Mapping[str, object] = field(default_factory=dict)
    by: arguments.Way | None = None
    per_document: int | None = None
    under: str | None = None

    async def prepare(self, ingest: Ingest) -> tuple[Literal["words", "vector"] | None, str]:
        """Have the query embedded; return by what to search, and why by words only if nobody asked for that, or ""."""
        if self.by is None:
            return None, await _embed(ingest, self.query, self.collection)
        if self.by is arguments.Way.WORDS:
            return "words", ""
        await ingest.embed_query(self.query, self.collection, timeout=EMBED_SECONDS)
        return ("vector" if self.by is arguments.Way.MEANING else None), ""

    async def find(self, ingest: Ingest) -> tuple[list[Hit], str]:
        """Return what is found, and why it was searched by words only although nobody asked for that, or ""."""
        by, note = await self.prepare(ingest)
        hits = await ingest.search(
            self.query, self.collection, k=self.k, filter=self.filter, by=by, under=self.under,
            per_document=self.per_document, timeout=None,
        )  # fmt: skip
        return hits, note

    async def write(self, ingest: Ingest, hits: Sequence[Hit], output: Output) -> None:
        """Write hits for people, with the words that matched marked."""
        if output.json:
            return
        from listener.client.overview import marked

        texts = [hit.text for hit in hits]
        found = await marked(ingest.session.quiet(), self.query, self.collection, texts) if texts else []
        write_hits(hits, found, output)


def beginning(under: str | None) -> str | None:
    """Return how URIs begin: of a path that of its file or of all in its folder."""
    if under is None or not (under.startswith(("/", "~")) or Path(under).exists()):
        return under
    path = arguments.absolute_source(str(Path(under).expanduser()))
    return uri_of(path) + ("/" if Path(path).is_dir() and not path.endswith("/") else "")


async def _search(wanted: Sought, output: Output, show_sql: bool) -> None:
    async with open_ingest(output, show_sql) as ingest:
        hits, note = await wanted.find(ingest)
        if not hits and (elsewhere := await documents_elsewhere(ingest, wanted.collection)):
            note = ""
            output.note(elsewhere)
        if note:
            output.note(f"note: searched by words only: {note}")
        output.value(hits)
        await wanted.write(ingest, hits, output)


async def documents_elsewhere(ingest: Ingest, collection: str) -> str:
    """Return a note with the collections that have documents, if the one that was searched has none; else ""."""
    held = {one.collection: one.documents or 0 for one in await ingest.collections()}
    others = [name for name, documents in held.items() if documents]
    if held.get(collection) or not others:
        return ""
    listed = ", ".join(others[:SHOWN_COLLECTIONS]) + (", …" if len(others) > SHOWN_COLLECTIONS else "")
    return (
        f'note: collection "{collection}" has no documents; there are some in: {listed} (-c {shlex.quote(others[0])})'
    )


async def _embed(ingest: Ingest, query: str, collection: str) -> str:
    """Have ``query`` embedded; return why that failed, since a search by words may still find something."""
    try:
        await ingest.embed_query(query, collection, timeout=EMBED_SECONDS)
    except RequestError as error:
        return error.message + (f" ({error.hint})" if error.hint else "")
    return ""
