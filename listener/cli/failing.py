"""``failures``: the failing documents, grouped by reason or one by one, or the slow ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from listener.cli import arguments
from listener.cli.fitting import Line, below, columns, cut_in_middle, in_a_word, short
from listener.cli.follow import counted
from listener.cli.in_shell import in_shell
from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import open_ingest, run

if TYPE_CHECKING:
    from listener.client import Failure, Ingest
    from listener.client.overview import FailureGroup, Slow

SHOWN_WATCHES = 5
HEADINGS = ("document", "step", "code", "message", "hint", "request", "media_type", "seconds", "failed_at")


def failures(
    request: Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of a request, or its beginning.")] = None,
    of: Annotated[str | None, typer.Option("--request", metavar="ID", help="The same as ID.")] = None,
    code: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only with this code: each document separately.")
    ] = None,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also failures resolved since.")] = False,
    slow: Annotated[bool, typer.Option("--slow", help="Instead: the slowest documents, failed or not.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most documents to list.")] = 100,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Show which documents fail now, why and what to do: the view ingest_failures, grouped by code.

    A document that a later request or attempt ingested is not shown, unless with --all. With an ID or --code, each
    document by itself. With --json, and in a pipe, always each by itself.

    \b
    ingest failures
    ingest failures 0b6b1c9e
    ingest failures --code parser_timeout -c manuals
    ingest failures --slow -n 10
    ingest failures --json | jq -r '.[].uri'
    """
    if request and of and request != of:
        raise UsageProblem("two_requests", "an ID and --request name two requests", "Give one.")
    wanted = request or of
    if wanted:
        arguments.check_id(wanted)
    if slow and code:
        raise UsageProblem("slow_with_code", "--slow and --code can't be combined", "Slow documents need not fail.")
    run(_failures(wanted, code, collection, everything, slow, limit, show_sql, Output(as_json)))


async def _failures(
    wanted: str | None,
    code: str | None,
    collection: str | None,
    everything: bool,
    slow: bool,
    limit: int,
    show_sql: bool,
    output: Output,
) -> None:
    async with open_ingest(output, show_sql) as ingest:
        request = await arguments.request_of(ingest, wanted) if wanted else None
        if collection is not None:
            await arguments.require_collection(ingest, collection)
        given = {"request": str(request) if request else None, "collection": collection, "code": code}
        if slow:
            await _slow(ingest, {name: value for name, value in given.items() if value}, limit, output)
        else:
            await _each_or_grouped(ingest, request, code, collection, everything, limit, output)


async def _each_or_grouped(
    ingest: Ingest,
    request: UUID | None,
    code: str | None,
    collection: str | None,
    everything: bool,
    limit: int,
    output: Output,
) -> None:
    from listener.client.overview import failure_groups

    by_person = output.terminal
    given = {"request": str(request) if request else None, "collection": collection}
    groups = await failure_groups(ingest.session, {k: v for k, v in given.items() if v}, now=not everything)
    if code is not None and code not in {group.code for group in groups}:
        raise _no_such_code(code, groups, everything)
    found: list[Failure] = []
    if not by_person or request or code:
        found = await ingest.failures(request, limit=limit, code=code, collection=collection, now=not everything)
    if request and not groups:
        await ingest.status(request)  # raises if the request does not exist
    output.value(found)
    if request is None and code is None:
        await _note_watches(ingest, collection, output)
    if not groups:
        _say_none(output, everything)
    elif not by_person:
        output.table(HEADINGS, map(_row, found))
    elif request or code:
        _write_each(found, sum(group.documents for group in groups if code in (None, group.code)), output)
    else:
        _write_groups(groups, output)


async def _note_watches(ingest: Ingest, collection: str | None, output: Output) -> None:
    failing = [one for one in await ingest.watches() if one.failing_since and collection in (None, one.collection)]
    for one in failing[:SHOWN_WATCHES]:
        output.note(f'note: watch "{one.name}" fails: {one.error_code}: {one.error_message}')
    if failing:
        more = f", {len(failing) - SHOWN_WATCHES} more of them" if len(failing) > SHOWN_WATCHES else ""
        output.note(f"hint: what fails, and what to do: ingest watches{more}")


def _no_such_code(code: str, groups: Sequence[FailureGroup], everything: bool) -> UsageProblem:
    known = ", ".join(group.code for group in groups)
    more = "" if everything else " --all counts resolved ones too."
    hint = f"Codes of failing documents: {known}.{more}" if known else f"Nothing fails.{more}"
    return UsageProblem("no_such_failure", f'no document fails with "{code}"', hint)


def _say_none(output: Output, everything: bool) -> None:
    if output.terminal:
        output.line("no failures" if everything else "nothing fails now (--all shows resolved failures)")


def _row(failure: Failure) -> tuple[object, ...]:
    seconds = failure.duration.total_seconds() if failure.duration else None
    return (
        failure.uri, failure.step, failure.code, failure.message, failure.hint, failure.request_id, failure.media_type,
        seconds, failure.failed_at,
    )  # fmt: skip


def _write_groups(groups: Sequence[FailureGroup], output: Output) -> None:
    for group in groups:
        types = f", {', '.join(group.media_types)}" if group.media_types else ""
        in_requests = f" in {group.requests} requests" if group.requests > 1 else ""
        number = counted(group.documents, "document")
        output.pieces([(group.code, "bold red"), (f"  {number}{in_requests}{types}", "")])
        _write_below([f"such as {group.uri}", group.message, *_hint(group.hint)], output)
    output.line()
    output.line("each separately: ingest failures --code CODE; try again: ingest retry ID", "dim")


def _write_each(found: Sequence[Failure], number: int, output: Output) -> None:
    for failure in found:
        output.pieces([(failure.code, "bold red"), (f"  {_about(failure)}", "dim")])
        _write_below([failure.uri, failure.message, *_hint(failure.hint)], output)
    if number > len(found):
        output.line(f"… and {number - len(found)} more: --limit {number}", "dim")


def _about(failure: Failure) -> str:
    mended = "" if failure.failing_now else "mended since"
    step = f"in {failure.step}" if failure.step else ""
    took = f"after {in_a_word(failure.duration)}" if failure.duration else ""
    at = f"{failure.failed_at:%Y-%m-%d %H:%M}" if failure.failed_at else ""
    return ", ".join(filter(None, [mended, step, failure.media_type, took, at, f"request {short(failure.request_id)}"]))


def _hint(hint: str | None) -> list[str]:
    return [f"hint: {in_shell(hint)}"] if hint else []


def _write_below(texts: Sequence[str], output: Output) -> None:
    for line in below(texts, output.width, 2):
        output.pieces(line)


async def _slow(ingest: Ingest, given: dict[str, str], limit: int, output: Output) -> None:
    from listener.client import overview

    found = await overview.slow(ingest.session, given, limit)
    output.value(found)
    if not output.terminal:
        headings = ("seconds", "read", "parse", "embed", "document", "state", "media_type", "bytes", "request")
        output.table(headings, map(_slow_row, found))
        return
    if not found:
        output.line("no document has taken time yet")
    for line in _slow_lines(found, output.width) if found else ():
        output.pieces(line)


def _slow_row(slow: Slow) -> tuple[object, ...]:
    times = (slow.seconds, slow.read_seconds, slow.parse_seconds, slow.embed_seconds)
    return *times, slow.uri, slow.state, slow.media_type, slow.bytes, slow.request_id


def _slow_lines(found: Sequence[Slow], width: int) -> list[Line]:
    def seconds(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    rows = [
        (seconds(one.seconds), one.code or one.state, seconds(one.read_seconds), seconds(one.parse_seconds),
         seconds(one.embed_seconds), cut_in_middle(one.uri, max(width, 80)))
        for one in found
    ]  # fmt: skip
    headings = ("seconds", "state", "read", "parse", "embed", "document")
    heading, lines = columns(headings, rows, width, ["red" if one.code else "" for one in found])
    return [heading, *(line for of_one in lines for line in of_one)]
