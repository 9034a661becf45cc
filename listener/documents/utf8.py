"""UTF-8 to text without holding up the event loop."""

from __future__ import annotations

import asyncio
import codecs

HERE_BYTES = 64 * 1024  # decoded on the event loop up to this size: 0.3 ms, what a thread would cost too
PIECE = 1024 * 1024  # Python holds its lock while it decodes: in one go, 60 MB stopped the event loop for 400 ms

Octets = bytes | memoryview


async def as_text(data: Octets) -> str:
    """Return UTF-8 as text, decoded off the event loop if it is large; raises UnicodeDecodeError."""
    return str(data, "utf-8") if len(data) <= HERE_BYTES else await asyncio.to_thread(_joined, data)


async def plain_text(data: bytes) -> str | None:
    """Return UTF-8 as text; None if it has NULs or the marks of ISO-2022-JP in it. Raises UnicodeDecodeError."""
    is_plain = _is_plain(data) if len(data) <= HERE_BYTES else await asyncio.to_thread(_is_plain, data)
    return await as_text(data) if is_plain else None


async def is_blank(text: str) -> bool:
    """Tell whether there is nothing to read in a text; one that begins with many blanks is not looked at here."""
    if not _is_blank(text[:HERE_BYTES]):
        return False
    return len(text) <= HERE_BYTES or await asyncio.to_thread(_is_blank, text)


def _is_plain(data: bytes) -> bool:
    pieces = (data[max(start - 1, 0) : start + PIECE] for start in range(0, len(data), PIECE))
    return not any(b"\0" in piece or b"\x1b$" in piece for piece in pieces)


def _is_blank(text: str) -> bool:
    pieces = (text[start : start + PIECE] for start in range(0, len(text), PIECE))
    return all(map(str.isspace, pieces))


def _joined(data: Octets) -> str:
    """Decode in pieces, so that other threads get their turn."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with memoryview(data) as view:
        pieces = [decoder.decode(view[start : start + PIECE]) for start in range(0, len(view), PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])
