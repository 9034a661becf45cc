"""``cancel``, ``resume``, ``retry``, ``fork``: what a person does to requests afterwards."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from listener.cli import arguments
from listener.cli.follow import follow, tell_outcomes
from listener.cli.output import Output
from listener.cli.problems import OK, outcome
from listener.cli.session import Session, find_dsn, load_settings, open_session, run

Requests = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of requests.")]


def cancel(request: Requests, show_sql: arguments.ShowSql = False, as_json: arguments.Json = False) -> int:
    """Cancel pending or running requests: select ingest_cancel(id).

    They are cancelled when this returns; what was published stays. Refused, with exit status 2, if one ended already.

    \b
    ingest cancel 0b6b1c9e-…
    """
    return run(_each("ingest_cancel", request, False, show_sql, Output(as_json)))


def resume(
    request: Requests,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Go on with requests that were cancelled, by a person or by their deadline: select ingest_resume(id).

    Each document goes on from where it stood. Also for a request that met the crash limit.

    \b
    ingest resume 0b6b1c9e-… --wait
    """
    return run(_each("ingest_resume", request, wait, show_sql, Output(as_json)))


def retry(
    request: Requests,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Run again what failed in requests, from the step that failed, and nothing else: select ingest_retry(id).

    \b
    ingest retry 0b6b1c9e-… --wait
    """
    return run(_each("ingest_retry", request, wait, show_sql, Output(as_json)))


def fork(
    request: Annotated[str, typer.Argument(metavar="ID", help="Id of a request that has started.")],
    from_step: Annotated[
        str, typer.Option("--from", metavar="STEP", help="discover, load, chunk, embed or save.")
    ] = "discover",
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Another collection than the request's own.")
    ] = None,
    option: arguments.Options = None,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Make a new request like another one, from a step on: select ingest_fork(id, step, options, collection).

    What the other one had made before that step is not made again; it stays as it is. Prints the new request's id.

    \b
    ingest fork 0b6b1c9e-… --from chunk --collection smaller-chunks --wait
    """
    options = arguments.json_object("--option", option or [])
    return run(_fork(arguments.request_id(request), from_step, options, collection, wait, show_sql, Output(as_json)))


async def _each(function: str, given: list[str], wait: bool, show_sql: bool, output: Output) -> int:
    requests = [arguments.request_id(text) for text in given]
    settings = load_settings()
    async with open_session(settings, await find_dsn(settings, output), output, show_sql=show_sql) as session:
        rows = []
        async with session.transaction():
            for request in requests:
                status = await session.value(_CALLS[function], request)
                rows.append({"id": request, "status": status})
        for row in rows:
            output.line(f"{row['id']} {row['status']}")
        if wait:
            return await _end(session, requests, output)
    output.value(rows if len(rows) > 1 else rows[0])
    return OK


_CALLS = {
    "ingest_cancel": "select ingest_cancel($1)",
    "ingest_resume": "select ingest_resume($1)",
    "ingest_retry": "select ingest_retry($1)",
}


async def _fork(
    request: UUID, step: str, options: str, collection: str | None, wait: bool, show_sql: bool, output: Output
) -> int:
    settings = load_settings()
    async with open_session(settings, await find_dsn(settings, output), output, show_sql=show_sql) as session:
        made = await session.value("select ingest_fork($1, $2, $3::jsonb, $4)", request, step, options, collection)
        output.line(str(made))
        if wait:
            return await _end(session, [made], output)
    output.value({"id": made, "forked_from": request})
    return OK


async def _end(session: Session, requests: list[UUID], output: Output) -> int:
    ended = await follow(session, requests, output)
    output.value(ended)
    tell_outcomes(ended, output)
    return outcome(row["status"] for row in ended)
