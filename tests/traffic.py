"""What an application does all day, while a test does something to its database: it inserts, and it searches.

::

    async with flowing(Inserts(dsn), Folders(dsn, root), *searches(dsn)) as (inserts, folders, *found):
        await inserts.more(100)        # ended since now
        ...

Each has a session of its own and keeps how long each of its statements took (``Timed``). A failure is kept, not raised:
the traffic goes on, as an application's would, and the test looks at ``failures``.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedding_service import vector
from pipeline import until
from staging import Connection, add, collection, session

DIMENSIONS = 16
COLLECTIONS = ("stream", "limited")
ANCHORS = "anchors"
LIVING = "living"
LIVING_WORD = "marmoset"
MOST_OPEN = 60  # requests of the stream that have not ended: more would only wait
WORDS = ("quokka", "narwhal", "axolotl", "pangolin", "okapi", "tapir", "kakapo", "numbat", "fossa", "saiga")
HTML = "<html><head><title>Page {n}</title></head><body><h1>Part {n}</h1><p>Page {n} says this.</p></body></html>"


@dataclass(frozen=True)
class Timed:
    """A statement: when it began, by ``time.monotonic()``, and how many seconds it took."""

    at: float
    seconds: float


@dataclass
class Flow(ABC):
    """Something that goes on, beat by beat, until it is stopped."""

    dsn: str
    pause: float = 0.02
    took: list[Timed] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stopping: bool = False

    async def run(self) -> None:
        """Go on until ``stopping``."""
        async with session(self.dsn) as c:
            number = 0
            while not self.stopping:
                began = time.monotonic()
                try:
                    await self.beat(c, number)
                except Exception as error:
                    self.failures.append(f"{type(self).__name__} {number}: {type(error).__name__}: {error}")
                self.took.append(Timed(began, time.monotonic() - began))
                number += 1
                await asyncio.sleep(self.pause)  # the pace; nothing depends on it

    @abstractmethod
    async def beat(self, c: Connection, number: int) -> None:
        """Do it once."""

    def longest(self, since: float, until: float) -> float:
        """Return the seconds of the slowest statement that was under way at any time in between."""
        return max((one.seconds for one in self.took if one.at < until and one.at + one.seconds > since), default=0.0)


@dataclass
class Inserts(Flow):
    """Inserts small inline requests of every kind, and now and then the same document with another content."""

    made: dict[uuid.UUID, dict[str, Any]] = field(default_factory=dict)

    async def beat(self, c: Connection, number: int) -> None:
        if number % 20 == 19:
            await add(c, **living(number))
        columns = small(number)
        self.made[await add(c, **columns)] = columns
        if number % 10 == 0:
            await until(lambda: self._few_are_open(c), within=120)

    async def _few_are_open(self, c: Connection) -> bool:
        query = "select count(*) < $2 from ingest_requests where collection = any ($1) and finished_at is null"
        return bool(await c.fetchval(query, COLLECTIONS, MOST_OPEN))

    async def more(self, count: int) -> None:
        """Wait until that many more of its requests have ended."""
        query = "select count(*) from ingest_requests where collection = any ($1) and finished_at is not null"
        async with session(self.dsn) as c:
            goal = await c.fetchval(query, COLLECTIONS) + count
            await until(lambda: self._reached(c, query, goal), within=120)

    async def _reached(self, c: Connection, query: str, goal: int) -> bool:
        assert not self.failures, self.failures
        return bool(await c.fetchval(query, COLLECTIONS) >= goal)


def small(number: int) -> dict[str, Any]:
    """Return the columns of a small request; no other one has its text."""
    columns: dict[str, Any] = {"collection": "stream", "uri": f"small {number}", "metadata": {"number": number}}
    text = f"Request {number} speaks of {WORDS[number % len(WORDS)]} {number}."
    kind = number % 10
    if kind == 3:
        sections = "\n\n".join(f"## Section {n}\n\n{_sentences(f'{number}.{n}')}" for n in range(3))
        return columns | {"content": f"# Request {number}\n\n{sections}", "media_type": "text/markdown"}
    if kind == 5:
        return columns | {"content": text, "options": {"publish": "request"}}
    if kind == 7:
        return columns | {"content_bytes": HTML.format(n=number).encode(), "media_type": "text/html"}
    if kind == 8:
        lines = "".join(f'{{"id": {n}, "text": "Record {n} of request {number}."}}\n' for n in range(3))
        return columns | {
            "content": lines, "media_type": "application/jsonl", "options": {"record": {"text": "text", "id": "id"}},
        }  # fmt: skip
    if kind == 9:
        return columns | {"content": text, "collection": "limited"}
    return columns | {"content": text}


def living(number: int) -> dict[str, Any]:
    """Return a request that gives the living document another content."""
    return {"collection": ANCHORS, "uri": LIVING, "content": f"The {LIVING_WORD} is seen for the {number}th time."}


@dataclass
class Folders(Flow):
    """Keeps one folder of many batches in work: the next one comes when the one before it has ended."""

    root: Path = Path()
    files: int = 40
    made: list[uuid.UUID] = field(default_factory=list)

    async def beat(self, c: Connection, number: int) -> None:
        folder = self.root / f"folder {number}"
        write_folder(folder, self.files, f"folder {number}")
        request = await add(c, source=str(folder), collection="folders", metadata={"folder": number})
        self.made.append(request)
        query = "select finished_at is not null from ingest_requests where id = $1"
        await until(lambda: c.fetchval(query, request), within=180)


def write_folder(folder: Path, files: int, marker: str) -> None:
    """Write Markdown files of several sections each; no two have a text in common."""
    folder.mkdir(parents=True)
    for number in range(files):
        sections = [f"## Section {n}\n\n" + _sentences(f"{marker} {number}.{n}") for n in range(3)]
        (folder / f"{number}.md").write_text(f"# Document {number} of {marker}\n\n" + "\n\n".join(sections))


def _sentences(place: str) -> str:
    return " ".join(f"Sentence {number} of {place} says this and that." for number in range(8))


@dataclass
class Search(Flow):
    """Looks for one anchor after another in one way, and for the living document each time."""

    anchors: Mapping[str, str] = field(default_factory=dict)  # uri → text

    async def beat(self, c: Connection, number: int) -> None:
        uri, text = list(self.anchors.items())[number % len(self.anchors)]
        found = await self.search(c, uri, text, number)
        assert uri in found, f"{uri} is not among {found}"
        assert len(found) == len(set(found)), f"twice: {found}"

    @abstractmethod
    async def search(self, c: Connection, uri: str, text: str, number: int) -> Sequence[str]:
        """Return the URIs of what is found."""


class ByWords(Search):
    """By full text, without a vector; the living document too."""

    async def search(self, c: Connection, uri: str, text: str, number: int) -> Sequence[str]:
        query = "select uri from ingest_search($1, $2, 5, by => 'words')"
        rows = await c.fetch(query, LIVING_WORD, ANCHORS)
        assert [row["uri"] for row in rows] == [LIVING], f"the living document shows as {rows}"
        return [row["uri"] for row in await c.fetch(query, uri, ANCHORS)]


class ByVector(Search):
    """By a vector that the application brings, and in the collection's typed view."""

    async def search(self, c: Connection, uri: str, text: str, number: int) -> Sequence[str]:
        there = await c.fetchval(f"select count(*) from ingest_chunks_{ANCHORS} where uri = any ($1)", [uri, LIVING])
        assert there == 2, f"of {uri} and {LIVING} the view shows {there}"
        numbers = str(vector(text, DIMENSIONS).tolist())
        rows = await c.fetch("select uri from ingest_search($1::text::vector, $2, 3)", numbers, ANCHORS)
        return [row["uri"] for row in rows]


class ByBoth(Search):
    """By words and a vector that a listener makes of the text."""

    async def search(self, c: Connection, uri: str, text: str, number: int) -> Sequence[str]:
        asked = f"{uri} {number}"
        await c.execute("call ingest_embed_query($1, $2, '60 seconds')", asked, ANCHORS)
        rows = await c.fetch("select uri from ingest_search($1, $2, 20)", asked, ANCHORS)
        return [row["uri"] for row in rows]


def searches(dsn: str, anchors: Mapping[str, str], pause: float) -> list[Search]:
    """Return a search of each way."""
    return [way(dsn, pause, anchors=anchors) for way in (ByWords, ByVector, ByBoth)]


async def anchored(c: Connection) -> dict[str, str]:
    """Make the collections; insert what searches look for; return the texts by URI."""
    for name in (*COLLECTIONS, "folders"):
        await collection(c, name, chunk_size=300, chunk_overlap=30)
    await collection(c, "limited", max_running=2)
    anchors = {word: f"The {word} stands here and stays." for word in WORDS}
    for uri, text in anchors.items():
        await add(c, collection=ANCHORS, uri=uri, content=text)
    await add(c, **living(0))
    return anchors


@asynccontextmanager
async def flowing(*flows: Flow) -> AsyncIterator[None]:
    """Have all of these go on for the time of a block."""
    async with AsyncExitStack() as stack:
        for flow in flows:
            task = asyncio.create_task(flow.run())
            stack.push_async_callback(_stopped, flow, task)
        yield


async def _stopped(flow: Flow, task: asyncio.Task[None]) -> None:
    flow.stopping = True
    await task


def failures(flows: Iterable[Flow]) -> list[str]:
    """Return what failed in any of these."""
    return [failure for flow in flows for failure in flow.failures]
