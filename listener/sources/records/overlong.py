"""Find the end of a record that is too large to be held, piece by piece, with one word of memory between the pieces."""

from __future__ import annotations

import re

from listener.sources.records.layout import DELIMITERS

START = "start"  # of a field: a quote here opens
PLAIN = "plain"  # in a field without quotes, or after the closing one at the end of a line
QUOTED = "quoted"
QUOTE = "quote"  # after a quote in a quoted field: it closes, or is the first of two
BROKEN = "broken"  # something else follows a closing quote
ENDED = "ended"
# Relevant ends of a plain field: its line's end, or a delimiter followed by a quote (or nothing yet).
PLAIN_ENDS = {"": re.compile(b"\n")} | {
    delimiter: re.compile(b'\n|%b(?="|\\Z)' % re.escape(delimiter.encode())) for delimiter in DELIMITERS
}


def pass_over(data: bytes, mode: str, delimiter: str) -> tuple[int, str]:
    """Return the place where the record ends, or otherwise the end of ``data``, and the mode there.

    ``delimiter`` is empty where a line is a record; such a record begins in PLAIN, one of CSV in START.
    """
    plain = PLAIN_ENDS[delimiter]
    position = 0
    while position < len(data) and mode not in (BROKEN, ENDED):
        position, mode = _step(data, position, mode, delimiter, plain)
    return (position if mode == ENDED else len(data)), mode


def _step(data: bytes, position: int, mode: str, delimiter: str, plain: re.Pattern[bytes]) -> tuple[int, str]:
    if mode == QUOTED:
        found = data.find(b'"', position)
        return (len(data), QUOTED) if found < 0 else (found + 1, QUOTE)
    if mode == PLAIN:
        match = plain.search(data, position)
        return (match.end(), ENDED if match[0] == b"\n" else START) if match else (len(data), PLAIN)
    byte = chr(data[position])
    if mode == START:
        return (position + 1, QUOTED) if byte == '"' else (position, PLAIN)
    if byte == '"':
        return position + 1, QUOTED
    if byte == delimiter:
        return position + 1, START
    return position, PLAIN if byte in "\r\n" else BROKEN
