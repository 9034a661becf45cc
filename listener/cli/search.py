"""``search``: have a listener embed the query, then ask for the best chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import open_ingest, run
from listener.errors import RequestError

if TYPE_CHECKING:
    from listener.client import Hit, Ingest

EMBED_SECONDS = 5.0
EXCERPT = 300  # characters


def search(
    query: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for.")],
    collection: arguments.Collection = "default",
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many chunks.")] = 5,
    filter_: Annotated[
        str, typer.Option("--filter", metavar="JSON", help="What the chunks' metadata must contain.")
    ] = "{}",
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Search a collection by meaning and by words.

    In plain SQL that is: call ingest_embed_query('TEXT'); select * from ingest_search('TEXT'). A listener embeds TEXT;
    when none is running, the search is by words only, and says so.

    \b
    ingest search "how do I resume a cancelled request?"
    ingest search refunds -c mail -k 20 --filter '{"team": "support"}' --json
    """
    if not query.strip():
        raise UsageProblem("empty_query", "TEXT is empty", "Say what to look for.")
    run(_search(query, collection, k, arguments.json_filter(filter_), Output(as_json), show_sql))


async def _search(
    query: str, collection: str, k: int, wanted: Mapping[str, object], output: Output, show_sql: bool
) -> None:
    async with open_ingest(output, show_sql) as ingest:
        note = await _embed(ingest, query, collection)
        hits = await ingest.search(query, collection, k=k, filter=wanted, timeout=None)
    if note:
        output.note(f"note: searched by words only: {note}")
    output.value(hits)
    write_hits(hits, output)


async def find(ingest: Ingest, query: str, collection: str, k: int) -> list[Hit]:
    """Return the best ``k`` chunks for ``query``, by words only where it can't be embedded."""
    await _embed(ingest, query, collection)
    return await ingest.search(query, collection, k=k, timeout=None)


async def _embed(ingest: Ingest, query: str, collection: str) -> str:
    """Have ``query`` embedded; return why that failed, since a search by words may still find something."""
    try:
        await ingest.embed_query(query, collection, timeout=EMBED_SECONDS)
    except RequestError as error:
        return error.message + (f" ({error.hint})" if error.hint else "")
    return ""


def write_hits(hits: Sequence[Hit], output: Output) -> None:
    """Write what was found: score and document, then the beginning of the chunk."""
    if not hits:
        output.line("nothing found")
    for hit in hits:
        output.line(f"{hit.score:.4f}  {hit.uri}#{hit.ordinal}", "bold")
        excerpt = " ".join(hit.text.split())
        output.line("    " + excerpt[:EXCERPT] + ("…" if len(excerpt) > EXCERPT else ""))
