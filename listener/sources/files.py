"""Local files: below the folders of ``INGEST_ROOTS``. See ``walk`` for what is found, under which names."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from itertools import islice
from pathlib import Path

from listener.errors import DocumentError
from listener.sources import file_reading
from listener.sources.base import Found, LookUp, Outcome, Page, Source, SourceTools, Wanted, timed
from listener.sources.folder_roots import FolderRoots
from listener.sources.options import RequestOptions
from listener.sources.walk import Walk

PAGE = 1000


def open_source(tools: SourceTools) -> Files:
    """Return the files below the roots of the settings."""
    return Files(tools, tools.settings.folders)


class Files(Source):
    """Files below ``roots``; a locator is a path, or a ``file://`` URL where the path is not UTF-8."""

    def __init__(self, tools: SourceTools, roots: Sequence[Path]) -> None:
        self._tools = tools
        self._roots = FolderRoots(roots)
        self.roots = tuple(self._roots.names)

    async def check(self, source: str, options: RequestOptions) -> None:
        await self._tools.in_thread(lambda: Walk(self._roots, source, options).check())

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        walk = await self._tools.in_thread(Walk, self._roots, source, options)
        found = walk.found()
        try:
            while items := await self._tools.in_thread(lambda: list(islice(found, PAGE))):
                yield Page(items)
        finally:
            walk.stop()  # its thread may be on the way through a million files of which none is wanted

    async def read(self, wanted: Wanted) -> Outcome:
        return await self._tools.in_thread(self._read, wanted)

    async def read_all(self, wanted: Sequence[Wanted]) -> list[Outcome | DocumentError]:
        return await self._tools.in_thread(lambda: [self._attempt(one) for one in wanted])

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        return await self._tools.in_thread(file_reading.read_ranges, self._roots, _place_of(found), ranges)

    async def current(self, found: Found) -> Found:
        return await self._tools.in_thread(file_reading.current, self._roots, found)

    def _attempt(self, wanted: Wanted) -> Outcome | DocumentError:
        began = time.monotonic()
        try:
            return timed(self._read(wanted), began)
        except DocumentError as error:
            return error

    def _read(self, wanted: Wanted) -> Outcome:
        return file_reading.read(self._roots, _place_of(wanted.found), wanted.limit)


def _place_of(found: Found) -> str:
    return found.locator or found.uri
