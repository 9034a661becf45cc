"""What a person or a script gets to see: colours on a terminal, plain lines when piped, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]

# A document's text or name must not steer the terminal.
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "\N{REPLACEMENT CHARACTER}")
_IN_TEXT = {**_CONTROLS, ord("\n"): "\n", ord("\t"): "\t"}
_IN_FIELD = {**_CONTROLS, ord("\n"): " ", ord("\t"): " ", ord("\r"): " "}


@dataclass(frozen=True)
class Output:
    """Where a verb writes. With ``json`` only ``value`` and ``record`` reach stdout."""

    json: bool = False

    @property
    def terminal(self) -> bool:
        """Whether a person watches."""
        return not self.json and sys.stdout.isatty()

    @cached_property
    def console(self) -> Console:
        from rich.console import Console

        return Console(highlight=False, markup=False, emoji=False)

    def line(self, text: str = "", style: str | None = None) -> None:
        """Write a line, unless JSON is asked for."""
        if self.json:
            return
        if self.terminal:
            self.console.print(safe_text(text), style=style, soft_wrap=True)
        else:
            print(safe_text(text), flush=True)

    def note(self, text: str) -> None:
        """Write a line that is not the result, to stderr."""
        told = json.dumps({"note": text}, ensure_ascii=False) if self.json else safe_text(text)
        print(told, file=sys.stderr, flush=True)

    def sql(self, text: str) -> None:
        """Show SQL that is sent, on stderr."""
        print(json.dumps({"sql": text}, ensure_ascii=False) if self.json else text, file=sys.stderr, flush=True)

    def value(self, value: Any) -> None:
        """Write the one JSON value, if JSON is asked for."""
        if self.json:
            print(as_json(value), flush=True)

    def rows(self, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
        """Write ``columns`` (key: heading) of ``rows``: a table, tab-separated lines, or all keys as a JSON array."""
        if self.json:
            self.value([dict(row) for row in rows])
        elif self.terminal:
            self.console.print(table(rows, columns))
        else:
            self.line("\t".join(columns.values()))
            for row in rows:
                self.line("\t".join(field(row[key]) for key in columns))


def table(rows: Iterable[Row], columns: Mapping[str, str]) -> Any:
    """Return a rich table of ``columns`` (key: heading) of ``rows``."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for key, heading in columns.items():
        made.add_column(heading, no_wrap=key in ("id", "status", "percent"), overflow="fold")
    for row in rows:
        made.add_row(*(Text(field(row[key]), style=STYLES.get(field(row[key]), "")) for key in columns))
    return made


STYLES = {
    "succeeded": "green",
    "ok": "green",
    "running": "cyan",
    "partially_succeeded": "yellow",
    "warning": "yellow",
    "failed": "red",
    "problem": "red",
    "cancelled": "magenta",
}


def safe_text(text: str) -> str:
    """Return ``text`` with control characters replaced, but for line ends and tabs."""
    return text.translate(_IN_TEXT)


def field(value: Any) -> str:
    """Return ``value`` on one line, without tabs."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (dict, list)):
        return as_json(value)
    return str(value).translate(_IN_FIELD)


def as_json(value: Any) -> str:
    """Return ``value`` as JSON on one line; times as ISO 8601, durations in seconds."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
