"""Watches in a list: for scripts a row each; for people a line each, and below it what it waits for or why it fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from listener.cli.fitting import Line, below, columns, cut, in_a_word
from listener.cli.in_shell import in_shell
from listener.cli.output import STYLES

if TYPE_CHECKING:
    from listener.client.watched import Watch

SCHEDULE_WIDTH = 28
INDENT = 2
HEADINGS = ("schedule", "state", "succeeded", "next", "name")


def cells(one: Watch) -> tuple[object, ...]:
    """Return the fields of a watch, with its state in words."""
    return (
        one.name,
        one.schedule,
        one.succeeded_at,
        one.next_at,
        _reason(one) or (one.state if one.running_request else one.noticing or one.state),
    )


def lines_of(watches: Sequence[Watch], width: int) -> list[Line]:
    """Return the lines of a list of watches, none of them wider than ``width`` if that is 80 or more."""
    now = datetime.now(timezone.utc)
    rows = [_row(one, now) for one in watches]
    heading, lines = columns(HEADINGS, rows, width, [STYLES.get(row[1], "") for row in rows], whole=True)
    made = [heading]
    for one, of_one in zip(watches, lines, strict=True):
        reasons = [reason] if (reason := _reason(one) or one.noticing) else []
        if one.hint and (_fails(one) or (_is_noted(one) and not one.waiting_for)):
            reasons.append(f"hint: {in_shell(one.hint)}")
        made += [*of_one, *below(reasons, width, INDENT, "dim")]
    return made


def _row(one: Watch, now: datetime) -> tuple[str, ...]:
    ago = f"{in_a_word(now - one.succeeded_at)} ago" if one.succeeded_at else "never"
    coming = "" if one.next_at is None else "now" if one.next_at <= now else f"in {in_a_word(one.next_at - now)}"
    return cut(one.schedule, SCHEDULE_WIDTH), one.state, ago, coming, one.name


def _fails(one: Watch) -> bool:
    return one.failing_since is not None and not one.paused


def _reason(one: Watch) -> str | None:
    """Return why a watch fails or waits."""
    if _fails(one):
        return f"failing since {one.failing_since:%Y-%m-%d %H:%M}: {one.error_code}: {one.error_message}"
    return in_shell(one.waiting_for or "") or (f"{one.error_code}: {one.error_message}" if _is_noted(one) else None)


def _is_noted(one: Watch) -> bool:
    """Whether its last look, though no failure, left something to do: an empty folder, too many gone."""
    return bool(one.error_code) and not one.paused
