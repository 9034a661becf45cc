"""What a discovery fetched, kept until it is read: in one unlinked file, of bounded size, for some minutes.

A body is given once. It is given up when its page is fetched again: a reading that began later must not have older
bytes.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

MOST_BYTES = 512 * 1024 * 1024
LARGEST = 8 * 1024 * 1024  # of one that is kept
SECONDS = 600.0

InThread = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class HeldPage:
    """A page as it was fetched: where its bytes lie, and what the server said of it."""

    start: int
    length: int
    media_type: str | None
    version: str | None
    modified_at: datetime | None
    until: float


class HeldBodies:
    """Pages by URL."""

    def __init__(self, in_thread: InThread, most: int = MOST_BYTES, seconds: float = SECONDS) -> None:
        self._in_thread = in_thread
        self._most = most
        self._seconds = seconds
        self._pages: OrderedDict[str, HeldPage] = OrderedDict()
        self._file: IO[bytes] | None = None
        self._end = 0
        self._busy = 0  # reads and writes under way

    async def keep(
        self, url: str, data: bytes, media_type: str | None, version: str | None, modified_at: datetime | None
    ) -> None:
        """Keep a page, if there is room for it."""
        self._forget_old()
        start = self._end
        if len(data) > LARGEST or start + len(data) > self._most:
            return
        self._end += len(data)
        self._busy += 1
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
            await self._in_thread(_write, self._file, start, data)
        except OSError:  # a full disk: the page is fetched again
            return
        finally:
            self._busy -= 1
        until = time.monotonic() + self._seconds
        self._pages[url] = HeldPage(start, len(data), media_type, version, modified_at, until)
        self._pages.move_to_end(url)

    def look(self, url: str) -> HeldPage | None:
        """Return what is known of a page that is held."""
        self._forget_old()
        return self._pages.get(url)

    async def take(self, url: str) -> bytes | None:
        """Return the bytes of a page, and hold it no longer; None if it is not held."""
        page, file = self._pages.pop(url, None), self._file
        if page is None or file is None:
            return None
        self._busy += 1
        try:
            data: bytes = await self._in_thread(os.pread, file.fileno(), page.length, page.start)
        except OSError:
            return None
        finally:
            self._busy -= 1
        return data if len(data) == page.length else None

    def forget(self, url: str) -> None:
        """Hold a page no longer."""
        self._pages.pop(url, None)

    def close(self) -> None:
        """Give the file back."""
        self._pages.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._end = 0

    def _forget_old(self) -> None:
        now = time.monotonic()
        while self._pages and (page := next(iter(self._pages.items())))[1].until < now:
            del self._pages[page[0]]
        if not self._pages and not self._busy:
            self.close()


def _write(file: IO[bytes], start: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(file.fileno(), data[written:], start + written)
