"""Archives that another source finds are folders: their members are documents. ``docs/source-archives.md``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from functools import partial
from urllib.parse import unquote_to_bytes

from listener.concurrency import task_group
from listener.errors import DocumentError, RequestError
from listener.sources.archives.archive_errors import BadArchive, archive_error
from listener.sources.archives.choosing import Wish
from listener.sources.archives.copied import DiskCopy
from listener.sources.archives.kept import KeptOpen
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
from listener.sources.archives.tars import TarArchive
from listener.sources.archives.zips import ZipArchive
from listener.sources.base import (
    Found,
    LookUp,
    Outcome,
    Page,
    Refused,
    Source,
    SourceTools,
    Wanted,
)
from listener.sources.options import RequestOptions

TRIES = 3  # of an archive that changes while it is read
INLINE = "inline:"

Archive = ZipArchive | TarArchive
Numbered = tuple[int, Wanted, MemberPlace]


class Archives:
    """The archives that a listener has open, whatever source they are from."""

    def __init__(self, tools: SourceTools) -> None:
        self._tools = tools
        self._open: KeptOpen[Archive] = KeptOpen(tools.settings.archive_bytes)
        self._members: KeptOpen[_MemberCopy] = KeptOpen(tools.settings.archive_bytes)

    def over(self, inner: Source) -> ArchiveSource:
        """Return a source that has the members of ``inner``'s archives as documents, instead of these."""
        return ArchiveSource(inner, self)

    async def opened(self, inner: Source, archive: Found, kind: Kind) -> AbstractAsyncContextManager[Archive]:
        """Return a context in which an archive is open, as it is now. Raises DocumentError, there too."""
        now = await inner.current(archive)
        key = (kind, place_of(now))
        return self._open.opened(key, _state(now), partial(self._make, inner, now, kind))

    async def member(self, inner: Source, found: Found, place: MemberPlace) -> AbstractAsyncContextManager[_MemberCopy]:
        """Return a context in which a zip's member is a file on disk, to be read in pieces."""
        now = await inner.current(Found(*_archive_of(found, place)))

        async def make() -> _MemberCopy:
            async with await self.opened(inner, now, place.kind) as archive:
                assert isinstance(archive, ZipArchive)
                return _MemberCopy(await archive.copy_member(found.uri, place.name, self._tools.settings.archive_bytes))

        return self._members.opened((place.archive, place.name), _state(now), make)

    async def in_thread_read(self, copy: DiskCopy, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return pieces of what is on disk."""
        return await self._tools.in_thread(lambda: [copy.read(start, length) for start, length in ranges])

    async def close(self) -> None:
        """Close all of them."""
        await self._members.close()
        await self._open.close()

    async def _make(self, inner: Source, found: Found, kind: Kind) -> Archive:
        """Open an archive that stays the same meanwhile."""
        for _ in range(TRIES):
            made: Archive | BadArchive
            try:
                made = await self._made(inner, found, kind)
            except BadArchive as error:
                made = error
            now = await inner.current(found)
            if _state(now) == _state(found):
                if isinstance(made, BadArchive):
                    raise archive_error(found.uri, made.code, made.reason)
                return made
            if not isinstance(made, BadArchive):
                made.close()
            found = now
        raise archive_error(found.uri, "source_changed")

    async def _made(self, inner: Source, found: Found, kind: Kind) -> Archive:
        if kind == TAR:
            return await TarArchive.of(self._tools, inner.pieces(found))
        if found.bytes is not None:
            try:
                return await ZipArchive.of(self._tools, partial(inner.read_ranges, found), found.bytes)
            except DocumentError as error:
                if error.code != "no_records":
                    raise
        whole = await self._copied(inner, found)
        try:
            return await ZipArchive.of(self._tools, partial(self.in_thread_read, whole), whole.size, whole)
        except BaseException:
            whole.close()
            raise

    async def _copied(self, inner: Source, found: Found) -> DiskCopy:
        most = self._tools.settings.archive_bytes
        copy = await self._tools.in_thread(DiskCopy)
        try:
            async with aclosing(inner.pieces(found)) as pieces:
                async for piece in pieces:
                    if copy.size + len(piece) > most:
                        raise BadArchive("archive_too_large", f"it has more than {most} bytes")
                    await self._tools.in_thread(copy.write, piece)
        except BaseException:
            copy.close()
            raise
        return copy


class _MemberCopy:
    """A member on disk."""

    def __init__(self, copy: DiskCopy) -> None:
        self.copy = copy

    @property
    def disk(self) -> int:
        return self.copy.size

    def close(self) -> None:
        self.copy.close()


class ArchiveSource(Source):
    """Wraps the source ``inner``; what is no archive, and lies in none, is left to it."""

    roots = ()

    def __init__(self, inner: Source, archives: Archives) -> None:
        self._inner = inner
        self._archives = archives

    async def check(self, source: str, options: RequestOptions) -> None:
        split = split_source(source)
        Wish.of(split.inside, options)
        await self._inner.check(split.place, options)

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        split = split_source(source)
        look = _Look(split.place, Wish.of(split.inside, options))
        async with aclosing(self._inner.discover(split.place, options, known=known, after=after)) as pages:
            async for page in pages:
                kinds = [kind_of(item) if isinstance(item, Found) else None for item in page.items]
                if not any(kinds) and split.inside is None:
                    look.count += len(page.items)
                    yield page
                    continue
                async for some in self._instead_of(page, kinds, look, only_members=split.inside is not None):
                    look.count += len(some.items)
                    yield some
        if not look.count:
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
            elif kind_by_name(name_of(_place(one.found))):  # refused once, and tried again
                outcomes[number] = archive_error(one.found.uri, "archive_alone")
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
            async with await self._archives.opened(self._inner, Found(*_archive_of(found, place)), TAR) as archive:
                assert isinstance(archive, TarArchive)
                return await archive.read_ranges(found.uri, place.name, ranges)
        async with await self._archives.member(self._inner, found, place) as member:
            return await self._archives.in_thread_read(member.copy, ranges)

    async def current(self, found: Found) -> Found:
        return await self._inner.current(found)

    async def _read_members(self, members: Sequence[Numbered], outcomes: dict[int, Outcome | DocumentError]) -> None:
        _, first, place = members[0]
        try:
            archive_found = Found(*_archive_of(first.found, place))
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
        count = 0
        try:
            async with await self._archives.opened(self._inner, found, kind) as archive:
                takes = look.wish.taking(look.path(found), itself=look.is_itself(found), has=archive.has)
                async with aclosing(archive.pages(takes)) as pages:
                    async for members in pages:
                        count += len(members)
                        yield Page([_offer(found, kind, member) for member in members])
                if archive.problem:
                    raise archive_error(found.uri, archive.problem.code, archive.problem.reason)
        except DocumentError as error:
            if look.is_itself(found) and not count:
                raise RequestError(error.code, error.message, error.hint) from None
            yield Page([Refused.of(found.uri, error)])


class _Look:
    """One look at what is behind a source."""

    def __init__(self, place: str, wish: Wish) -> None:
        self.wish = wish
        self.count = 0
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
        """Return the error of a source behind which nothing is."""
        if self.wish.exactly and not self.wish.met and not self.wish.glob:
            hint = "check the name: what stands behind # is a member, a folder or a glob in the archive"
            return RequestError("not_found", f"{source} is not in the archive", hint)
        hint = "check 'include', 'exclude' and the pattern: in archives it stands behind #, as in docs.zip#guide/**"
        return RequestError("empty_source", f"there is no document in {source}", hint)


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


def _archive_of(found: Found, place: MemberPlace) -> tuple[str, str]:
    """Return the URI and the locator of the archive that a member lies in."""
    return found.uri.partition("#")[0], place.archive


def _state(now: Found) -> str | None:
    """Return what tells whether an archive has changed; None if nothing does."""
    if now.version is None and now.modified_at is None:
        return None
    return f"{now.version} {now.modified_at} {now.bytes}"


def _place(found: Found) -> str:
    return found.locator or found.uri
