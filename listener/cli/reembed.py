"""``reembed``, ``generations``, ``switch``, ``rollback``, ``drop-generation``: another model for a collection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.follow import follow_to_end
from listener.cli.output import Output
from listener.cli.problems import OK
from listener.cli.running import open_ingest, run

if TYPE_CHECKING:
    from listener.client import Ingest

Name = Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection.")]
Number = Annotated[int | None, typer.Option("--generation", help="Its number.")]


def reembed(
    collection: Name,
    setting: Annotated[
        list[str], typer.Option("--set", "-s", metavar="K=V", help="embedder, model, dimensions, chunk_size …")
    ],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="K=V", help="plan, max_texts, max_cost, patience …"),
    ] = None,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Not live by itself: after ingest switch.")] = False,
    keep_days: Annotated[
        float | None, typer.Option("--keep-days", min=0, help="How long the one before is kept.")
    ] = None,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Cut and embed a COLLECTION's documents anew, beside what is live: select ingest_reembed(collection, settings).

    Searches see the new generation, all of it at once, when all is in and its index stands. What is published
    meanwhile is in both. Prints the id of the request that does it; with -o plan=true it only says what it would take.

    \b
    ingest reembed manuals -s model=text-embedding-3-large -s dimensions=1024 -o plan=true --wait
    ingest reembed manuals -s model=text-embedding-3-large -s dimensions=1024 --wait
    ingest reembed manuals -s chunk_size=600 -s chunk_overlap=60
    """
    settings = arguments.json_object("--set", setting)
    options = arguments.json_object("--option", option or [])
    keep = None if keep_days is None else timedelta(days=keep_days)
    return run(_reembed(collection, settings, options, not by_hand, keep, wait, show_sql, Output(as_json)))


def generations(
    collection: Annotated[str | None, typer.Argument(metavar="COLLECTION", help="Only of this one.")] = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Show the generations of collections, how far one is and what it waits for: ingest_list_generations(collection).

    \b
    ingest generations manuals
    """
    run(_generations(collection, show_sql, Output(as_json)))


def switch(
    collection: Name,
    without_index: Annotated[bool, typer.Option("--without-index", help="Before its index stands.")] = False,
    leave_failed: Annotated[bool, typer.Option("--leave-failed", help="Without documents that failed.")] = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Make the generation live that was made: select ingest_switch(collection).

    \b
    ingest switch manuals
    """

    def verb(ingest: Ingest) -> Awaitable[int]:
        return ingest.switch(collection, without_index=without_index, leave_failed=leave_failed)

    run(_changed(collection, "live", verb, show_sql, Output(as_json)))


def rollback(
    collection: Name,
    generation: Number = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Make a former generation live again, with all published since: select ingest_rollback(collection, number).

    The one that was live last, unless its number is given; the same again goes forward.

    \b
    ingest rollback manuals
    """
    run(_changed(collection, "live", lambda ingest: ingest.rollback(collection, generation), show_sql, Output(as_json)))


def drop_generation(
    collection: Name,
    generation: Number = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Give up the generation that is being made, or a former one: select ingest_drop_generation(collection, number).

    \b
    ingest drop-generation manuals
    """

    def verb(ingest: Ingest) -> Awaitable[int]:
        return ingest.drop_generation(collection, generation)

    run(_changed(collection, "dropped", verb, show_sql, Output(as_json)))


async def _reembed(
    collection: str,
    settings: dict[str, object],
    options: dict[str, object],
    automatic: bool,
    keep: timedelta | None,
    wait: bool,
    show_sql: bool,
    output: Output,
) -> int:
    async with open_ingest(output, show_sql) as ingest:
        request = await ingest.reembed(collection, settings, options=options, automatic=automatic, keep=keep)
        output.line(str(request))
        if wait:
            return await follow_to_end(ingest, [request], output)
    output.value({"id": request})
    return OK


async def _generations(collection: str | None, show_sql: bool, output: Output) -> None:
    async with open_ingest(output, show_sql) as ingest:
        found = await ingest.generations(collection)
    output.value(found)
    rows = [
        (one.collection, one.generation, one.state, f"{one.embedder} {one.model} {one.dimensions}", one.percent,
         one.waiting_for, one.index)
        for one in found
    ]  # fmt: skip
    output.table(("collection", "generation", "state", "space", "percent", "waits for", "index"), rows)


async def _changed(
    collection: str, what: str, verb: Callable[[Ingest], Awaitable[int]], show_sql: bool, output: Output
) -> None:
    async with open_ingest(output, show_sql) as ingest:
        number = await verb(ingest)
    output.value({"collection": collection, "generation": number})
    output.line(f"generation {number} of {collection} is {what}")
