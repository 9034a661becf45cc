"""Archives that another source finds are folders: their members are documents. ``docs/source-archives.md``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from listener.concurrency import task_group
from listener.errors import DocumentError, RequestError, ServiceError, TransientError
from listener.sources.archive_looks import ArchiveLook
from listener.sources.archives.archive_errors import archive_error
from listener.sources.archives.choosing import MemberWish
from listener.sources.archives.kinds import (
    TAR,
    Kind,
    MemberPlace,
    kind_by_name,
    kind_of,
    locator_of_member,
    member_place,
    name_of,
    place_of,
    split_source,
)
from listener.sources.archives.members import Member, quoted
from listener.sources.archives.opened import Archives, archive_of, state_of_archive
from listener.sources.archives.tars import TarArchive
from listener.sources.base import (
    Found,
    LookUp,
    Outcome,
    Page,
    Refused,
    Source,
    Wanted,
)
from listener.sources.options import RequestOptions

INLINE = "inline:"

IsSame = Callable[[str, str], Awaitable[bool]]
Numbered = tuple[int, Wanted, MemberPlace]


class ArchiveSource(Source):
    """Wraps the source ``inner``; whatever is not an archive, nor inside one, is left to it."""

    roots = ()

    def __init__(self, inner: Source, archives: Archives, is_same: IsSame | None = None) -> None:
        """``is_same``: tells of an archive by its URI and state whether it need not be opened."""
        self._inner = inner
        self._archives = archives
        self._is_same = is_same

    async def check(self, source: str, options: RequestOptions) -> None:
        split = split_source(source)
        MemberWish.of(split.inside, options)
        await self._inner.check(split.place, options)

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        split = split_source(source)
        look = _Look(split.place, MemberWish.of(split.inside, options))
        async with aclosing(self._inner.discover(split.place, options, known=known, after=after)) as pages:
            async for page in pages:
                kinds = [kind_of(item) if isinstance(item, Found) else None for item in page.items]
                if not any(kinds) and split.inside is None:
                    look.count += len(page.items)
                    yield page
                    continue
                look.has_chosen = True
                async for some in self._instead_of(page, kinds, look, only_members=split.inside is not None):
                    look.count += len(some.items)
                    yield some
        # If no archive was opened, the source itself says whether an empty result is an error: for a table it is not.
        if look.has_chosen and not look.count and after is None:
            raise look.nothing(source)

    async def read(self, wanted: Wanted) -> Outcome:
        (outcome,) = await self.read_all([wanted])
        if isinstance(outcome, DocumentError):
            raise outcome
        return outcome

    async def read_all(self, wanted: Sequence[Wanted]) -> list[Outcome | DocumentError]:
        """Read members of each archive in one go, archives and what is in none side by side."""
        outcomes: dict[int, Outcome | DocumentError] = {}
        others: list[int] = []
        by_archive: dict[tuple[Kind, str], list[Numbered]] = {}
        for number, one in enumerate(wanted):
            if place := member_place(_place(one.found)):
                by_archive.setdefault((place.kind, place.archive), []).append((number, one, place))
            elif _is_archive(one.found):  # refused once, and tried again
                outcomes[number] = archive_error(one.found.uri, "unsupported")
            else:
                others.append(number)
        if others:
            read = await self._inner.read_all([wanted[number] for number in others])
            outcomes.update(zip(others, read, strict=True))
        async with task_group() as tasks:
            for members in by_archive.values():
                tasks.start_soon(self._read_members, members, outcomes)
        return [outcomes[number] for number in range(len(wanted))]

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        place = member_place(_place(found))
        if place is None:
            return await self._inner.read_ranges(found, ranges)
        if place.kind == TAR:
            async with await self._archives.opened(self._inner, Found(*archive_of(found, place)), TAR) as archive:
                assert isinstance(archive, TarArchive)
                return await archive.read_ranges(found.uri, place.name, ranges)
        async with await self._archives.member(self._inner, found, place) as member:
            return await self._archives.in_thread_read(member.copy, ranges)

    async def current(self, found: Found) -> Found:
        return await self._inner.current(found)

    async def _read_members(self, members: Sequence[Numbered], outcomes: dict[int, Outcome | DocumentError]) -> None:
        _, first, place = members[0]
        try:
            archive_found = Found(*archive_of(first.found, place))
            async with await self._archives.opened(self._inner, archive_found, place.kind) as archive:
                read = await archive.read(archive_found.uri, [(at.name, one) for _, one, at in members])
        except DocumentError as error:
            read = [error] * len(members)
        outcomes.update(zip((number for number, _, _ in members), read, strict=True))

    async def _instead_of(
        self, page: Page, kinds: Sequence[Kind | None], look: _Look, *, only_members: bool
    ) -> AsyncGenerator[Page, None]:
        """Yield what is on a page, with the members of archives; the page's cursor comes last."""
        items = [
            item
            for item, kind in zip(page.items, kinds, strict=True)
            if kind is None and not (only_members and isinstance(item, Found))
        ]
        yield replace(page, items=items, cursor=None)
        for item, kind in zip(page.items, kinds, strict=True):
            if kind is not None and isinstance(item, Found):
                async for members in self._members(item, kind, look):
                    yield members
        if page.cursor is not None:
            yield Page((), cursor=page.cursor)

    async def _members(self, found: Found, kind: Kind, look: _Look) -> AsyncGenerator[Page, None]:
        count, state, is_whole = 0, state_of_archive(found), True
        if self._is_same and state and await self._is_same(found.uri, state):
            look.count += 1
            yield Page((), archive=ArchiveLook(found.uri, state, None))
            return
        try:
            async with await self._archives.opened(self._inner, found, kind) as archive:
                takes = look.wish.taking(look.path(found), itself=look.is_itself(found), has=archive.has)
                async with aclosing(archive.pages(takes)) as pages:
                    async for members in pages:
                        count += len(members)
                        offered = [_offer(found, kind, member) for member in members]
                        is_whole = is_whole and all(isinstance(one, Found) for one in offered)
                        yield Page(offered)
                if archive.problem:
                    raise archive_error(found.uri, archive.problem.code, archive.problem.reason)
            if self._is_same and state and is_whole and count:
                yield Page((), archive=ArchiveLook(found.uri, state, count))
        except DocumentError as error:
            if look.is_itself(found) and not count:
                if isinstance(error, TransientError):
                    raise ServiceError(error.code, error.message, error.hint) from None
                raise RequestError(error.code, error.message, error.hint) from None
            yield Page([Refused.of(found.uri, error)])


class _Look:
    """One look behind a source."""

    def __init__(self, place: str, wish: MemberWish) -> None:
        self.wish = wish
        self.count = 0
        self.has_chosen = False  # members instead of what the source found
        self._place = place

    def is_itself(self, found: Found) -> bool:
        """Tell whether an archive is the source, or lies in it."""
        return found.path is None and (self._place.startswith(INLINE) or kind_by_name(name_of(self._place)) is not None)

    def path(self, found: Found) -> str:
        """Return an archive's path below the source."""
        if found.path is not None or self.is_itself(found):
            return found.path or ""
        before = name_of(self._place).rstrip("/") + "/"
        uri = name_of(found.uri)
        rest = uri[len(before) :] if uri.startswith(before) else uri.rpartition("/")[2]
        return unquote_to_bytes(rest).decode(errors="surrogateescape")

    def nothing(self, source: str) -> RequestError:
        """Return the error of an empty source."""
        if self.wish.exactly and not self.wish.met and not self.wish.glob:
            hint = "check the name: after # comes a member, a folder or a glob in the archive"
            return RequestError("not_found", f"{source} is not in the archive", hint)
        hint = "check 'include', 'exclude' and the pattern: in archives it comes after #, as in docs.zip#guide/**"
        return RequestError("empty_source", f"there is no document in {source}", hint)


def _is_archive(found: Found) -> bool:
    """Tell whether an entry to read is an archive, by its name, and by its media type if that says otherwise."""
    place = _place(found)
    return kind_by_name(name_of(place)) is not None and kind_of(replace(found, uri=place)) is not None


def _offer(archive: Found, kind: Kind, member: Member) -> Found | Refused:
    name = quoted(member.name)
    uri = f"{archive.uri}#{name}"
    if member.problem:
        code, reason = member.problem
        # The last of a name is a document: what is said of another one must not be said of that.
        return Refused.of(
            f"{uri}~{member.place}" if code == "duplicate_member" else uri, archive_error(uri, code, reason)
        )
    if kind_by_name(name):
        return Refused.of(uri, archive_error(uri, "nested_archive"))
    locator = locator_of_member(kind, place_of(archive), name)
    return Found(uri, locator, bytes=member.size, version=member.version, modified_at=member.modified_at)


def _place(found: Found) -> str:
    return found.locator or found.uri
