"""``watch``, ``watches``, ``unwatch``, ``run-watch``, ``pause-watch``, ``resume-watch``: what is kept in sync."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.in_shell import in_shell
from listener.cli.output import Output, as_json, field
from listener.cli.problems import UsageProblem
from listener.cli.running import open_ingest, run
from listener.cli.watch_list import cells, lines_of
from listener.cli.watch_notes import note_changes, note_missing

if TYPE_CHECKING:
    from listener.client import Ingest

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a watch, as in ingest watches.")]


def watch(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, a folder, a quoted glob or a URL.")],
    collection: arguments.Collection = "default",
    name: Annotated[str | None, typer.Option(help="Its name; by default COLLECTION:SOURCE.")] = None,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="Time between two looks: 5m, 1h, '2 days'; 10 seconds at least.")
    ] = None,
    cron: Annotated[str | None, typer.Option(metavar="FIELDS", help="When: '30 2 * * mon-fri', @daily.")] = None,
    time_zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of --cron; by default UTC.")] = None,
    on_change: Annotated[
        bool, typer.Option("--on-change", help="Look when a file changes, for a folder on the listener's host.")
    ] = False,
    option: arguments.Options = None,
    metadata: arguments.Metadata = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Keep SOURCE in sync with a collection: select ingest_watch(source, …). Prints the watch's name.

    What is gone from SOURCE is deleted from the collection, unless -o mirror=false. A watch of that name becomes what
    is said now; what it was before is noted on stderr, and so is what is missing: a listener, a root, the folder.
    Tables are watched in SQL: ingest psql -c "select ingest_watch_table('articles', columns => '{title,body}')".

    \b
    ingest watch docs/ --on-change
    ingest watch s3://handbooks/ -c handbook --every 10m
    ingest watch https://docs.example.com/ --cron '30 2 * * *' --time-zone Europe/Berlin
    """
    options, kept = arguments.json_object("--option", option or []), arguments.json_object("--metadata", metadata or [])
    if every is None and cron is None and not on_change:
        raise UsageProblem("wrong_schedule", "give --every, --cron or --on-change", "ingest watch --help")

    async def make(output: Output) -> None:
        async with open_ingest(output, show_sql) as ingest:
            place = arguments.absolute_source(source)
            former = {one.name: one for one in await ingest.watches(name or f"{collection}:{place}")}
            made = await ingest.watch(
                place, collection=collection, name=name, every=every, cron=cron,
                time_zone=time_zone, on_change=on_change, options=options, metadata=kept,
            )  # fmt: skip
            output.value({"name": made})
            output.line(made)
            for watch in await ingest.watches(made):
                if made in former:
                    note_changes(former[made], watch, output)
                await note_missing(ingest, watch, output)

    run(make(Output(as_json)))


def watches(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one, in detail.")] = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Show watches: when each looked and looks next, since when and why it fails, what it waits for.

    Those of others are shown to operators of their collections. In SQL: select * from ingest_watches.

    \b
    ingest watches
    ingest watches default:/srv/docs
    """
    run(_watches(name, show_sql, Output(as_json)))


async def _watches(name: str | None, show_sql: bool, output: Output) -> None:
    from listener.errors import RequestError

    async with open_ingest(output, show_sql) as ingest:
        found = await ingest.watches(name)
    if name is not None and not found:
        raise RequestError("unknown_watch", f'there is no watch "{name}"', "ingest watches")
    output.value(found if name is None else found[0])
    if name is not None:
        for column in found[0].__slots__:
            if (value := getattr(found[0], column)) not in (None, {}):
                output.line(f"{column:20}{_shown(column, value)}")
    elif found and output.terminal:
        for line in lines_of(found, output.width):
            output.pieces(line)
    elif found:
        output.table(("name", "schedule", "succeeded", "next", "state"), map(cells, found))
    elif output.terminal:
        output.line("no watches")


def _shown(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        return as_json(value)
    return in_shell(field(value)) if name in ("waiting_for", "hint") else field(value)


def unwatch(
    name: Name,
    delete_documents: Annotated[
        bool, typer.Option("--delete-documents", help="Delete what came from its source and no other; its request too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """End a watch: select ingest_unwatch(name). Its documents stay; a running request of it continues.

    \b
    ingest unwatch default:/srv/docs
    ingest unwatch default:/srv/docs --delete-documents
    """
    run(_unwatch(name, delete_documents, yes, show_sql, Output(as_json)))


async def _unwatch(name: str, delete_documents: bool, yes: bool, show_sql: bool, output: Output) -> None:
    from listener.cli.deletion import confirm

    if delete_documents and not yes:
        await confirm(f'the documents that came through watch "{name}"', output)
    async with open_ingest(output, show_sql) as ingest:
        deleted = await ingest.unwatch(name, delete_documents=delete_documents)
    output.value({"name": name, "deleted": deleted})
    output.line(f"{name} ended" + (f", {deleted} documents deleted" if delete_documents else ""))


def run_watch(name: Name, show_sql: arguments.ShowSql = False, as_json: arguments.Json = False) -> None:
    """Make a watch look now: select ingest_run_watch(name). Prints its request, or the one that runs.

    \b
    ingest run-watch default:/srv/docs
    """

    async def look(output: Output) -> None:
        async with open_ingest(output, show_sql) as ingest:
            request = await ingest.run_watch(name)
        output.value({"name": name, "request": request})
        output.line(str(request or name))

    run(look(Output(as_json)))


def pause_watch(name: Name, show_sql: arguments.ShowSql = False, as_json: arguments.Json = False) -> None:
    """Pause a watch: select ingest_pause_watch(name). A running request of it continues.

    \b
    ingest pause-watch default:/srv/docs
    """
    run(_change(lambda ingest: ingest.pause_watch(name), name, "paused", show_sql, Output(as_json)))


def resume_watch(name: Name, show_sql: arguments.ShowSql = False, as_json: arguments.Json = False) -> None:
    """Go on with a watch that was paused: select ingest_resume_watch(name). It looks at once, with --cron at its time.

    \b
    ingest resume-watch default:/srv/docs
    """
    run(_change(lambda ingest: ingest.resume_watch(name), name, "goes on", show_sql, Output(as_json)))


async def _change(
    verb: Callable[[Ingest], Awaitable[None]], name: str, said: str, show_sql: bool, output: Output
) -> None:
    async with open_ingest(output, show_sql) as ingest:
        await verb(ingest)
    output.value({"name": name, "state": said})
    output.line(f"{name} {said}")
