"""A bucket of so many objects on loopback, in a process of its own: lists (S3's version 2) and answers GETs."""

from __future__ import annotations

import asyncio
import re
import sys
from urllib.parse import parse_qs, urlsplit

from benchmarks.session import say

BUCKET = "bench"
PAGE = 1000
NUMBER = re.compile(r"\d{7}")


def listing(count: int, after: str) -> bytes:
    """Return a page of ``data/0000000.md`` and so on, behind a key."""
    last = NUMBER.search(after)
    first = int(last[0]) + 1 if last else 0
    page = range(first, min(first + PAGE, count))
    rows = "".join(
        f"<Contents><Key>data/{n:07}.md</Key><LastModified>2026-03-01T12:00:00.000Z</LastModified>"
        f"<ETag>&quot;{n:07}&quot;</ETag><Size>{len(content(n))}</Size></Contents>"
        for n in page
    )
    more = page.stop < count
    token = f"<NextContinuationToken>data/{page.stop - 1:07}.md</NextContinuationToken>" if more else ""
    return (
        f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{rows}{token}</ListBucketResult>"
    ).encode()


def content(number: int) -> bytes:
    """Return what is in an object; a thousand texts are in all of them."""
    return f"# Note\n\nIt says {number % 1000:07}.\n".encode()


async def serve(count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        target = urlsplit(head.split(b" ", 2)[1].decode())
        query = parse_qs(target.query)
        etag = ""
        if "list-type" in query:
            body = listing(count, query.get("continuation-token", query.get("start-after", [""]))[0])
        else:
            number = NUMBER.search(target.path)
            assert number is not None, target.path
            body, etag = content(int(number[0])), f'ETag: "{number[0]}"\r\n'
        about = "Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT\r\nContent-Type: text/markdown\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{about}{etag}\r\n".encode() + body)
        await writer.drain()


async def main() -> None:
    """Serve on the given port until the end."""
    count, port = map(int, sys.argv[1:])

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(count, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", port) as server:
        say("ready")
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
