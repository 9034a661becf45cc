"""A page of an S3 list, read by ourselves, if it contains a name that the native client does not accept as a path.

``a//b``, ``./a`` and names with control characters are good keys, and one of them makes the client refuse the page of a
thousand that it is in. So that page is asked for with a URL that the client signs, with whatever credentials it has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree

from listener.sources.objects.providers import S3

if TYPE_CHECKING:
    import httpx2

SIGNED_FOR = timedelta(minutes=5)
MOST_BYTES = 32 * 1024 * 1024  # of one page
LONGEST_ANSWER = 30.0  # seconds without a byte


class ListedObject(NamedTuple):
    """An object as a list shows it. (A tuple: there are hundreds of thousands.)"""

    key: str
    size: int
    version: str | None
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedPage:
    """Some objects in key order, and whether there are more after them."""

    objects: list[ListedObject]
    more: bool


class ListRefused(Exception):
    """What the service answered instead, as the native client words it."""


class SignedListing:
    """Lists buckets of S3; ``client`` is made when the first page is asked for."""

    def __init__(self, provider: S3, client: Callable[[], httpx2.AsyncClient]) -> None:
        self._provider = provider
        self._client = client

    async def page(self, bucket: str, prefix: str, after: str | None) -> SignedPage:
        """Return the page after a key; raises ListRefused, httpx2's errors and those of the native client."""
        import asyncio  # noqa: PLC0415

        url = await asyncio.to_thread(self._signed, bucket, prefix, after)
        async with self._client().stream("GET", url) as answer:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise ListRefused("its list is endless")
        if answer.status_code != 200:
            words = bytes(body[:2000]).decode(errors="replace")
            raise ListRefused(f"status code: {answer.status_code} {words}")
        return await asyncio.to_thread(_parsed, bytes(body))

    def _signed(self, bucket: str, prefix: str, after: str | None) -> str:
        import obstore  # noqa: PLC0415 - the extra

        query = "list-type=2&encoding-type=url&max-keys=1000"
        if after is not None:
            query += f"&start-after={quote(after, safe='')}"
        # The slash that the client appends belongs to the prefix, or to a parameter that nobody reads.
        query += f"&prefix={quote(prefix.removesuffix('/'), safe='')}" if prefix else "&x-id=ListObjectsV2"
        store, plain = self._provider.at(bucket, query)
        return plain if self._provider.anonymous else obstore.sign(store, "GET", "", SIGNED_FOR)


def _parsed(body: bytes) -> SignedPage:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise ListRefused("its list can't be read") from None
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""

    def text(of: ElementTree.Element, name: str) -> str:
        return of.findtext(f"{space}{name}") or ""

    decoded = unquote_plus if text(root, "EncodingType") == "url" else str
    objects = [
        ListedObject(
            decoded(text(one, "Key")), int(text(one, "Size") or 0), text(one, "ETag").strip('"') or None,
            _time(text(one, "LastModified")),
        )
        for one in root.iterfind(f"{space}Contents")
    ]  # fmt: skip
    return SignedPage(objects, text(root, "IsTruncated") == "true" and bool(objects))


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        return None
