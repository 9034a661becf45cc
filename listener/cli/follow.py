"""Follow requests until they end: woken by NOTIFY, looking a few times a second, shown as a bar or as lines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

from listener.cli.output import Output, Row, as_json, safe_text
from listener.cli.session import Session

LOOK_SECONDS = 0.2
QUIET_SECONDS = 2.0  # a line at most this often where only steps and counts went on
UNFINISHED = ("pending", "running")

Show = Callable[[Sequence[Row]], None]

STATUS = """select id, collection, status, percent, current_step, documents_total, documents_done, documents_skipped,
  documents_failed, chunks_total, documents_per_second, eta, waiting_for, error_code, error_message, hint, error,
  last_error, next_attempt_at, source, uri, priority, run_at, attempt, executor_id, deadline_at, created_by, created_at,
  started_at, finished_at
from ingest_status"""


async def follow(session: Session, requests: Sequence[UUID], output: Output, *, each: bool = False) -> list[Row]:
    """Show how ``requests`` go on until all have ended, and return their rows of ``ingest_status``.

    ``each``: with JSON, write a line for each change. A request that was deleted meanwhile is left out.
    """
    rows: list[Row] = []
    with _shown(output, each) as show:
        async with aclosing(_looks(session, requests)) as looks:
            async for rows in looks:
                show(rows)
    return rows


async def _looks(session: Session, requests: Sequence[UUID]) -> AsyncGenerator[list[Row], None]:
    text = f"{STATUS}\nwhere id = any($1::uuid[]) order by array_position($1::uuid[], id)"
    async with rung_at_ends(session) as bell:
        session.show(lambda: "-- again and again:")
        rows = await session.rows(text, list(requests))
        quiet = Session(session.connection, session.output)
        while True:
            yield rows
            if not any(row["status"] in UNFINISHED for row in rows):
                return
            await bell.wait(LOOK_SECONDS)
            rows = await quiet.rows(text, list(requests))


class Bell:
    """Set by NOTIFY."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self, *_: Any) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, but not longer than ``seconds``."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except asyncio.TimeoutError:
            return
        self._event.clear()


@asynccontextmanager
async def rung_at_ends(session: Session) -> AsyncIterator[Bell]:
    """Yield a bell that rings when requests end."""
    bell = Bell()
    channel = await Session(session.connection, session.output).value("select ingest_channel('finished')")
    session.show(lambda: f'listen "{channel}";')
    await session.connection.add_listener(channel, bell.ring)
    try:
        yield bell
    finally:
        if not session.connection.is_closed():
            await session.connection.remove_listener(channel, bell.ring)


@contextmanager
def _shown(output: Output, each: bool) -> Iterator[Show]:
    if output.json:
        yield _json_lines(output) if each else _nothing
    elif output.terminal:
        with _bar(output) as show:
            yield show
    else:
        yield _lines(output)


def _nothing(rows: Sequence[Row]) -> None:
    pass


def _json_lines(output: Output) -> Show:
    last: dict[UUID, str] = {}

    def show(rows: Sequence[Row]) -> None:
        for row in rows:
            told = as_json({key: value for key, value in row.items() if key not in ("eta", "documents_per_second")})
            if last.get(row["id"]) != told:
                last[row["id"]] = told
                output.value(row)

    return show


def _lines(output: Output) -> Show:
    last: tuple[Any, ...] = ()
    told_at = 0.0

    def show(rows: Sequence[Row]) -> None:
        nonlocal last, told_at
        state = tuple((row["status"], waiting_kind(row)) for row in rows)
        counts = (state, headline(rows))
        due = time.monotonic() - told_at >= QUIET_SECONDS
        if state != (last[0] if last else None) or (due and counts != last):
            last, told_at = counts, time.monotonic()
            output.line(headline(rows))

    return show


@contextmanager
def _bar(output: Output) -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=30), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    told = TextColumn("{task.description}", markup=False)
    with Progress(*columns, told, console=output.console, transient=True) as progress:
        task = progress.add_task("", total=100)

        def show(rows: Sequence[Row]) -> None:
            percent = sum(float(row["percent"] or 0) for row in rows) / max(len(rows), 1)
            progress.update(task, completed=percent, description=safe_text(headline(rows)))

        yield show


def headline(rows: Sequence[Row]) -> str:
    """Return in one line how far the requests are: ``running, step embed: 12 of 40 documents, 1 failed``."""
    unfinished = [row for row in rows if row["status"] in UNFINISHED]
    parts = [_state(rows, unfinished)]
    if total := _sum(rows, "documents_total"):
        ended = sum(_sum(rows, f"documents_{how}") for how in ("done", "skipped", "failed"))
        parts.append(f"{ended} of {total} documents" + _unless_zero(_sum(rows, "documents_failed"), " ({} failed)"))
    if unfinished and unfinished[0]["waiting_for"]:
        parts.append(f"waiting for {unfinished[0]['waiting_for']}")
    return ", ".join(filter(None, parts))


def _state(rows: Sequence[Row], unfinished: Sequence[Row]) -> str:
    if len(rows) > 1:
        return f"{len(rows) - len(unfinished)} of {len(rows)} requests"
    step = rows[0]["current_step"] if rows else None
    return " ".join(filter(None, [rows[0]["status"] if rows else "deleted", step]))


def outcome_line(row: Row) -> str:
    """Return in one line what became of a request."""
    ran = row["finished_at"] - row["started_at"] if row["started_at"] and row["finished_at"] else None
    counts = [
        counted(_count(row, "documents_done"), "document") + " ingested",
        _unless_zero(_count(row, "documents_skipped"), "{} unchanged or superseded"),
        _unless_zero(_count(row, "documents_failed"), "{} failed"),
        _unless_zero(_count(row, "chunks_total"), "{} chunks"),
    ]
    took = f" in {ran.total_seconds():.1f} s" if ran else ""
    return f"{row['status']}: {', '.join(filter(None, counts))}{took}"


def tell_outcomes(rows: Sequence[Row], output: Output) -> None:
    """Write what became of requests, and where to look for more."""
    for row in rows:
        output.line(f"{row['id']} {outcome_line(row)}")
        for line in error_lines(row):
            output.line(f"  {line}")
        if row["documents_failed"]:
            output.line(f"  see: ingest failures {row['id']}")


def error_lines(row: Row, code: str = "error_code", message: str = "error_message") -> list[str]:
    """Return code, message and hint of a row that has them, as lines."""
    if not row[code]:
        return []
    return [f"{row[code]}: {row[message]}", *([f"hint: {row['hint']}"] if row["hint"] else [])]


def counted(number: int, noun: str) -> str:
    """Return ``1 chunk``, ``2 chunks``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def waiting_kind(row: Row) -> str:
    """Return the word that says what a request waits for: listener, root, collection, capacity, service, …"""
    return str(row["waiting_for"] or "").partition(":")[0]


def _count(row: Row, key: str) -> int:
    return int(row[key] or 0)


def _sum(rows: Sequence[Row], key: str) -> int:
    return sum(_count(row, key) for row in rows)


def _unless_zero(number: int, text: str) -> str:
    return text.format(number) if number else ""
