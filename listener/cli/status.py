"""``status`` and ``failures``: how far requests are, and what went wrong."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from listener.cli import arguments
from listener.cli.follow import LOOK_SECONDS, STATUS, follow, rung_at_ends, tell_outcomes
from listener.cli.output import Output, Row, field, table
from listener.cli.problems import OK, UsageProblem, outcome
from listener.cli.session import Session, find_dsn, load_settings, open_session, run

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
    settings = load_settings()
    async with open_session(settings, await find_dsn(settings, output), output, show_sql=show_sql) as session:
        row = await session.row(f"{STATUS}\nwhere id = $1", request)
        if row is None:
            raise _unknown(request)
        if not watch:
            _tell(row, output)
            return OK
        ended = await follow(session, [request], output, each=True)
    tell_outcomes(ended, output)
    return outcome(row["status"] for row in ended)


def _tell(row: Row, output: Output) -> None:
    output.value(row)
    for key, value in row.items():
        if value is not None and key not in ("error", "last_error"):
            output.line(f"{key:22}{field(value)}")
    if row["last_error"]:
        output.line(f"{'last_error':22}{row['last_error'].get('code')}: {row['last_error'].get('message')}")


_COLUMNS = {
    "id": "id",
    "status": "status",
    "percent": "%",
    "documents": "documents",
    "source": "source",
    "note": "waiting for, or error",
}


async def _list(
    collection: str | None, state: str | None, limit: int, watch: bool, show_sql: bool, output: Output
) -> int:
    settings = load_settings()
    async with open_session(settings, await find_dsn(settings, output), output, show_sql=show_sql) as session:
        if watch:
            await _watch_list(session, collection, state, limit)
        else:
            rows = await _newest(session, collection, state, limit)
            output.rows(rows if output.json else [_short(row) for row in rows], _COLUMNS)
    return OK


async def _newest(session: Session, collection: str | None, state: str | None, limit: int) -> list[Row]:
    given = [(name, value) for name, value in (("collection", collection), ("status", state)) if value is not None]
    wanted = " and ".join(f"{name} = ${number}" for number, (name, _) in enumerate(given, 1))
    text = STATUS + (f"\nwhere {wanted}" if wanted else "") + f"\norder by created_at desc limit ${len(given) + 1}"
    return await session.rows(text, *(value for _, value in given), limit)


def _short(row: Row) -> dict[str, Any]:
    total, failed = row["documents_total"], row["documents_failed"]
    ended = sum(row[f"documents_{how}"] or 0 for how in ("done", "skipped", "failed"))
    documents = "" if total is None else f"{ended}/{total}" + (f", {failed} failed" if failed else "")
    note = row["waiting_for"] or (f"{row['error_code']}: {row['error_message']}" if row["error_code"] else None)
    source = row["source"] or row["uri"] or "(inline)"
    return {**row, "documents": documents, "note": note, "source": source}


async def _watch_list(session: Session, collection: str | None, state: str | None, limit: int) -> None:
    from rich.live import Live

    output = session.output
    last = None
    async with rung_at_ends(session) as bell:
        live = Live(console=output.console, auto_refresh=False) if output.terminal else None
        if live:
            live.start()
        try:
            while True:
                rows = [_short(row) for row in await _newest(session, collection, state, limit)]
                if live:
                    live.update(table(rows, _COLUMNS), refresh=True)
                elif rows != last:
                    output.rows(rows, _COLUMNS)
                last = rows
                await bell.wait(LOOK_SECONDS)
        finally:
            if live:
                live.stop()


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


_FAILURES = """select f.request_id, f.collection, f.uri, f.step, f.code, f.message, f.hint, f.retryable, f.bytes,
  f.media_type
from ingest_failures f"""
_BY_REQUEST = f"{_FAILURES} where f.request_id = $1 order by f.uri limit $2"
_BY_TIME = f"{_FAILURES} join ingest_requests r on r.id = f.request_id order by r.created_at desc, f.uri limit $1"
_FAILURE_COLUMNS = {"uri": "document", "step": "step", "code": "code", "message": "message", "hint": "hint"}


async def _failures(request: UUID | None, limit: int, show_sql: bool, output: Output) -> None:
    settings = load_settings()
    async with open_session(settings, await find_dsn(settings, output), output, show_sql=show_sql) as session:
        if request is None:
            rows = await session.rows(_BY_TIME, limit)
        else:
            if not await Session(session.connection, output).value(
                "select true from ingest_requests where id = $1", request
            ):
                raise _unknown(request)
            rows = await session.rows(_BY_REQUEST, request, limit)
    if rows or output.json:
        output.rows(rows, _FAILURE_COLUMNS)
    elif output.terminal:
        output.line("no failures")


def _unknown(request: UUID) -> UsageProblem:
    return UsageProblem("unknown_request", f"there is no request {request}", "See: ingest status")
