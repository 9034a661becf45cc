"""The archives that a listener has open, and how they are opened."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial

from listener.errors import DocumentError
from listener.sources.archives.archive_errors import BadArchive, archive_error
from listener.sources.archives.copied import DiskCopy
from listener.sources.archives.kept import KeptOpen
from listener.sources.archives.kinds import TAR, Kind, MemberPlace, place_of
from listener.sources.archives.tars import TarArchive
from listener.sources.archives.zips import ZipArchive
from listener.sources.base import Found, Source, SourceTools

TRIES = 3  # of an archive that changes while it is read

Archive = ZipArchive | TarArchive


class Archives:
    """The archives that a listener has open, whatever source they are from."""

    def __init__(self, tools: SourceTools) -> None:
        self._tools = tools
        self._open: KeptOpen[Archive] = KeptOpen(tools.settings.archive_bytes)
        self._members: KeptOpen[_MemberCopy] = KeptOpen(tools.settings.archive_bytes)

    async def opened(self, inner: Source, archive: Found, kind: Kind) -> AbstractAsyncContextManager[Archive]:
        """Return a context in which an archive is open, as it is now. Raises DocumentError, there too."""
        now = await inner.current(archive)
        key = (kind, place_of(now))
        return self._open.opened(key, state_of_archive(now), partial(self._make, inner, now, kind))

    async def member(self, inner: Source, found: Found, place: MemberPlace) -> AbstractAsyncContextManager[_MemberCopy]:
        """Return a context in which a zip's member is a file on disk, to be read in pieces."""
        now = await inner.current(Found(*archive_of(found, place)))

        async def make() -> _MemberCopy:
            async with await self.opened(inner, now, place.kind) as archive:
                assert isinstance(archive, ZipArchive)
                return _MemberCopy(await archive.copy_member(found.uri, place.name, self._tools.settings.archive_bytes))

        return self._members.opened((place.archive, place.name), state_of_archive(now), make)

    async def in_thread_read(self, copy: DiskCopy, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return pieces of what is on disk."""
        return await self._tools.in_thread(lambda: [copy.read(start, length) for start, length in ranges])

    async def close(self) -> None:
        """Close all of them."""
        await self._members.close()
        await self._open.close()

    async def _make(self, inner: Source, found: Found, kind: Kind) -> Archive:
        """Open an archive that does not change meanwhile."""
        for _ in range(TRIES):
            made: Archive | BadArchive
            try:
                made = await self._made(inner, found, kind)
            except BadArchive as error:
                made = error
            now = await inner.current(found)
            if state_of_archive(now) == state_of_archive(found):
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


def archive_of(found: Found, place: MemberPlace) -> tuple[str, str]:
    """Return the URI and the locator of the archive that a member lies in."""
    return found.uri.partition("#")[0], place.archive


def state_of_archive(now: Found) -> str | None:
    """Return what tells whether an archive has changed; None if nothing does."""
    if now.version is None and now.modified_at is None:
        return None
    return f"{now.version} {now.modified_at} {now.bytes}"
