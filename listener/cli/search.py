"""``search``: have a listener embed the query, then ask for the best chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from listener.cli import arguments
from listener.cli.output import Output, Row
from listener.cli.problems import UsageProblem
from listener.cli.session import Session, find_dsn, load_settings, open_session, run

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


async def _search(query: str, collection: str, k: int, filter_: str, output: Output, show_sql: bool) -> None:
    settings = load_settings()
    async with open_session(settings, await find_dsn(settings, output), output, show_sql=show_sql) as session:
        rows, note = await find(session, query, collection, k, filter_)
    if note:
        output.note(f"note: {note}")
    output.value(rows)
    tell(rows, output)


async def find(session: Session, query: str, collection: str, k: int, filter_: str = "{}") -> tuple[list[Row], str]:
    """Return the best ``k`` chunks for ``query``, and a note if they were found by words only."""
    import asyncpg

    note = ""
    try:
        await session.rows(_EMBED, query, collection)
    except asyncpg.PostgresError as error:
        if error.sqlstate not in _WORDS_ONLY:
            raise
        note = f"searched by words only: {error.message}" + (f" ({error.hint})" if error.hint else "")
    return await session.rows(_SEARCH, query, collection, k, filter_), note


_EMBED = "call ingest_embed_query($1, $2, '5 seconds')"
_SEARCH = """select uri, title, ordinal, round(score::numeric, 4) as score, text, metadata
from ingest_search($1, $2, $3, $4::jsonb)"""
_WORDS_ONLY = {"IG031", "IG032", "IG034"}  # no space yet, no listener, the embedder's error


def tell(rows: Sequence[Row], output: Output) -> None:
    """Write what was found: document and score, then the begin of the chunk."""
    if not rows:
        output.line("nothing found")
    for row in rows:
        output.line(f"{row['score']}  {row['uri']}#{row['ordinal']}", "bold")
        excerpt = " ".join(row["text"].split())
        output.line("    " + excerpt[:EXCERPT] + ("…" if len(excerpt) > EXCERPT else ""))
