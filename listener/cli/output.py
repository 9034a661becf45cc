"""What a person or a script gets to see: colours on a terminal, plain lines when piped, or JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from listener.logs.visible import in_lines, on_one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


@dataclass(frozen=True)
class Output:
    """Where a verb writes. With ``json`` only ``value`` reaches stdout."""

    json: bool = False

    @property
    def terminal(self) -> bool:
        """Whether a person watches."""
        return not self.json and sys.stdout.isatty()

    @property
    def width(self) -> int:
        """How many columns a line may have."""
        return shutil.get_terminal_size().columns

    @property
    def bold(self) -> bool:
        """Whether words can be marked by how they look."""
        return self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @cached_property
    def console(self) -> Console:
        from rich.console import Console

        return Console(highlight=False, markup=False, emoji=False)

    def line(self, text: str = "", style: str | None = None) -> None:
        """Write a line, unless JSON is asked for. Foreign text can't make two of it, nor steer the terminal."""
        if self.json:
            return
        if self.terminal:
            self.console.print(on_one_line(text), style=style, soft_wrap=True)
        else:
            print(on_one_line(text), flush=True)

    def pieces(self, pieces: Iterable[tuple[str, str]]) -> None:
        """Write a line of pieces with a style each; ``match`` is bold, on a terminal without that in asterisks.

        In a pipe it is nothing: what reads there would take asterisks for the document's.
        """
        if self.json:
            return
        if self.bold:
            self.console.print(as_text(pieces), soft_wrap=True)
        else:
            plain = (f"**{text}**" if style == "match" and self.terminal else text for text, style in pieces)
            print(on_one_line("".join(plain)).rstrip(), flush=True)

    def text(self, text: str) -> None:
        """Write a text of many lines, unless JSON is asked for; as it is, but on a terminal, which it can't steer."""
        if text and not self.json:
            print(in_lines(text) if self.terminal else text, flush=True)

    def note(self, text: str) -> None:
        """Write a line that is not the result, to stderr."""
        written = json.dumps({"note": text}, ensure_ascii=False) if self.json else on_one_line(text)
        print(written, file=sys.stderr, flush=True)

    def sql(self, text: str) -> None:
        """Show SQL that is sent, on stderr."""
        written = json.dumps({"sql": text}, ensure_ascii=False) if self.json else in_lines(text)
        print(written, file=sys.stderr, flush=True)

    def value(self, value: object) -> None:
        """Write the one JSON value, if JSON is asked for."""
        if self.json:
            print(as_json(value), flush=True)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table on a terminal, otherwise tab-separated lines; with JSON nothing."""
        if self.terminal:
            self.console.print(table(headings, rows))
        elif not self.json:
            for row in (headings, *rows):
                print("\t".join(map(field, row)), flush=True)


def as_text(pieces: Iterable[tuple[str, str]]) -> Text:
    """Return pieces as a line of rich's."""
    from rich.text import Text

    styled = ((on_one_line(text), "bold" if style == "match" else style) for text, style in pieces)
    return Text.assemble(*styled)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a rich table."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        made.add_column(heading, no_wrap=heading in ("id", "status", "%"), overflow="fold")
    for row in rows:
        made.add_row(*(Text(text, style=STYLES.get(text, "")) for text in map(field, row)))
    return made


STYLES = {
    "succeeded": "green",
    "ok": "green",
    "running": "cyan",
    "partially_succeeded": "yellow",
    "warning": "yellow",
    "failed": "red",
    "failing": "red",
    "problem": "red",
    "cancelled": "magenta",
}


def field(value: object) -> str:
    """Return ``value`` on one line, without tabs; names and messages must not steer the terminal."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, float):
        return f"{value:g}"
    return on_one_line(str(value))


def as_json(value: object) -> str:
    """Return ``value`` as JSON on one line; dataclasses as objects, times as ISO 8601, durations in seconds."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
