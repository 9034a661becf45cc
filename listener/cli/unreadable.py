"""Requests for what no living listener may read: said at once, and not waited for without end."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from listener.cli.fitting import short
from listener.cli.in_shell import in_shell
from listener.cli.output import Output
from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.client import Ingest, Status

PATIENCE_SECONDS = 10.0  # a listener that is just being started may have the root
MOST_ROOTS = 12
SOURCES = "ingest_listener.sources"  # the group of entry points, by schemes
SCHEME_OF_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(?=/)")
TABLES = "table:"  # of each listener: tables of its own database


async def warn_of_unreadable(ingest: Ingest, requests: Sequence[UUID], output: Output) -> None:
    """Say on stderr which requests no living listener may read, or that there is none; they stay pending."""
    from listener.client.waiting import statuses_of

    found = await statuses_of(ingest.session.quiet(), requests)
    unreadable = [one for one in found if _is_unreadable(one)]
    lonely = [one for one in found if (one.waiting_for or "").startswith("listener:")]
    if lonely:
        output.note(f"note: no listener is running, so nothing begins; to start one: {_start(lonely)}")
    if held := next(
        (one.waiting_for for one in found if (one.waiting_for or "").startswith("restored_database:")), None
    ):
        output.note(f"note: nothing begins: {in_shell(held)}")
    if not unreadable:
        return
    for one in unreadable:
        output.note(f"warning: {_message(one)}")
    output.note(f"hint: {await _hint(ingest, unreadable)}")


def _start(requests: Sequence[Status]) -> str:
    """Return the line that starts a listener which may read what requests ask for, as far as that is files here."""
    paths = [Path(one.source) for one in requests if one.source and one.source.startswith("/")]
    roots = dict.fromkeys(str(path if path.is_dir() else path.parent) for path in paths)
    shown = shlex.quote("\n".join(roots)) if roots else ""
    return f"INGEST_ROOTS={shown} ingest listen" if shown else "ingest listen"


class Readable:
    """Looks at requests that are waited for, and ends the wait if no living listener may read what is left of them."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._since: float | None = None

    async def require(self, statuses: Sequence[Status]) -> None:
        """Raise OperatorError ``no_root`` when that has been so for some seconds."""
        unfinished = [status for status in statuses if not status.finished]
        if not unfinished or not all(map(_is_unreadable, unfinished)):
            self._since = None
            return
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since >= PATIENCE_SECONDS:
            raise OperatorError("no_root", _message(unfinished[0]), await _hint(self._ingest, unfinished))


def _is_unreadable(status: Status) -> bool:
    return (status.waiting_for or "").startswith("root:")


def _message(status: Status) -> str:
    return f"no running listener may read {status.source}: request {short(status.id)} stays pending until one does"


async def roots_shown(ingest: Ingest) -> str:
    """Return a sentence with the roots that listeners have, if the caller may know them."""
    from listener.client import overview

    roots = [root for root in await overview.roots(ingest.session.quiet()) if root != TABLES]
    shown = ", ".join(roots[:MOST_ROOTS]) + (", …" if len(roots) > MOST_ROOTS else "")
    return f"Listeners may read: {shown}. " if roots else ""


async def _hint(ingest: Ingest, unreadable: Sequence[Status]) -> str:
    """Return what may be done, with the roots that listeners have, if the caller may know them."""
    known = await roots_shown(ingest)
    ids = " ".join(short(one.id) for one in unreadable)
    lacks = dict.fromkeys(_unknown(one.source) or (one.waiting_for or "").partition("; ")[2] for one in unreadable)
    return f"{known}To have it read, {'; '.join(lacks)}; or: ingest cancel {ids}"


def _unknown(source: str | None) -> str:
    """Return what to do about a scheme that nothing installed here reads; nothing for others."""
    found = SCHEME_OF_URL.match(source or "")
    known = sorted(entry_points(group=SOURCES).names)
    if found is None or found[1].lower() in known:
        return ""
    return f"install a package that reads {found[1]}: URLs beside a listener (installed here: {', '.join(known)})"
