"""The installed sources, by the scheme of their URLs; ``Sources`` passes each call on to the source of its scheme.

A source is made by a factory that an entry point of the group ``ingest_listener.sources`` leads to, under the name of
its scheme; see ``docs/sources.md``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing

from listener.concurrency import task_group
from listener.errors import DocumentError, IngestError, OperatorError, RequestError
from listener.extensions import Extension, broken, installed
from listener.sources.base import Found, LookUp, Outcome, Page, Source, SourceTools, Wanted
from listener.sources.options import RequestOptions

GROUP = "ingest_listener.sources"
FILE = "file"
LOWER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+")
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(?=/)")


class Sources(Source):
    """Sources by scheme; absolute paths are the business of ``file``. ``roots`` are those of all of them."""

    def __init__(self, by_scheme: Mapping[str, Source]) -> None:
        self._by_scheme = dict(by_scheme)
        self.roots = tuple(root for source in by_scheme.values() for root in source.roots)

    @classmethod
    def installed(cls, tools: SourceTools) -> Sources:
        """Make the sources of all distributions; raises OperatorError ``broken_extension`` or what a factory raises."""
        made_ones = ((one.name, made(one, tools)) for one in installed(GROUP))
        sources = cls({name: source for name, source in made_ones if source is not None})
        for root in tools.settings.roots:
            sources.require(root)
        return sources

    def beside(self, scheme: str, source: Source) -> Sources:
        """Return these sources and one more."""
        return Sources(self._by_scheme | {scheme: source})

    def require(self, root: str) -> None:
        """Raise OperatorError ``wrong_setting`` for a root that no source reads."""
        scheme = root.partition(":")[0]
        if not root.startswith("/") and scheme not in self._by_scheme:
            known = ", ".join(f"{name}:" for name in self._by_scheme)
            hint = f"Known are folders and {known} URLs; other sources are separate packages."
            raise OperatorError("wrong_setting", f"INGEST_ROOTS={root}: there is no source for {scheme}:", hint)

    def of(self, place: str) -> Source:
        """Return the source that reads a place, which is a request's source or a locator.

        Raises RequestError ``unknown_scheme``, which says what is installed.
        """
        found = SCHEME.match(place)
        scheme = found[1].lower() if found else FILE
        if source := self._by_scheme.get(scheme):
            return source
        known = ", ".join(f"{name}://" for name in self._by_scheme)
        hint = f"known are absolute paths and {known} URLs; other sources are separate packages"
        raise RequestError("unknown_scheme", f"there is no source for {scheme}: ({place})", hint)

    async def check(self, source: str, options: RequestOptions) -> None:
        await self.of(source).check(source, options)

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        async with aclosing(self.of(source).discover(source, options, known=known, after=after)) as pages:
            async for page in pages:
                yield page

    async def read(self, wanted: Wanted) -> Outcome:
        return await self.of(_place(wanted.found)).read(wanted)

    async def read_all(self, wanted: Sequence[Wanted]) -> list[Outcome | DocumentError]:
        """Read documents of several sources side by side."""
        by_source: dict[Source, list[int]] = {}
        for number, one in enumerate(wanted):
            by_source.setdefault(self.of(_place(one.found)), []).append(number)
        outcomes: dict[int, Outcome | DocumentError] = {}

        async def read(source: Source, numbers: Sequence[int]) -> None:
            read = await source.read_all([wanted[number] for number in numbers])
            outcomes.update(zip(numbers, read, strict=True))

        async with task_group() as tasks:
            for source, numbers in by_source.items():
                tasks.start_soon(read, source, numbers)
        return [outcomes[number] for number in range(len(wanted))]

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        return await self.of(_place(found)).read_ranges(found, ranges)

    def service(self, place: str) -> str:
        return self.of(place).service(place)

    async def probe(self, place: str) -> None:
        await self.of(place).probe(place)

    async def look(self, root: str) -> str:
        return await self.of(root if SCHEME.match(root) else f"{root}/").look(root)

    async def current(self, found: Found) -> Found:
        return await self.of(_place(found)).current(found)

    async def pieces(self, found: Found) -> AsyncGenerator[bytes, None]:
        async with aclosing(self.of(_place(found)).pieces(found)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Close all of them, also if one fails to close."""
        async with AsyncExitStack() as closing:
            for source in self._by_scheme.values():
                closing.push_async_callback(source.close)


def _place(found: Found) -> str:
    return found.locator or found.uri


def made(extension: Extension, tools: SourceTools) -> Source | None:
    """Return the source that a factory makes, None if it makes none here.

    Raises OperatorError ``broken_extension`` or what the factory says.
    """
    what = f"the source {extension.name!r} of {extension.origin}"
    try:
        source: Source | None = extension.value(tools)
    except IngestError:
        raise
    except Exception as error:  # whatever a stranger's factory does
        raise broken(what, error) from error
    if source is not None and (problem := _problem(extension.name, source)):
        raise broken(what, problem)
    return source


def _problem(scheme: str, source: object) -> str | None:
    """Return what keeps something from being a source."""
    if not LOWER_SCHEME.fullmatch(scheme):
        return f"{scheme!r} is not a lower-case URL scheme"
    if not isinstance(source, Source):
        return f"it made {source!r}, which is not a Source"
    roots = getattr(source, "roots", None)
    if isinstance(roots, str) or not isinstance(roots, Sequence) or not all(isinstance(root, str) for root in roots):
        return "its roots are not a list of strings"
    if scheme != FILE and (wrong := [root for root in roots if not root.startswith(f"{scheme}:")]):
        return f"its root {wrong[0]!r} does not begin with {scheme}:"
    return None
