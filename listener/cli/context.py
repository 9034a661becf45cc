"""``context``: what goes into a prompt for a question, as a text with citations."""

from __future__ import annotations

from typing import Annotated

import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import open_ingest, run
from listener.cli.search import Sought, beginning, documents_elsewhere


def context(
    query: Annotated[str, typer.Argument(metavar="QUESTION", help="What is asked.")],
    collection: arguments.Collections = None,
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many chunks to find.")] = 8,
    budget: Annotated[
        int | None, typer.Option(metavar="CHARACTERS", min=1, help="Most characters; 12000 by default.")
    ] = None,
    tokens: Annotated[int | None, typer.Option(metavar="N", min=1, help="Most tokens, of four bytes each.")] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=1, help="The share of it that one of several documents may use.")
    ] = 0.5,
    neighbours: Annotated[
        int, typer.Option(metavar="N", min=0, max=1000, help="Chunks before and after each, if there is room.")
    ] = 1,
    sections: Annotated[
        int, typer.Option(metavar="N", min=0, max=100, help="Levels of headings: 1: the section of each, 0: none.")
    ] = 1,
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
    """Print what goes into a prompt for a question: passages of documents, best first, each under its citation.

    In plain SQL that is: call ingest_embed_query('QUESTION'); select string_agg(cited, E'\\n\\n') from
    ingest_context('QUESTION'). In a pipe, the text is exactly that of the documents. Without a listener, it searches by
    words only, and says so.

    \b
    ingest context "how do I resume a cancelled request?"
    ingest context "who pays for travel?" -c handbook --tokens 2000 --json
    """
    if not query.strip():
        raise UsageProblem("empty_query", "QUESTION is empty", "Give a question.")
    wanted = Sought(query, by, arguments.one_or_more(collection), arguments.given(
        k=k, filter=arguments.json_filter(filter_), per_document=per_document, under=beginning(under), since=since,
        min_similarity=min_similarity, words_weight=words_weight, vector_weight=vector_weight, rerank=rerank or None,
        budget=budget, tokens=tokens, share=share, neighbours=neighbours, sections=sections,
    ))  # fmt: skip
    run(_context(wanted, Output(as_json), show_sql))


async def _context(wanted: Sought, output: Output, show_sql: bool) -> None:
    async with open_ingest(output, show_sql) as ingest:
        by, notes = await wanted.prepare(ingest)
        passages = await ingest.context(wanted.query, wanted.collection, by=by, timeout=None, **wanted.more)
        for note in notes:
            output.note(f"note: {note}")
        output.value(passages)
        if not passages:
            output.note(f"note: {await documents_elsewhere(ingest, wanted.collection) or 'nothing found'}")
        output.text("\n\n".join(passage.cited for passage in passages))
