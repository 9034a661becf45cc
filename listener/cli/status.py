"""``status`` and ``failures``: how far requests are, and what went wrong."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from listener.cli import arguments
from listener.cli.follow import LOOK_SECONDS, ended_documents, follow, percent_text, write_outcomes
from listener.cli.output import Output, field, table
from listener.cli.problems import OK, outcome
from listener.cli.running import open_ingest, run

if TYPE_CHECKING:
    from listener.client import Ingest, Status

_Requested = Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of a request.")]


def status(
    request: _Requested = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Follow it; with an ID to its end, and exit as it ended.")
    ] = False,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    state: Annotated[str | None, typer.Option("--status", help="Only with this status.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Show how far requests are, what they wait for and why they failed: the view ingest_status.

    Without an ID the newest requests, one a line. With --json a JSON array, with --watch a JSON object for each change.

    \b
    ingest status
    ingest status --status running --watch
    ingest status 0b6b1c9e-… --watch && echo succeeded
    """
    output = Output(as_json)
    if request is None:
        return run(_list(collection, state, limit, watch, show_sql, output))
    return run(_one(arguments.request_id(request), watch, show_sql, output))


async def _one(request: UUID, watch: bool, show_sql: bool, output: Output) -> int:
    async with open_ingest(output, show_sql) as ingest:
        status = await ingest.status(request)
        if not watch:
            _write(status, output)
            return OK
        ended = await follow(ingest, [request], output, each=True)
    write_outcomes(ended, output)
    return outcome(status.status for status in ended)


def _write(status: Status, output: Output) -> None:
    output.value(status)
    for column in fields(status):
        value = getattr(status, column.name)
        if value is not None and column.name not in ("error", "last_error"):
            output.line(f"{column.name:22}{field(value)}")
    if status.last_error:
        output.line(f"{'last_error':22}{status.last_error.code}: {status.last_error.message}")


async def _list(
    collection: str | None, state: str | None, limit: int, watch: bool, show_sql: bool, output: Output
) -> int:
    async with open_ingest(output, show_sql) as ingest:
        if watch:
            await _watch_list(ingest, collection, state, limit, output)
        else:
            statuses = await ingest.statuses(collection=collection, status=state, limit=limit)
            output.value(statuses)
            output.table(_HEADINGS, map(_cells, statuses))
    return OK


_HEADINGS = ("id", "status", "%", "documents", "source", "waiting for, or error")


def _cells(status: Status) -> tuple[object, ...]:
    percent = None if status.percent is None else percent_text(status.percent)
    note = status.waiting_for or (f"{status.code}: {status.message}" if status.code else None)
    return status.id, status.status, percent, _documents(status), status.source or status.uri or "(inline)", note


def _documents(status: Status) -> str:
    total, failed = status.documents_total, status.documents_failed
    if total is None:
        return f"found {status.documents_found}" if status.documents_found else ""
    return f"{ended_documents(status)}/{total}" + (f", {failed} failed" if failed else "")


async def _watch_list(ingest: Ingest, collection: str | None, state: str | None, limit: int, output: Output) -> None:
    from rich.live import Live

    last = None
    with Live(console=output.console, auto_refresh=False) if output.terminal else nullcontext() as live:
        while True:
            statuses = await ingest.statuses(collection=collection, status=state, limit=limit)
            cells = list(map(_cells, statuses))
            if live:
                live.update(table(_HEADINGS, cells), refresh=True)
            elif cells != last:
                output.value(statuses)
                output.table(_HEADINGS, cells)
            ingest.session, last = ingest.session.quiet(), cells
            await asyncio.sleep(LOOK_SECONDS)


def failures(
    request: _Requested = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 100,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Show the documents that failed, where, why and what to do: the view ingest_failures.

    Without an ID those of the newest requests.

    \b
    ingest failures 0b6b1c9e-…
    ingest failures --json | jq -r '.[].uri'
    """
    run(_failures(arguments.request_id(request) if request else None, limit, show_sql, Output(as_json)))


async def _failures(request: UUID | None, limit: int, show_sql: bool, output: Output) -> None:
    async with open_ingest(output, show_sql) as ingest:
        found = await ingest.failures(request, limit=limit)
        if request and not found:
            await ingest.status(request)  # raises if there is no such request
    output.value(found)
    if found:
        rows = [(failure.uri, failure.step, failure.code, failure.message, failure.hint) for failure in found]
        output.table(("document", "step", "code", "message", "hint"), rows)
    elif output.terminal:
        output.line("no failures")
