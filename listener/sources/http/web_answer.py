"""An answer of a web server: what its headers say, and its body, unpacked, up to a limit."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import httpcore2

from listener.sources.base import too_large
from listener.sources.http.urls import WebUrl
from listener.sources.http.web_errors import bad_answer

PIECE = 256 * 1024  # bytes that are unpacked in one go
LONGEST_MEDIA_TYPE = 200
GZIP = ("gzip", "x-gzip")
LENGTH = re.compile(r"[0-9]{1,18}")
CONTROLS = re.compile(r"[^\x20-\x7e]")


class CutBody(Exception):
    """The body ended before it was whole."""


class WebAnswer:
    """One answer. ``url`` is where it came from in the end."""

    def __init__(self, url: WebUrl, response: httpcore2.Response) -> None:
        self.url = url
        self.status = response.status
        self._response = response
        self._headers = _joined(response)

    def header(self, name: str) -> str:
        """Return a header, several of one name with commas in between; empty if it is not there."""
        return self._headers.get(name, "")

    @property
    def headers(self) -> Mapping[str, str]:
        """All headers, their names in lower case."""
        return self._headers

    @property
    def is_packed(self) -> bool:
        """Whether the body is sent in another form than it has."""
        return self.header("content-encoding").strip().lower() not in ("", "identity")

    @property
    def size(self) -> int | None:
        """How many bytes the body has, unpacked; None if that is not known yet."""
        length = self.header("content-length").strip()
        return int(length) if not self.is_packed and LENGTH.fullmatch(length) else None

    @property
    def content_type(self) -> str:
        """The declared media type with its parameters; empty if there is none."""
        return CONTROLS.sub("", self.header("content-type")).strip()[:LONGEST_MEDIA_TYPE]

    async def body(self, limit: int) -> bytes:
        """Return the body; not more than the limit is ever in memory.

        Raises DocumentError ``too_large`` or ``bad_answer``, CutBody, and what httpcore2 raises.
        """
        if self.size is not None and self.size > limit:
            raise too_large(self.url.text, self.size, limit)
        data = await self.beginning(limit + 1)
        if len(data) > limit:
            raise too_large(self.url.text, None, limit)
        return data

    async def beginning(self, most: int) -> bytes:
        """Return the body, or only its first bytes; raises the errors of ``body``, except ``too_large``."""
        parts: list[bytes] = []
        size = 0
        async with aclosing(self._pieces()) as pieces:
            async for part in pieces:
                parts.append(part[: most - size])
                size += len(parts[-1])
                if size == most:
                    break
        return b"".join(parts)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        unpacker = self._unpacker()
        empty = True
        async for raw in self._response.aiter_stream():
            data, empty = raw, False
            while True:
                part, data = self._unpacked(unpacker, data)
                yield part
                if not data:
                    break
                await asyncio.sleep(0)  # what is packed may be a thousand times as large
        if unpacker is not None and not unpacker.eof and not empty:
            raise CutBody("the compressed body is truncated")

    def _unpacker(self) -> zlib._Decompress | None:
        kind = self.header("content-encoding").strip().lower()
        if kind in ("", "identity"):
            return None
        if kind not in GZIP:
            raise bad_answer(self.url.text, f"it is packed as {kind[:40]!r}, though only gzip was accepted")
        return zlib.decompressobj(zlib.MAX_WBITS | 16)

    def _unpacked(self, unpacker: zlib._Decompress | None, data: bytes) -> tuple[bytes, bytes]:
        """Return the next piece, and what is left to be unpacked."""
        if unpacker is None:
            return data, b""
        try:
            part = unpacker.decompress(data, PIECE)
        except zlib.error:
            raise bad_answer(self.url.text, "it claims to be gzip-compressed, but is not") from None
        return part, unpacker.unconsumed_tail


def _joined(response: httpcore2.Response) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in response.headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined
