"""What a command shows on a terminal, as SVG: its real bytes, written to a screen here, drawn by rich."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS, ROWS = 80, 24
SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b[()=>].?|\r|\n|\x07|\x08|[^\x00-\x1f\x1b]")
FONT_FACES = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # they would be fetched from another host
THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [
        (110, 118, 129), (255, 123, 114), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255),
        (57, 197, 207), (177, 186, 196),
    ],
    [
        (110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65), (121, 192, 255), (210, 168, 255),
        (86, 212, 221), (255, 255, 255),
    ],
)  # fmt: skip


class Screen:
    """A terminal that forgets nothing: lines that scroll out at its top stay above it."""

    def __init__(self) -> None:
        self.lines: list[list[tuple[str, str]]] = [[]]
        self._row, self._column, self._style = 0, 0, ""

    def write(self, text: str) -> None:
        """Take what a program writes."""
        for found in SEQUENCE.finditer(text):
            if found[2]:
                self._control(found[1], found[2])
            elif found[0] == "\r":
                self._column = 0
            elif found[0] == "\n":
                self._to(self._row + 1)
            elif found[0] == "\x08":
                self._column = max(0, self._column - 1)
            elif not found[0].startswith(("\x1b", "\x07")):
                self._put(found[0])

    def _put(self, character: str) -> None:
        if self._column >= COLUMNS:
            self._to(self._row + 1)
            self._column = 0
        line = self.lines[self._row]
        line += [(" ", "")] * (self._column + 1 - len(line))
        line[self._column] = (character, self._style)
        self._column += 1

    def _to(self, row: int) -> None:
        self._row = max(row, 0)
        self.lines += [[] for _ in range(self._row + 1 - len(self.lines))]

    def _control(self, given: str, verb: str) -> None:
        number = int(given) if given.isdigit() else 1
        if verb == "m":
            self._style = "" if given in ("", "0") else self._style + f"\x1b[{given}m"
        elif verb in "AB":
            self._to(self._row + (number if verb == "B" else -number))
        elif verb in "CD":
            self._column = max(0, self._column + (number if verb == "C" else -number))
        elif verb == "G":
            self._column = number - 1
        elif verb == "K":
            line = self.lines[self._row]
            del line[0 if given == "2" else self._column :]
        elif verb in "JH":  # all of the screen: its top is the last ROWS lines' first
            top = max(0, len(self.lines) - ROWS)
            if verb == "H":
                self._row, self._column = top, 0
            else:
                del self.lines[self._row + 1 :]
                del self.lines[self._row][self._column :]

    def text(self, *, until: str = "") -> Text:
        """Return what stands there in colour; up to the line that begins so, which is shown as dots."""
        plain = ["".join(character for character, _ in line) for line in self.lines]
        end = next((number for number, line in enumerate(plain) if until and line.startswith(until)), len(plain))
        shown = ["".join(f"\x1b[0m{style}{character}" for character, style in line) for line in self.lines[:end]]
        return Text.from_ansi("\n".join([*shown, "…"] if end < len(plain) else shown).rstrip())


def run(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], seconds: float | None = None
) -> Screen:
    """Run a command on a terminal, to its end or for so long; return the screen."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    size = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    process = subprocess.Popen(
        command, cwd=folder, env={**environment, **size}, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    screen = Screen()
    screen.write(_read(ours, None if seconds is None else time.monotonic() + seconds))
    if seconds is not None:
        process.kill()
    os.close(ours)
    process.wait()
    return screen


def _read(terminal: int, until: float | None) -> str:
    written = b""
    while until is None or time.monotonic() < until:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            more = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        written += more
    return written.decode(errors="replace")


def draw(text: Text, file: Path, *, title: str) -> None:
    """Write it as SVG that loads nothing, the same for the same text."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(text, soft_wrap=True)
    svg = console.export_svg(title=title, theme=THEME, unique_id=file.stem)
    file.write_text(FONT_FACES.sub("", svg), encoding="utf-8")
