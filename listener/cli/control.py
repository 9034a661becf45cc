"""``cancel``, ``resume``, ``retry``, ``fork``, ``ask-again``, ``confirm-restore``: what a person does to requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from listener.cli import arguments
from listener.cli.follow import counted, follow_to_end
from listener.cli.output import Output
from listener.cli.problems import OK, USAGE, UsageProblem
from listener.cli.running import open_ingest, run
from listener.errors import RequestError

if TYPE_CHECKING:
    from listener.client import Ingest

Requests = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of requests, or their beginnings.")]


def cancel(request: Requests, show_sql: arguments.ShowSql = False, as_json: arguments.Json = False) -> int:
    """Cancel pending or running requests: select ingest_cancel(id).

    They are cancelled when this returns; what was published stays. Refused, with exit status 2, if one ended already.

    \b
    ingest cancel 0b6b1c9e-…
    """
    return run(_each(lambda ingest, id_: ingest.cancel(id_), request, False, show_sql, Output(as_json)))


def resume(
    request: Requests,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Go on with requests that were cancelled, by a person or by their deadline: select ingest_resume(id).

    Each document continues from where it stood. Also for a request that reached the crash limit.

    \b
    ingest resume 0b6b1c9e-… --wait
    """
    return run(_each(lambda ingest, id_: ingest.resume(id_), request, wait, show_sql, Output(as_json)))


def retry(
    request: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of requests.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Instead of IDs: all that failed, with --since.")] = False,
    since: arguments.Since = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="With --failed: only of this collection.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="K=V", help="Another max_texts, max_cost, patience, timeout_seconds."),
    ] = None,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Retry only what failed in requests, from the step that failed: select ingest_retry(id).

    \b
    ingest retry 0b6b1c9e-… --wait
    ingest retry 0b6b1c9e-… -o max_texts=5000
    ingest retry --failed --since 2h          all that failed, in whole or in part, in the last two hours
    """
    if failed and since is not None and not request and not option:
        return run(_retry_failed(since, collection, wait, show_sql, Output(as_json)))
    if failed or since is not None or collection is not None or not request:
        raise UsageProblem("usage", "it takes IDs, or --failed with --since TIME", "ingest retry --help")
    options = arguments.json_object("--option", option or [])
    return run(_each(lambda ingest, id_: ingest.retry(id_, options=options), request, wait, show_sql, Output(as_json)))


def fork(
    request: Annotated[str, typer.Argument(metavar="ID", help="Id of a request that has started, or its beginning.")],
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
    arguments.check_id(request)
    return run(_fork(request, from_step, options, collection, wait, show_sql, Output(as_json)))


def ask_again(
    service: Annotated[
        str | None, typer.Argument(help="Only this one, named as waiting_for names it.", show_default=False)
    ] = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Have services that are away asked now, not when their wait is over: select ingest_ask_again(service).

    When a service is back before it is asked next, or its Retry-After was too long. One listener asks; what waits
    continues as soon as there is an answer. For operators of all collections.

    \b
    ingest ask-again
    ingest ask-again "openai bge-m3 at http://embed:8000/v1"
    """
    run(_ask_again(service, show_sql, Output(as_json)))


async def _ask_again(service: str | None, show_sql: bool, output: Output) -> None:
    async with open_ingest(output, show_sql) as ingest:
        count = await ingest.ask_again(service)
    output.value({"services": count})
    output.line(f"{counted(count, 'service')} asked again" if count else "no such service is away")


def confirm_restore(
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel what was pending or running, as in a copy for tests.")
    ] = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Go on in a database that was restored from a dump or a backup: select ingest_confirm_restore().

    Until then no listener starts work in it: a copy would pay and publish once more what the original did. For the
    owner and operators of all collections.

    \b
    ingest confirm-restore
    ingest confirm-restore --cancel
    """
    run(_confirm_restore(cancel, show_sql, Output(as_json)))


async def _confirm_restore(cancel: bool, show_sql: bool, output: Output) -> None:
    async with open_ingest(output, show_sql) as ingest:
        said = await ingest.confirm_restore(cancel=cancel)
    output.value({"confirmed": said})
    output.line(said)


_Verb = Callable[["Ingest", UUID], Awaitable[str]]


async def _each(verb: _Verb, given: list[str], wait: bool, show_sql: bool, output: Output) -> int:
    for text in given:
        arguments.check_id(text)
    async with open_ingest(output, show_sql) as ingest:
        requests = [await arguments.request_of(ingest, text) for text in given]
        async with ingest.transaction() as together:
            changed = [{"id": request, "status": await verb(together, request)} for request in requests]
        for row in changed:
            output.line(f"{row['id']} {row['status']}")
        if wait:
            return await follow_to_end(ingest, requests, output)
    output.value(changed if len(changed) > 1 else changed[0])
    return OK


async def _retry_failed(since: str, collection: str | None, wait: bool, show_sql: bool, output: Output) -> int:
    """Retry each in a separate transaction, so that one refusal does not affect the others."""
    retried, refused = [], []
    async with open_ingest(output, show_sql) as ingest:
        found = await ingest.failed_requests(since, collection)
        output.note(f"{len(found)} request{'' if len(found) == 1 else 's'} failed since then")
        for request in found:
            try:
                status = await ingest.retry(request)
            except RequestError as error:
                refused.append({"id": request, "code": error.code, "message": error.message, "hint": error.hint})
                output.line(f"{request} refused: {error.code}: {error.message}", "red")
            else:
                retried.append({"id": request, "status": status})
                output.line(f"{request} {status}")
        if wait and retried and not refused:
            return await follow_to_end(ingest, [UUID(str(row["id"])) for row in retried], output)
    output.value({"retried": retried, "refused": refused})
    if found:
        output.line(f"{len(retried)} retried" + (f", {len(refused)} refused" if refused else ""))
    return USAGE if refused else OK


async def _fork(
    given: str,
    step: str,
    options: dict[str, object],
    collection: str | None,
    wait: bool,
    show_sql: bool,
    output: Output,
) -> int:
    async with open_ingest(output, show_sql) as ingest:
        request = await arguments.request_of(ingest, given)
        made = await ingest.fork(request, step, options=options, collection=collection)
        output.line(str(made))
        if wait:
            return await follow_to_end(ingest, [made], output)
    output.value({"id": made, "forked_from": request})
    return OK
