"""Requests' own content: each row is a source of one document."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from listener.documents.utf8 import HERE_BYTES
from listener.options import RequestOptions
from listener.sources.base import Fetched, Found, LookUp, Outcome, Page, Source, SourceTools, Wanted, too_large

SCHEME = "inline"

RangeOf = Callable[[UUID, int, int], Awaitable[bytes]]  # request, start, length


@dataclass(frozen=True, slots=True)
class OwnContent:
    """What a request has in its row."""

    uri: str
    media_type: str | None
    content: str | bytes

    @property
    def declared(self) -> str | None:
        """Its media type. Text in a row is Unicode already, whatever charset that says."""
        if self.media_type is None or isinstance(self.content, bytes):
            return self.media_type
        return f"{self.media_type.partition(';')[0]}; charset=utf-8".lstrip("; ")


class Inline(Source):
    """The content of some requests, by id. ``range_of`` reads a piece of what is not among ``contents``."""

    roots = ()

    def __init__(
        self, tools: SourceTools, contents: Mapping[UUID, OwnContent], range_of: RangeOf | None = None
    ) -> None:
        self._tools = tools
        self._contents = contents
        self._range_of = range_of

    async def check(self, source: str, options: RequestOptions) -> None:
        """Accept it: it is there."""

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the one document; its locator is the source."""
        one = self._contents[_request(source)]
        yield Page([Found(one.uri, source, one.media_type, len(await self._bytes(one)))])

    async def read(self, wanted: Wanted) -> Outcome:
        """Return the content in bytes, with its media type."""
        one = self._contents[_request(wanted.found.locator)]
        data = await self._bytes(one)
        if len(data) > wanted.limit:
            raise too_large(wanted.found.uri, len(data), wanted.limit)
        return Fetched(data, one.declared)

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Read all of them in one go: the database unpacks the whole content each time."""
        first = min(start for start, _ in ranges)
        end = max(start + length for start, length in ranges)
        data = await self._range(_request(found.locator), first, end - first)
        return [data[start - first : start - first + length] for start, length in ranges]

    async def _range(self, request: UUID, start: int, length: int) -> bytes:
        if held := self._contents.get(request):
            return (await self._bytes(held))[start : start + length]
        assert self._range_of, "what is not held is read by it"
        return await self._range_of(request, start, length)

    async def _bytes(self, one: OwnContent) -> bytes:
        if isinstance(one.content, bytes):
            return one.content
        encode = one.content.encode
        return encode() if len(one.content) <= HERE_BYTES else await self._tools.in_thread(encode)


def locator_of_request(request: UUID) -> str:
    """Return what a request's own content is called among sources."""
    return f"{SCHEME}:/{request}"


def stored(locator: str) -> str | None:
    """Return a locator as the database holds it: none for a request's own content."""
    return None if locator.startswith(f"{SCHEME}:") else locator


def _request(locator: str | None) -> UUID:
    return UUID((locator or "").removeprefix(f"{SCHEME}:/"))
