"""``status``: how far requests are."""

from __future__ import annotations

import asyncio
import signal
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.follow import LOOK_SECONDS, counts_of, follow, going_on, percent_text, write_outcomes
from listener.cli.in_shell import in_shell
from listener.cli.output import Output, as_text, field
from listener.cli.overall import watch_situation
from listener.cli.problems import OK, Stopped, outcome
from listener.cli.request_list import PARTIAL, lines_of
from listener.cli.running import open_ingest, run

if TYPE_CHECKING:
    from listener.client import Ingest, Status

TOLD = ("waiting_for", "hint")
HEADINGS = (
    "id", "status", "%", "documents", "source", "waiting for, or error", "collection", "created_at", "started_at",
    "finished_at",
)  # fmt: skip


def status(
    request: Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of a request, or its beginning.")] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", "-w", help="Follow it to its end (exit status: how it ended); without an ID, an overview."
        ),
    ] = False,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    state: Annotated[str | None, typer.Option("--status", help="Only with this status.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only inserted since: 30min, 12h, 7d, or a time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most to list.")] = 20,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Show how far requests are, what they wait for and why they failed: the view ingest_status.

    Without an ID the newest requests, one a line, and below it why it waits or failed. Every verb takes the beginning
    of an id, as it is shown here; partial is short for partially_succeeded. In a pipe: fields with tabs between them,
    ids as they are. With --json a JSON array, with --watch a JSON object for each change.

    With --watch alone: listeners, what waits and why, how fast it goes, what fails, watches, until Ctrl-C, which ends
    it with 0. With --watch and --status, --collection or --since: that list, again and again.

    \b
    ingest status
    ingest status --watch
    ingest status --status failed --since 12h
    ingest status --status running --watch
    ingest status 0b6b1c9e --watch && echo succeeded
    """
    output = Output(as_json)
    if request is None:
        if watch and collection is None and state is None and since is None:
            return _overall(output, show_sql)
        state = "partially_succeeded" if state == PARTIAL else state
        return run(_list(_Wanted(collection, state, since, limit), watch, show_sql, output))
    arguments.check_id(request)
    return run(_one(request, watch, show_sql, output))


def _overall(output: Output, show_sql: bool) -> int:
    try:
        run(watch_situation(output, show_sql))
    except Stopped as stopped:
        if stopped.signal != signal.SIGINT:  # by which a person leaves it
            raise
    return OK


async def _one(given: str, watch: bool, show_sql: bool, output: Output) -> int:
    async with open_ingest(output, show_sql) as ingest:
        request = await arguments.request_of(ingest, given)
        status = await ingest.status(request)
        if not watch:
            _write(status, output)
            return OK
        with going_on([request], output):
            ended = await follow(ingest, [request], output, each=True)
    write_outcomes(ended, output)
    return outcome(status.status for status in ended)


def _write(status: Status, output: Output) -> None:
    from listener.client.results import Reason

    output.value(status)
    for column in fields(status):
        value = getattr(status, column.name)
        if isinstance(value, Reason):
            if column.name != "error":  # it has separate columns
                output.line(f"{column.name:22}{value.code}: {value.message}")
        elif value is not None:
            output.line(f"{column.name:22}{in_shell(field(value)) if column.name in TOLD else field(value)}")
    if status.note and status.note.hint:
        output.line(f"{'hint':22}{in_shell(status.note.hint)}")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which requests are listed."""

    collection: str | None
    status: str | None
    since: str | None
    limit: int

    async def look(self, ingest: Ingest) -> list[Status]:
        return await ingest.statuses(collection=self.collection, status=self.status, since=self.since, limit=self.limit)


async def _list(wanted: _Wanted, watch: bool, show_sql: bool, output: Output) -> int:
    async with open_ingest(output, show_sql) as ingest:
        if wanted.collection is not None:
            await arguments.require_collection(ingest, wanted.collection)
        if watch:
            try:
                await _watch_list(ingest, wanted, output)
            except asyncio.CancelledError:
                output.note("requests continue regardless; to stop one: ingest cancel ID")
                raise
        else:
            statuses = await wanted.look(ingest)
            output.value(statuses)
            _write_list(statuses, output)
    return OK


def _write_list(statuses: list[Status], output: Output) -> None:
    if not output.terminal:
        output.table(HEADINGS, map(_cells, statuses))
    elif statuses:
        for line in lines_of(statuses, output.width):
            output.pieces(line)
    else:
        output.line("no requests")


def _cells(status: Status) -> tuple[object, ...]:
    percent = None if status.percent is None else percent_text(status.percent)
    said = status.error or status.note
    note = status.waiting_for or (f"{said.code}: {said.message}" if said else None)
    source = status.source or status.uri or "(inline)"
    times = (status.created_at, status.started_at, status.finished_at)
    return status.id, status.status, percent, counts_of(status), source, note, status.collection, *times


async def _watch_list(ingest: Ingest, wanted: _Wanted, output: Output) -> None:
    from rich.console import Group
    from rich.live import Live

    last = None
    with Live(console=output.console, auto_refresh=False) if output.terminal else nullcontext() as live:
        while True:
            statuses = await wanted.look(ingest)
            cells = list(map(_cells, statuses))
            if live:
                live.update(Group(*map(as_text, lines_of(statuses, output.width))), refresh=True)
            elif cells != last:
                output.value(statuses)
                _write_list(statuses, output)
            ingest.session, last = ingest.session.quiet(), cells
            await asyncio.sleep(LOOK_SECONDS)
