"""``plan``: what ingesting a source would do and cost, without sending or publishing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.follow import follow, going_on, write_outcomes
from listener.cli.output import Output
from listener.cli.problems import OK, outcome
from listener.cli.running import open_ingest, run
from listener.cli.unreadable import Readable

if TYPE_CHECKING:
    from listener.client.plans import Plan


def plan(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, a folder, a quoted glob or a URL.")],
    collection: arguments.Collection = "default",
    option: arguments.Options = None,
    metadata: arguments.Metadata = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Say what ingesting a SOURCE would do and cost: documents, chunks, texts that are new, tokens, and their price.

    A listener reads, parses and cuts everything, and sends, publishes and deletes nothing. In SQL: a request with the
    option plan; ingest_status.plan is what it found. The last line says how to have it done.

    \b
    ingest plan docs/
    ingest plan /srv/manuals -c manuals -o include=*.pdf --json
    """
    options = arguments.json_object("--option", option or []) | {"plan": True}
    kept = arguments.json_object("--metadata", metadata or [])
    asked = arguments.absolute_source(source)
    return run(_plan(asked, collection, options, kept, show_sql, Output(as_json)))


async def _plan(
    source: str,
    collection: str,
    options: dict[str, object],
    metadata: dict[str, object],
    show_sql: bool,
    output: Output,
) -> int:
    async with open_ingest(output, show_sql) as ingest:
        request = await ingest.add(source, collection=collection, options=options, metadata=metadata)
        with going_on([request], output):
            (status,) = await follow(ingest, [request], output, watch=Readable(ingest).require)
        if status.status != "succeeded":
            output.value(status)
            write_outcomes([status], output)
            return outcome([status.status])
        found = await ingest.plan_of(request)
    output.value(found)
    output.table(("what", "how much", "more"), _rows(found))
    if found.hint:
        output.note(found.hint)
    output.line(f"to have it done: ingest add {source} -c {collection} -o planned={request}, with the same options")
    return OK


def _rows(found: Plan) -> Iterator[tuple[object, ...]]:
    yield "documents", found.documents, _counts(found.by_type)
    yield "unchanged", found.unchanged, ""
    if found.left_out:
        yield "left out", found.left_out, "duplicates, and parts of no known format"
    if found.gone is not None:
        yield "gone", found.gone, "would be deleted, unless they are too many"
    if found.failed:
        yield "would fail", found.failed, _counts(found.failures)
    yield "chunks", found.chunks, ""
    yield "texts to send", found.new_texts, f"{found.known_texts} are known, and cost nothing"
    yield "tokens", found.tokens, found.tokens_are
    price = found.price_per_million_tokens
    at = f"{found.embedder} {found.model}" + ("" if price is None else f", {price:g} a million tokens")
    yield "cost", _money(found.cost), at
    for step in found.steps:
        yield f"step {step.name}", step.new_texts, f"texts to send, {step.known_texts} are known"
        price = step.price_per_million_tokens
        at = "" if price is None else f", {step.model} at {price:g} a million"
        yield "  cost", _money(step.cost), f"{step.tokens} tokens, estimated{at}"


def _money(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:.6f}".rstrip("0").rstrip(".")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
