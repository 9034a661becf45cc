"""Requests' own content: each row is a source of one document."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from listener.errors import DocumentError
from listener.sources.base import WHOLE, Fetched, Found, LookUp, Outcome, Page, Source, Wanted, too_large
from listener.sources.options import RequestOptions

SCHEME = "inline"
INSIDE = re.compile(r"^([a-z]{1,8}\+inline:)/[0-9a-f-]{0,36}#")
GAP = 1024 * 1024  # bytes between two pieces that are read along: the database unpacks the whole content each time


@dataclass(frozen=True, slots=True)
class OwnContent:
    """What a request has in its row: a text (``is_text``) or bytes, ``size`` bytes; ``content``, if it was fetched."""

    uri: str
    media_type: str | None
    is_text: bool
    size: int
    content: bytes | None = None

    @property
    def declared(self) -> str | None:
        """Its media type. Text in a row is Unicode already, whatever charset that says."""
        if self.media_type is None or not self.is_text:
            return self.media_type
        return f"{self.media_type.partition(';')[0]}; charset=utf-8".lstrip("; ")


ContentsOf = Callable[[Mapping[UUID, int]], Awaitable[Mapping[UUID, OwnContent]]]  # of each, the most bytes to fetch
RangeOf = Callable[[UUID, int, int], Awaitable[bytes]]  # request, start, length


class Inline(Source):
    """The contents of requests; ``known`` is what is known of some. What they have is fetched when it is read."""

    roots = ()

    def __init__(
        self, contents_of: ContentsOf, range_of: RangeOf, known: Mapping[UUID, OwnContent] | None = None
    ) -> None:
        self._contents_of = contents_of
        self._range_of = range_of
        self._known = known or {}

    async def check(self, source: str, options: RequestOptions) -> None:
        """Accept it: it exists."""

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the one document; its locator is the source."""
        one = self._known[_request(source)]
        yield Page([Found(one.uri, source, one.media_type, one.size)])

    async def read(self, wanted: Wanted) -> Outcome:
        (outcome,) = await self.read_all([wanted])
        if isinstance(outcome, DocumentError):
            raise outcome
        return outcome

    async def read_all(self, wanted: Sequence[Wanted]) -> list[Outcome | DocumentError]:
        """Return contents in bytes, with their media types, all in one go."""
        places = [(_request(one.found.locator), one) for one in wanted]
        contents = await self._contents_of({request: one.limit for request, one in places})
        return [_outcome(contents.get(request), one) for request, one in places]

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Return pieces; those that lie close together are read in one go."""
        request = _request(found.locator)
        if (held := self._known.get(request)) and held.content is not None:
            return [held.content[start : start + length] for start, length in ranges]
        pieces: dict[int, bytes] = {}
        for numbers in _close(ranges):
            first = ranges[numbers[0]][0]
            end = max(sum(ranges[number]) for number in numbers)
            data = await self._range_of(request, first, end - first)
            for number in numbers:
                start, length = ranges[number]
                pieces[number] = data[start - first : start - first + length]
        return [pieces[number] for number in range(len(ranges))]

    async def current(self, found: Found) -> Found:
        """Return it as it is: a request's content does not change."""
        return replace(found, bytes=None, version=found.locator)

    async def pieces(self, found: Found) -> AsyncGenerator[bytes, None]:
        """Yield the content in one piece: the database unpacks all of it for each."""
        outcome = await self.read(Wanted(found, WHOLE))
        if isinstance(outcome, Fetched):
            yield outcome.data


def _outcome(one: OwnContent | None, wanted: Wanted) -> Outcome | DocumentError:
    uri = wanted.found.uri
    if one is None:
        return DocumentError("not_found", f"{uri} is not there any more", "its request was deleted: insert it again")
    if one.content is None:
        return too_large(uri, one.size, wanted.limit)
    return Fetched(one.content, one.declared)


def _close(ranges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the numbers of ranges that lie close together, in their order."""
    groups: list[list[int]] = []
    end = 0
    for number in sorted(range(len(ranges)), key=lambda number: ranges[number]):
        start, length = ranges[number]
        if groups and start - end <= GAP:
            groups[-1].append(number)
        else:
            groups.append([number])
        end = max(end, start + length)
    return groups


def locator_of_request(request: UUID) -> str:
    """Return what a request's own content is called among sources."""
    return f"{SCHEME}:/{request}"


def stored(locator: str) -> str | None:
    """Return a locator as the database holds it: none for a request's own content.

    What lies in that (``zip+inline:/…#a.md``) is stored without the request, so that a fork finds it in its own.
    """
    if locator.startswith(f"{SCHEME}:"):
        return None
    return INSIDE.sub(r"\1/#", locator)


def given(locator: str | None, request: UUID) -> str:
    """Return where a document of a request lies, by what is stored."""
    if locator is None:
        return locator_of_request(request)
    return INSIDE.sub(rf"\g<1>/{request}#", locator)


def _request(locator: str | None) -> UUID:
    return UUID((locator or "").removeprefix(f"{SCHEME}:/"))
