"""Follow requests until they end, shown as a bar or as lines; and describe requests in one line."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from listener.cli.fitting import below, short
from listener.cli.in_shell import in_shell
from listener.cli.output import Output, as_text
from listener.cli.problems import outcome
from listener.cli.unreadable import Readable

if TYPE_CHECKING:
    from listener.client import Failure, Ingest, Status

LOOK_SECONDS = 0.2
QUIET_SECONDS = 2.0  # a line at most this often where only steps and counts changed


async def follow_to_end(ingest: Ingest, requests: Sequence[UUID], output: Output) -> int:
    """Show the progress of ``requests`` until all have ended; return the exit status.

    Raises OperatorError ``no_root`` when no living listener has been able to read any of what is left for ten seconds.
    """
    with going_on(requests, output):
        ended = await follow(ingest, requests, output, watch=Readable(ingest).require)
    output.value(ended)
    write_outcomes(ended, output)
    return outcome(status.status for status in ended)


@contextmanager
def going_on(requests: Sequence[UUID], output: Output) -> Iterator[None]:
    """Say that ``requests`` continue, and how to look at them and stop them, if a signal ends the block."""
    try:
        yield
    except asyncio.CancelledError:
        named = " ".join(map(short, requests))
        first = f"request {named} continues" if len(requests) == 1 else f"the {len(requests)} requests continue"
        output.note(
            f"{first}; to look at it: ingest status {short(requests[0])} --watch; to stop it: ingest cancel {named}"
        )
        raise


async def follow(
    ingest: Ingest,
    requests: Sequence[UUID],
    output: Output,
    *,
    each: bool = False,
    watch: Callable[[Sequence[Status]], Awaitable[None]] | None = None,
) -> list[Status]:
    """Show the progress of ``requests`` until all have ended, and return their outcome.

    ``each``: with JSON, write a line for each change. ``watch`` is called at each look. A request that was deleted
    meanwhile is left out.
    """
    statuses: list[Status] = []
    with _shown(output, each) as show:
        async with aclosing(ingest.follow(requests, every=LOOK_SECONDS)) as looks:
            async for statuses in looks:
                show(statuses)
                if watch:
                    await watch(statuses)
    return statuses


@contextmanager
def _shown(output: Output, each: bool) -> Iterator[Callable[[Sequence[Status]], None]]:
    if output.json:
        yield _JsonLines(output).show if each else _show_nothing
    elif output.terminal:
        with _bar(output) as show:
            yield show
    else:
        yield _Lines(output).show


def _show_nothing(statuses: Sequence[Status]) -> None:
    pass


class _JsonLines:
    """A JSON object for each request that changed."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last: dict[UUID, Status] = {}

    def show(self, statuses: Sequence[Status]) -> None:
        for status in statuses:
            lasting = replace(status, eta=None, documents_per_second=None)
            if self._last.get(status.id) != lasting:
                self._last[status.id] = lasting
                self._output.value(status)


class _Lines:
    """A line for all requests where one changed, and now and then where only counts did."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._state: list[tuple[str, str]] | None = None
        self._line = ""
        self._written_at = 0.0

    def show(self, statuses: Sequence[Status]) -> None:
        state = [(status.status, _waiting_kind(status)) for status in statuses]
        line = ", ".join(filter(None, [_headline(statuses), _percent(statuses), _rate(statuses)]))
        is_due = time.monotonic() - self._written_at >= QUIET_SECONDS
        if state != self._state or (is_due and line != self._line):
            self._state, self._line, self._written_at = state, line, time.monotonic()
            self._output.line(line)


@contextmanager
def _bar(output: Output) -> Iterator[Callable[[Sequence[Status]], None]]:
    from listener.cli.bars import Bar

    told = ""
    with Bar(output.console) as bar:

        def show(statuses: Sequence[Status]) -> None:
            nonlocal told
            if (waits := _waits(statuses)) != told:
                told = waits
                for line in below([waits] if waits else [], output.width, 0):
                    bar.progress.console.print(as_text(line), soft_wrap=True)
            known = all(status.percent is not None for status in statuses)
            bar.show(
                sum(status.percent or 0 for status in statuses) / max(len(statuses), 1) if known else None,
                _percent(statuses),
                ", ".join(filter(None, [*_progress(statuses), _kind(statuses)])),
                ", ".join(filter(None, [_rate(statuses), _to_go(statuses)])),
            )

        yield show


def _percent(statuses: Sequence[Status]) -> str:
    """Return ``37.5 %``: of all requests together, once the documents of each are known."""
    known = [status.percent for status in statuses if status.percent is not None]
    return percent_text(sum(known) / len(known)) + " %" if known and len(known) == len(statuses) else ""


def percent_text(percent: float) -> str:
    """Return a percentage with one decimal, truncated: only finished requests show 100."""
    return f"{math.floor(percent * 10) / 10:g}"


def _rate(statuses: Sequence[Status]) -> str:
    """Return how fast unfinished requests are together, in the last minute: ``12.5 documents/s``."""
    rates = [status.documents_per_second for status in statuses if not status.finished and status.documents_per_second]
    return f"{_three_digits(sum(rates))} documents/s" if rates else ""


def _three_digits(rate: float) -> str:
    return f"{rate:.3g}" if rate < 100 else f"{rate:.0f}"


def _to_go(statuses: Sequence[Status]) -> str:
    """Return how long the slowest request still takes, at the speed of the last minute."""
    etas = [status.eta for status in statuses if status.eta is not None]
    return f"{timedelta(seconds=math.ceil(max(etas).total_seconds()))} to go" if etas else ""


def _headline(statuses: Sequence[Status]) -> str:
    """Return in one line how far the requests are: ``running embed, 12 of 40 documents (1 failed)``."""
    return ", ".join(filter(None, [*_progress(statuses), _waits(statuses)]))


def _waits(statuses: Sequence[Status]) -> str:
    """Return what the first unfinished request waits for, if it does: ``waiting for root: …``."""
    first = next((status for status in statuses if not status.finished), None)
    return f"waiting for {in_shell(first.waiting_for)}" if first and first.waiting_for else ""


def _kind(statuses: Sequence[Status]) -> str:
    """Return the beginning of that, short enough to fit beside a bar: ``waiting for root``."""
    return _waits(statuses).partition(":")[0]


def _progress(statuses: Sequence[Status]) -> list[str]:
    unfinished = [status for status in statuses if not status.finished]
    parts = [_state(statuses, unfinished)]
    if any(status.documents_total is None and status.documents_found for status in statuses):
        parts.append(f"found {counted(sum(map(known_documents, statuses)), 'document')}")
    elif total := sum(status.documents_total or 0 for status in statuses):
        failed = sum(status.documents_failed or 0 for status in statuses)
        loaded = sum(status.documents_loaded or 0 for status in statuses)
        parts.append(
            f"{sum(map(through_documents, statuses))} of {total} documents" + _unless_zero(failed, " ({} failed)")
        )
        parts.append(_unless_zero(loaded, "{} more read"))
    return parts


def _state(statuses: Sequence[Status], unfinished: Sequence[Status]) -> str:
    if len(statuses) > 1:
        return f"{len(statuses) - len(unfinished)} of {len(statuses)} requests"
    if not statuses:
        return "deleted"
    return " ".join(filter(None, [statuses[0].status, statuses[0].current_step]))


def _waiting_kind(status: Status) -> str:
    """Return the word that says what a request waits for: listener, root, collection, capacity, service, …"""
    return (status.waiting_for or "").partition(":")[0]


def write_outcomes(statuses: Sequence[Status], output: Output) -> None:
    """Write the outcome of requests, and where to look for more."""
    for status in statuses:
        output.line(f"{status.id} {outcome_line(status)}")
        for line in error_lines(status) + note_lines(status):
            output.line(f"  {line}")
        if status.documents_failed and status.code != "documents_failed":  # its hint says the same
            output.line(f"  see: ingest failures {short(status.id)}")


def outcome_line(status: Status) -> str:
    """Return the outcome of a request in one line."""
    counts = [
        counted(status.documents_done or 0, "document") + " ingested",
        _unless_zero(status.documents_skipped, "{} unchanged or superseded"),
        _unless_zero(status.documents_failed, "{} failed"),
        _unless_zero(status.documents_deleted, "{} deleted"),
        counted(status.chunks_total, "chunk") if status.chunks_total else "",
    ]
    ran = status.finished_at - status.started_at if status.started_at and status.finished_at else None
    took = f" in {ran.total_seconds():.1f} s" if ran else ""
    return f"{status.status}: {', '.join(filter(None, counts))}{took}"


def error_lines(failed: Status | Failure) -> list[str]:
    """Return code, message and hint of what failed, as lines; none if it did not."""
    if not failed.code:
        return []
    return [f"{failed.code}: {failed.message}", *([f"hint: {in_shell(failed.hint)}"] if failed.hint else [])]


def note_lines(status: Status) -> list[str]:
    """Return what the look for a request's documents left out, as lines; none if it left out nothing."""
    if not status.note:
        return []
    hint = status.note.hint
    return [f"note: {status.note.code}: {status.note.message}", *([f"hint: {in_shell(hint)}"] if hint else [])]


def known_documents(status: Status) -> int:
    """Return how many documents of a request are known, also while it looks for more."""
    return (status.documents_found if status.documents_total is None else status.documents_total) or 0


def ended_documents(status: Status) -> int:
    """Return how many documents of a request need no more work."""
    return sum(filter(None, (status.documents_done, status.documents_skipped, status.documents_failed)))


def through_documents(status: Status) -> int:
    """Return how many documents only need to be published, which happens to many at once."""
    return ended_documents(status) + (status.documents_embedded or 0)


def counts_of(status: Status) -> str:
    """Return ``13/40, 1 failed``; ``found 1200`` while a request looks for documents."""
    total, failed = status.documents_total, status.documents_failed
    if total is None:
        return f"found {status.documents_found}" if status.documents_found else ""
    return f"{through_documents(status)}/{total}" + (f", {failed} failed" if failed else "")


def counted(number: int, noun: str) -> str:
    """Return ``1 chunk``, ``2 chunks``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _unless_zero(number: int | None, text: str) -> str:
    return text.format(number) if number else ""
