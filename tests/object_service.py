"""An object store on loopback that speaks what S3, Google Cloud Storage and Azure do, and goes wrong as it is told.

``/{bucket}/{key}`` for the first two, ``/{account}/{container}/{blob}`` for Azure. It knows list (version 2), GET with
ranges and conditions, and HEAD; signatures are looked at by nobody. ``fault`` is asked before each answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
PAGE = 1000


@dataclass(frozen=True)
class Stored:
    """An object."""

    data: bytes
    media_type: str | None = "text/markdown"
    made_at: datetime = MADE_AT

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


class Holdings(Protocol):
    """What is in a bucket: keys in order, behind a key and below a prefix; objects by key."""

    def behind(self, key: str, prefix: str) -> Iterator[str]: ...

    def get(self, key: str) -> Stored | None: ...


class Kept:
    """Objects that were put in."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}

    def put(self, key: str, data: bytes, media_type: str | None = "text/markdown") -> None:
        self.objects[key] = Stored(data, media_type)

    def behind(self, key: str, prefix: str) -> Iterator[str]:
        keys = sorted(self.objects, key=str.encode)
        first = bisect_right(keys, key.encode(), key=str.encode)
        return (one for one in keys[first:] if one.startswith(prefix))

    def get(self, key: str) -> Stored | None:
        return self.objects.get(key)


class Counted:
    """So many objects that nobody keeps: ``data/0000000.md`` and so on, all alike."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._one = Stored(b"some words")

    def behind(self, key: str, prefix: str) -> Iterator[str]:
        first = int(key[5:12]) + 1 if key.startswith("data/") and len(key) >= 12 else 0
        return (f"data/{number:07}.md" for number in range(first, self.count))

    def get(self, key: str) -> Stored | None:
        return self._one


@dataclass(frozen=True)
class Asked:
    """A request: ``key`` is empty for a list, ``query`` has the last value of each name."""

    method: str
    path: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def lists(self) -> bool:
        return not self.key


@dataclass(frozen=True)
class Answer:
    """``cut``: the connection is closed after so many bytes of the body; ``wait`` seconds stand between its halves."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    wait: float = 0.0


def refused(status: int, code: str, message: str = "no", headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error as S3 words it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, body.encode(), {"Content-Type": "application/xml", **(headers or {})})


Fault = Callable[[Asked], Awaitable[Answer | None]]


async def no_fault(_: Asked) -> Answer | None:
    return None


class ObjectService:
    """The store of one bucket; ``asked`` are the requests so far."""

    def __init__(self, holdings: Holdings, *, azure: bool = False, bucket: str = "bucket") -> None:
        self.holdings = holdings
        self.fault: Fault = no_fault
        self.asked: list[Asked] = []
        self.bucket = bucket
        self.port = 0
        self._azure = azure

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, *answers: Answer, when: Callable[[Asked], bool] = lambda _: True) -> None:
        """Give these answers first, to what is meant; then be well."""
        left = list(answers)

        async def fault(asked: Asked) -> Answer | None:
            return left.pop(0) if left and when(asked) else None

        self.fault = fault

    def reads(self) -> list[str]:
        return [one.key for one in self.asked if one.key]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while asked := await self._next(reader):
                self.asked.append(asked)
                answer = await self.fault(asked) or self._answer(asked)
                if not await _write(writer, answer, head=asked.method == "HEAD"):
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _next(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return None
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if length := int(headers.get("content-length", 0)):
            await reader.readexactly(length)
        parts = urlsplit(target)
        names = parts.path.lstrip("/").split("/", 2 if self._azure else 1)[self._azure :]
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        key = unquote(names[1]) if len(names) > 1 else ""
        return Asked(method, parts.path, names[0] if names else "", key, query, headers)

    def _answer(self, asked: Asked) -> Answer:
        if asked.bucket != self.bucket:
            return refused(404, "NoSuchBucket", "The specified bucket does not exist")
        if asked.lists:
            return self._listed_azure(asked) if self._azure else self._listed(asked)
        found = self.holdings.get(asked.key)
        if found is None:
            return refused(404, "NoSuchKey", "The specified key does not exist.")
        return _object(asked, found)

    def _page(self, prefix: str, after: str) -> tuple[list[tuple[str, Stored]], bool]:
        keys = self.holdings.behind(after, prefix)
        page = [
            (key, stored)
            for key in (next(keys, None) for _ in range(PAGE))
            if key and (stored := self.holdings.get(key))
        ]
        return page, next(keys, None) is not None

    def _listed(self, asked: Asked) -> Answer:
        after = asked.query.get("continuation-token") or asked.query.get("start-after", "")
        page, more = self._page(asked.query.get("prefix", ""), after)
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{stored.made_at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(stored.etag)}</ETag><Size>{len(stored.data)}</Size></Contents>"
            for key, stored in page
        )
        following = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if more else ""
        truncated = "true" if more else "false"
        return _xml(f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{rows}{following}</ListBucketResult>")

    def _listed_azure(self, asked: Asked) -> Answer:
        first = asked.query.get("startFrom", "")  # itself included
        page, more = self._page(asked.query.get("prefix", ""), asked.query.get("marker") or first)
        if not asked.query.get("marker") and (stored := self.holdings.get(first)):
            page.insert(0, (first, stored))
        rows = "".join(
            f"<Blob><Name>{escape(key)}</Name><Properties><Last-Modified>{_http_date(stored)}</Last-Modified>"
            f"<Content-Length>{len(stored.data)}</Content-Length><Content-Type>{stored.media_type}</Content-Type>"
            f"<Etag>{escape(stored.etag)}</Etag><BlobType>BlockBlob</BlobType></Properties></Blob>"
            for key, stored in page
        )
        following = escape(page[-1][0]) if more else ""
        return _xml(
            f"<EnumerationResults><Blobs>{rows}</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>"
        )


def _object(asked: Asked, found: Stored) -> Answer:
    headers = {"ETag": found.etag, "Last-Modified": _http_date(found), "Accept-Ranges": "bytes"}
    if found.media_type:
        headers["Content-Type"] = found.media_type
    if asked.headers.get("if-none-match") == found.etag:
        return Answer(304, b"", headers)
    if asked.headers.get("if-match", found.etag) != found.etag:
        return refused(412, "PreconditionFailed", "At least one of the preconditions did not hold")
    if not (wanted := asked.headers.get("range") or asked.headers.get("x-ms-range")):
        return Answer(200, found.data, headers)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start, end, size = int(first), min(int(last or len(found.data)) + 1, len(found.data)), len(found.data)
    if start >= size:
        return refused(416, "InvalidRange", "The requested range is not satisfiable")
    return Answer(206, found.data[start:end], headers | {"Content-Range": f"bytes {start}-{end - 1}/{size}"})


def _http_date(stored: Stored) -> str:
    return format_datetime(stored.made_at, usegmt=True)


def _xml(body: str) -> Answer:
    return Answer(200, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode(), {"Content-Type": "application/xml"})


async def _write(writer: asyncio.StreamWriter, answer: Answer, *, head: bool) -> bool:
    """Write an answer; return whether the connection goes on."""
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} It", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    if head or answer.status == 304:
        await writer.drain()
        return True
    middle = len(answer.body) // 2 if answer.wait else 0
    writer.write(answer.body[:middle] if answer.cut is None else answer.body[: answer.cut])
    await writer.drain()
    if answer.cut is not None:
        return False
    await asyncio.sleep(answer.wait)
    writer.write(answer.body[middle:])
    await writer.drain()
    return True


@asynccontextmanager
async def running(service: ObjectService, tls: ssl.SSLContext | None = None) -> AsyncIterator[ObjectService]:
    """Serve on a free port for the time of a block."""
    open_ones: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        open_ones[task] = writer
        await service.serve(reader, writer)
        del open_ones[task]

    server = await asyncio.start_server(serve, "127.0.0.1", service.port, ssl=tls)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for writer in open_ones.values():
            writer.transport.abort()
        await asyncio.gather(*open_ones)


def kept(objects: Mapping[str, bytes] | Sequence[str]) -> Kept:
    """Return holdings of some objects, or of some keys with a few words each."""
    holdings = Kept()
    for key in objects:
        holdings.put(key, objects[key] if isinstance(objects, Mapping) else b"some words")
    return holdings
