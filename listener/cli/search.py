"""``search``: embed the query, then ask for the nearest chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

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
    """Search a collection by meaning: embed TEXT, then select from ingest_search(vector, …).

    A collection into which nothing was ingested yet has no embedding space; then the search is by words. In plain SQL
    that is: select * from ingest_search('TEXT', 'default', 5).

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
    """Return the ``k`` chunks nearest to ``query``, best first, and a note if they were found by words only.

    Raises SettingsError or ServiceError if the query can't be embedded.
    """
    space = await Session(session.connection, session.output).row(_SPACE, collection)
    if space is None or space["model"] is None:  # no such collection: ingest_search says so
        rows = await session.rows(_BY_WORDS, query, collection, k, filter_)
        return rows, f'collection "{collection}" has no embeddings yet: searched by words'
    return await session.rows(_BY_VECTOR, await _embed(query, space), collection, k, filter_), ""


_BY_WORDS = """select uri, title, ordinal, round(score::numeric, 4) as score, text, metadata
from ingest_search($1::text, $2, $3, $4::jsonb)"""
_BY_VECTOR = """select uri, title, ordinal, round(score::numeric, 4) as score, text, metadata
from ingest_search($1::vector, $2, $3, $4::jsonb)"""
_SPACE = """select c.query_prefix, s.embedder, s.endpoint, s.model, s.dimensions
from ingest_collections c left join ingest_spaces s on s.id = c.space_id where c.name = $1"""


async def _embed(query: str, space: Row) -> Any:
    from listener.embedding import create
    from listener.models import Space

    embedder = create(Space(space["embedder"], space["endpoint"], space["model"], space["dimensions"]))
    try:
        vectors = await embedder.embed([space["query_prefix"] + query])
    finally:
        await embedder.close()
    return vectors[0]


def tell(rows: Sequence[Row], output: Output) -> None:
    """Write what was found: document and score, then the begin of the chunk."""
    if not rows:
        output.line("nothing found")
    for row in rows:
        output.line(f"{row['score']}  {row['uri']}#{row['ordinal']}", "bold")
        excerpt = " ".join(row["text"].split())
        output.line("    " + excerpt[:EXCERPT] + ("…" if len(excerpt) > EXCERPT else ""))
