"""``eval``: how good searches are, by queries whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import open_ingest, run
from listener.cli.search import beginning

if TYPE_CHECKING:
    from listener.client import Ingest, judging
    from listener.errors import IngestError

MOST_BYTES = 64 << 20
NAMES = {"words": "words", "vector": "meaning", "both": "both"}
"""What the command calls ways to search."""


def evaluate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Judged queries, one JSON object per line.")],
    collection: Annotated[
        list[str] | None, typer.Option("--collection", "-c", help="A collection; several are compared.")
    ] = None,
    by: Annotated[
        list[arguments.Way] | None,
        typer.Option(help="Ways to search; all three by default.", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many documents count.")] = 10,
    base: Annotated[
        str, typer.Option(metavar="PREFIX", help="Prefix of expected URIs without a scheme; or a folder.")
    ] = "",
    weights: Annotated[
        list[str] | None,
        typer.Option(metavar="W:V", help="By both, with weights W for words and V for meaning; may be repeated."),
    ] = None,
    rerank: Annotated[bool, typer.Option("--rerank", help="Also by both in a re-ranker's order.")] = False,
    worst: Annotated[int, typer.Option(metavar="N", min=0, max=10_000, help="How many bad queries to list.")] = 5,
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="Keep the figures with the collection, as ingest ui shows them.")
    ] = True,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Measure how good searches of a collection are, by queries whose answers are known.

    A line of FILE is {"query": "how do I pay?", "expected": ["file:///srv/docs/pay.md"]}, or with grades
    {"expected": {"URI": 3, "URI": 1}}. Each query is asked by words, by meaning and by both; of what comes back the
    first K documents count. The last two need a running listener. If a collection has none of the URIs, that is an
    error: not_in_collection.

    \b
    ingest eval judged.jsonl -c handbook --base /srv/docs
    ingest eval judged.jsonl -c small -c large --by both --weights 2:1 --worst 20
    """
    from listener.client import judging

    judged = judging.read(_lines(file), (beginning(base) or "") if base else "")
    wanted = [way for way in judging.WAYS if not by or way in [one.in_sql for one in by]]
    how = {"ways": wanted, "k": k, "weights": [_weights(pair) for pair in weights or ()], "rerank": rerank}
    kept_as = file.name if save else None
    run(_evaluate(judged, collection or ["default"], how, worst, kept_as, Output(as_json), show_sql))


def _lines(file: Path) -> list[str]:
    """Return the lines of a file; raises UsageProblem ``bad_judgement`` if it is not text, or can't be read."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UsageProblem("bad_judgement", f"{file} has more than {MOST_BYTES >> 20} MB", "Give fewer queries.")
        return file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no UTF-8"
        raise UsageProblem("bad_judgement", f"{file} can't be read: {why}", "Give a file of judged queries.") from None


async def _evaluate(
    judged: Sequence[judging.Judged],
    collections: Sequence[str],
    how: Mapping[str, Any],
    worst: int,
    kept_as: str | None,
    output: Output,
    show_sql: bool,
) -> None:
    async with open_ingest(output, show_sql) as ingest:
        found = [one for name in collections for one in await ingest.evaluate(judged, name, **how)]
        refused = await _keep(ingest, found, kept_as) if kept_as else None
    if refused:
        output.note(f"note: the figures are not kept: {refused.message}")
    for name, unknown in {one.collection: one.unknown for one in found if one.unknown}.items():
        more = f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        output.note(f'warning: expected, but not in collection "{name}": {unknown[0]}{more}; see --base')
    for one in found:
        if one.unscored:
            unknown = f"of {one.unscored} of {one.queries} queries"
            output.note(f'warning: {unknown} no re-ranker\'s score is known in collection "{one.collection}"')
    output.value(found)
    k = how["k"]
    headings = ("collection", "by", "hit@1", f"hit@{k}", "MRR", f"nDCG@{k}", f"recall@{k}")
    output.table(headings, (_cells(one) for one in found))
    for one in found:
        if bad := one.worst(worst):
            output.line()
            output.line(f"worst of {one.collection} by {_name(one.way)}:")
            output.table(("nDCG", "place", "query", "found first"), (_bad(query) for query in bad))


async def _keep(ingest: Ingest, found: Sequence[judging.Quality], kept_as: str) -> IngestError | None:
    """Keep what was measured; return why not, where it can't be: the figures are worth having without that."""
    from listener.errors import IngestError

    try:
        for one in found:
            await ingest.save_evaluation(one, kept_as)
    except IngestError as error:
        return error
    return None


def _name(way: str) -> str:
    return NAMES.get(way, way)


def _weights(pair: str) -> tuple[float, float]:
    """Return two weights; raises UsageProblem ``wrong_weight``."""
    words, colon, vector = pair.partition(":")
    try:
        return float(words), float(vector if colon else "1")
    except ValueError:
        hint = "For instance --weights 1:2, which counts meaning twice."
        raise UsageProblem("wrong_weight", f"--weights takes two numbers, not {pair}", hint) from None


def _cells(one: judging.Quality) -> tuple[str, ...]:
    figures = (one.hit_at_1, one.hit_at_k, one.mrr, one.ndcg, one.recall)
    return one.collection, _name(one.way), *(f"{figure:.3f}" for figure in figures)


def _bad(query: judging.Answered) -> tuple[object, ...]:
    return f"{query.ndcg:.3f}", query.place or "-", query.query, query.uris[0] if query.uris else "nothing"
