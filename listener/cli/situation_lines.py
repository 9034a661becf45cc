"""How it all goes, in lines that fit a terminal: listeners, requests, what waits, what fails, watches, indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from listener.cli.fitting import Line, cut, in_a_word, width_of, wrapped
from listener.cli.follow import counted
from listener.logs.visible import on_one_line

if TYPE_CHECKING:
    from listener.client.situation import Alive, Backlog, Failing, Indexing, Situation, Watching

INDENT = 12
UNSEEN = "not visible to this role"
SHOWN = 50  # at most, of listeners, reasons, watches
REASON_LINES = 2


def lines_of(now: Situation, width: int, height: int | None = None) -> list[Line]:
    """Return the lines, none wider than ``width`` if that is 80 or more, and no more than ``height``, if it is given.

    If there are too many, fewer listeners, reasons and watches are listed individually.
    """
    shown, lines = SHOWN, _lines(now, width, SHOWN)
    while height is not None and len(lines) > height and shown > 1:
        shown -= 1
        lines = _lines(now, width, shown)
    return lines[:height]


def _lines(now: Situation, width: int, shown: int) -> list[Line]:
    return [
        *_listeners(now.listeners, width, shown),
        *_listed("requests", [_requests(now)], width),
        *_listed("last minute", [_last_minute(now)], width),
        *_listed("waiting", _waiting(now.waiting, now.at, shown), width, "yellow" if now.waiting else ""),
        *_listed("failing", _failing(now.failing, shown), width, "red" if now.failing else ""),
        *_watches(now.watches, width, shown),
        *_indexes(now.indexes, width, shown),
    ]


def _listed(name: str, texts: Sequence[str], width: int, style: str = "") -> list[Line]:
    """Return a name with texts beside it, each in two lines at most."""
    made: list[Line] = []
    for text in texts:
        lines = wrapped([(on_one_line(text), "")], width - INDENT)
        for line in lines[: REASON_LINES - 1] + _last(lines[REASON_LINES - 1 :], width - INDENT):
            first = cut("" if made else name, INDENT - 1)
            made.append([(first + " " * (INDENT - width_of(first)), "bold"), *((piece, style) for piece, _ in line)])
    return made


def _last(lines: list[Line], width: int) -> list[Line]:
    """Return what is left as one line, cut at its end."""
    text = " ".join(piece for line in lines for piece, _ in line)
    return [[(cut(text, width), "")]] if lines else []


def _listeners(alive: Sequence[Alive] | None, width: int, shown: int) -> list[Line]:
    if alive is None:
        return _listed("listeners", [UNSEEN], width)
    if not alive:
        return _listed("listeners", ["none is running; start one with: ingest listen"], width, "red")
    taken, places = sum(one.running for one in alive), sum(one.capacity for one in alive)
    texts = [f"{len(alive)} alive, {taken} of {places} places taken"]
    texts += [cut(_listener(one), width - INDENT) for one in alive[:shown]]
    return _listed("listeners", texts + _more(alive, shown), width)


def _listener(one: Alive) -> str:
    silent = f", silent for {one.silent_seconds:.0f} s" if one.silent_seconds >= 5 else ""
    return f"{one.host} {one.pid}: {one.running} of {one.capacity}{silent}"


def _more(all_of: Sequence[object], shown: int) -> list[str]:
    return [f"… and {len(all_of) - shown} more"] if len(all_of) > shown else []


def _requests(now: Situation) -> str:
    parked = f"{_up_to(now.parked)} waiting for a service, " if now.parked else ""
    scheduled = f", {_up_to(now.scheduled)} scheduled" if now.scheduled else ""
    return f"{_up_to(now.running)} running, {parked}{_up_to(now.pending)} pending{scheduled}"


def _up_to(number: int) -> str:
    from listener.client.situation import MOST_COUNTED

    return f"{number:,}" + ("+" if number >= MOST_COUNTED else "")


def _last_minute(now: Situation) -> str:
    speeds = ((now.documents_per_second, "documents/s"), (now.chunks_per_second, "chunks/s"))
    told = [f"{speed:,.3g} {unit}" if speed < 1000 else f"{speed:,.0f} {unit}" for speed, unit in speeds if speed]
    return ", ".join([*told, *_ended(now.ended)]) or "nothing moved"


def _ended(ended: Mapping[str, int]) -> list[str]:
    from listener.client.situation import MOST_ENDED

    most = "+" if sum(ended.values()) >= MOST_ENDED else ""
    return [f"{number:,}{most} {status.replace('_', ' ')}" for status, number in sorted(ended.items())]


def _waiting(waiting: Sequence[Backlog], now: datetime, shown: int) -> list[str]:
    from listener.client.situation import MOST_ASKED

    texts = [
        f"{one.requests}{'+' if one.requests >= MOST_ASKED else ''} for {in_a_word(now - one.since)}, {one.reason}"
        for one in waiting[:shown]
    ]
    return [*texts, *_more(waiting, shown)] or ["nothing"]


def _failing(failing: Sequence[Failing] | None, shown: int) -> list[str]:
    if failing is None:
        return [UNSEEN]
    texts = [f"{counted(one.documents, 'document')}, {one.code}, such as {one.uri}" for one in failing[:shown]]
    return [*texts, *_more(failing, shown)] or ["nothing"]


def _watches(watches: Watching | None, width: int, shown: int) -> list[Line]:
    if watches is None:
        return _listed("watches", [UNSEEN], width)
    if not watches.watches:
        return _listed("watches", ["none"], width)
    counts = [(watches.running, "running"), (watches.paused, "paused"), (watches.in_trouble, "failing or waiting")]
    told = ", ".join([str(watches.watches), *(f"{number} {what}" for number, what in counts if number)])
    return _listed("watches", [told], width) + _below(watches.troubled, width, shown)


def _indexes(indexes: Indexing | None, width: int, shown: int) -> list[Line]:
    """Return nothing where no collection is large enough."""
    if indexes is None or not (indexes.usable or indexes.unfinished):
        return []
    return _listed("indexes", [f"{indexes.usable} in use"], width) + _below(indexes.unfinished, width, shown)


def _below(texts: Sequence[str], width: int, shown: int) -> list[Line]:
    lines = _listed("", [*texts[:shown], *_more(texts, shown)], width, "yellow")
    return [[(" " * INDENT, ""), *line[1:]] for line in lines]
