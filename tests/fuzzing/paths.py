"""Sources as SQL, Python and the file system understand them: they mean the same place, and nothing outside is read.

SQL compares where a source lies with listeners' roots, Python opens it. So both have to find the same path in a URL.
What is read must lie below the root, whatever links and dots the path has.
"""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg
from hypothesis import strategies as st

from fuzzing.targets import TAKEN, Place, Target, Trial, code_of
from fuzzing.values import HOSTILE, STORABLE
from listener.documents.pool import Workers
from listener.errors import DocumentError, IngestError, RequestError
from listener.settings import Settings
from listener.sources.base import Fetched, Found, Page, SourceTools, Wanted
from listener.sources.options import RequestOptions
from listener.sources.paths import path_of, uri_of
from listener.sources.schemes import Sources

LIMIT = 10_000
CANARY = b"This lies outside of every root."
PART = st.sampled_from([
    "", ".", "..", "root", "a", "b.md", "in", "out", "loop", "deep", "secret", "fifo", "none", "*", "**", "[", "[a]", "?", " ",
    "%2e%2e", "%2F", "%", "%zz", "%00", "%ff", "%c3%a9", "é", "é\u0301", "x" * 256, "\n", "\x01", "?", "#x", "a?b#c", "~", "$HOME",
]) | st.text(STORABLE, max_size=8)  # fmt: skip
RELATIVE = st.lists(PART, max_size=6).map("/".join)
PREFIX = st.sampled_from([
    "{root}/", "{root}/", "{root}/", "{root}", "/", "//", "///", "file://{root}/", "file:{root}/", "FILE://localhost{root}/",
    "file:///", "file://other/", "file://", "file:", "file:////", "http://h/", "https://U@H:8/", "S3://B/", "x:", "a+b-c.d:/", "inline:/",
    "",
])  # fmt: skip


class Source(NamedTuple):
    """A source, with ``{root}`` in it, and patterns of a request for it."""

    text: str
    include: list[str]

    def below(self, root: str) -> str:
        return self.text.replace("{root}", root)


INPUTS = st.builds(
    Source,
    st.tuples(PREFIX, RELATIVE).map("".join) | HOSTILE,
    st.lists(PART.filter(lambda part: 0 < len(part) < 50), max_size=2),
)


class _Paths:
    def __init__(self, connection: asyncpg.Connection, sources: Sources, root: str) -> None:
        self._connection, self._sources, self._root = connection, sources, root

    async def case(self, given: Source) -> str:
        source = given.below(self._root)
        await self._mean_the_same(source)
        options = RequestOptions.model_validate({"include": [one for one in given.include if "\0" not in one]})
        try:
            await self._sources.check(source, options)
            seen = "nothing found"
            async for page in self._sources.discover(source, options):
                seen = await self._read(page)
            return seen
        except IngestError as error:
            return code_of(error, RequestError)

    async def _mean_the_same(self, source: str) -> None:
        located = await self._connection.fetchval("select ingest_locate($1)", source)
        try:
            path = path_of(source)
        except RequestError as error:
            code_of(error, RequestError)
            return
        utf8 = not re.search("[\ud800-\udfff]", path)
        assert located is not None, f"SQL finds no place in what Python reads at {path!r}"
        if utf8:
            assert located == re.sub("^/+", "/", path), f"SQL says {located!r}, Python {path!r}"
        else:
            assert os.fsencode(path).startswith(os.fsencode(located)) or located.startswith("/"), (
                f"{located!r}, {path!r}"
            )
        uri = uri_of(path)
        assert path_of(uri) == path, f"{uri} is {path_of(uri)!r}, not {path!r}"

    async def _read(self, page: Page) -> str:
        outcome = "nothing found"
        for found in page.items:
            found.uri.encode()  # Postgres holds it
            if not isinstance(found, Found):
                outcome = code_of(DocumentError(found.code, found.message, found.hint), DocumentError)
                continue
            try:
                read = await self._sources.read(Wanted(found, LIMIT))
            except DocumentError as error:
                outcome = code_of(error, DocumentError)
            else:
                assert isinstance(read, Fetched)
                assert CANARY not in read.data, f"read outside: {found}"
                outcome = TAKEN
        return outcome


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Trial]:
    root = _tree(place.folder.resolve() / "tree")
    connection = await asyncpg.connect(place.dsn)
    with ThreadPoolExecutor(1) as threads:
        async with Workers(1, 5, 300) as workers:
            settings = Settings.model_validate({"file_roots": [root]})
            sources = Sources.installed(SourceTools(settings, threads, workers))
            try:
                yield Trial(_Paths(connection, sources, str(root)).case)
            finally:
                await sources.close()
                await connection.close()


def _tree(folder: Path) -> Path:
    """Make a root with links in it, and what lies outside."""
    root = folder / "root"
    if root.exists():
        return root
    (root / "a" / "deep").mkdir(parents=True)
    for path in (root / "b.md", root / "a" / "b.md", root / "a" / "deep" / "é", root / "[a]", root / "in.md"):
        path.write_bytes(b"Inside.")
    (folder / "secret").write_bytes(CANARY)
    (folder / "outside").mkdir()
    (folder / "outside" / "b.md").write_bytes(CANARY)
    (root / "out").symlink_to(folder / "outside")
    (root / "secret").symlink_to("../secret")
    (root / "in").symlink_to("a")
    (root / "loop").symlink_to("loop")
    (root / "a" / "out").symlink_to("../../outside")
    os.mkfifo(root / "fifo")
    (root / "\udcff.md").write_bytes(b"Inside.")
    return root


TARGET = Target("paths", INPUTS, opened, few=150, round=500, database=True)
