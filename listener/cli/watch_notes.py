"""What ``ingest watch`` says on stderr about the watch: what is missing for it, and what it changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from listener.cli.output import as_json
from listener.cli.unreadable import roots_shown

if TYPE_CHECKING:
    from listener.cli.output import Output
    from listener.client import Ingest
    from listener.client.watched import Watch

PATTERN = frozenset("*?[")


async def note_missing(ingest: Ingest, watch: Watch, output: Output) -> None:
    """Warn of what keeps a watch from looking: no listener, none that may read its source, nothing there."""
    kind, _, reason = (watch.waiting_for or "").partition(": ")
    if kind == "listener":
        output.note("warning: no listener is running: nothing happens until one does")
        output.note("hint: start one: ingest listen")
    elif kind == "root":
        output.note(f"warning: no running listener may read {watch.source}: nothing happens until one may")
        known, lacks = await roots_shown(ingest), reason.partition("; ")[2]
        output.note(f"hint: {known}To have it read, {lacks}; or: ingest unwatch {shlex.quote(watch.name)}")
    elif kind == "restored_database":
        output.note(f"warning: {reason}")
    if _is_missing(watch.source):
        output.note(f"warning: {watch.source} does not exist, as seen from this machine")
        output.note("hint: the listener looks for it on its own machine, repeatedly: see ingest watches")


def note_changes(former: Watch, watch: Watch, output: Output) -> None:
    """Describe the former watch of the same name, if it was different."""
    for what in _changes(former, watch):
        output.note(f"note: {watch.name} is changed: {what}")


def _changes(former: Watch, watch: Watch) -> Iterator[str]:
    for field in ("source", "collection", "schedule", "options", "metadata"):
        before, now = getattr(former, field), getattr(watch, field)
        if before != now:
            yield f"{field} was {_shown(before)}, is {_shown(now)}"


def _shown(value: object) -> str:
    if not value:
        return "none"
    return as_json(value) if isinstance(value, Mapping) else str(value)


def _is_missing(source: str) -> bool:
    return source.startswith("/") and not PATTERN & set(source) and "#" not in source and not Path(source).exists()
