"""The bytes of objects: a whole one, if it has changed, or parts of one that must not change meanwhile."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from listener.errors import DocumentError, IngestError, TransientError
from listener.sources.base import UNCHANGED, Fetched, Found, Known, Unchanged, too_large
from listener.sources.objects.object_errors import Trouble, trouble
from listener.sources.objects.object_listing import version_of

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult

    from listener.sources.objects.providers import ObjectStore

T = TypeVar("T")
TRIES = 3  # of an answer that was cut off, in addition to the native client's
PAUSE = 0.2  # seconds before the second one, then twice as many
HERE_BYTES = 256 * 1024  # more are copied in a thread
SAYS_NOTHING = ("", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded")
FOLDERS = ("application/x-directory", "httpd/unix-directory")
GZIP = 16 + zlib.MAX_WBITS


class Bodies:
    """Reads objects of one bucket; ``whose`` are the credentials, in words."""

    def __init__(self, store: ObjectStore, whose: str) -> None:
        self._store = store
        self._whose = whose

    async def read(self, key: str, uri: str, limit: int, known: Known | None) -> Fetched | Unchanged:
        """Return an object's bytes, or UNCHANGED. Raises DocumentError."""
        return await self._with_retries(uri, lambda: self._read(key, uri, limit, known))

    async def pieces(
        self, key: str, uri: str, ranges: Sequence[tuple[int, int]], version: str | None
    ) -> Sequence[bytes]:
        """Return pieces of one state of an object, fewer bytes where it ends. Raises DocumentError."""
        found: list[bytes] = []
        for start, length in ranges:
            piece, version = await self._piece(key, uri, start, length, version)
            found.append(piece)
        return found

    async def head(self, key: str, uri: str) -> Found | None:
        """Return an object without its bytes; None if there is none, or if it only marks a folder."""
        try:
            answer = await self._with_retries(uri, lambda: self._get(key, {"head": True}))
        except DocumentError as error:
            if error.code == "not_found":
                return None
            await self._with_retries(uri, lambda: self._get(key, {"range": (0, 1)}))  # its refusal says why
            raise
        if _media_type(answer) in FOLDERS or "hdi_isfolder" in answer.attributes:
            return None
        size, version, at = _about(answer)
        return Found(uri, bytes=size, version=version, modified_at=at)

    async def _read(self, key: str, uri: str, limit: int, known: Known | None) -> Fetched | Unchanged:
        options: GetOptions = {"if_none_match": f'"{known.version}"'} if known and known.version else {}
        try:
            answer = await self._get(key, options)
        except Exception as error:
            if type(error).__name__ == "NotModifiedError":
                return UNCHANGED
            raise
        size, version, at = _about(answer)
        if known and known.version and known.version == version:
            return UNCHANGED
        if size > limit:
            raise too_large(uri, size, limit)
        if not size:
            raise DocumentError("empty_document", f"{uri} is empty", "there is nothing to ingest: 0 bytes")
        data = await _copied(await answer.bytes_async())
        if answer.attributes.get("Content-Encoding", "").lower() == "gzip":
            data = await _unpacked(data, uri, limit)
        media_type = _media_type(answer)
        return Fetched(data, None if media_type in SAYS_NOTHING else media_type, version, at)

    async def _piece(
        self, key: str, uri: str, start: int, length: int, version: str | None
    ) -> tuple[bytes, str | None]:
        if length <= 0:
            return b"", version

        async def get() -> tuple[bytes, str | None]:
            options: GetOptions = {"range": (start, start + length)}
            if version:
                options["if_match"] = f'"{version}"'
            answer = await self._get(key, options)
            return await _copied(await answer.bytes_async()), _about(answer)[1]

        return await self._with_retries(uri, get, past_end=(b"", version))

    async def _get(self, key: str, options: GetOptions) -> GetResult:
        import obstore  # noqa: PLC0415 - the extra

        return await obstore.get_async(self._store, key, options=options)

    async def _with_retries(self, uri: str, call: Callable[[], Awaitable[T]], past_end: T | None = None) -> T:
        """Return what a call returns; try again what was cut off."""
        for more in reversed(range(TRIES)):
            try:
                return await call()
            except IngestError:
                raise
            except Exception as error:  # the client's
                if past_end is not None and "status code: 416" in str(error)[:2000]:
                    return past_end
                problem = self._problem(error, uri)
                if not more or not isinstance(problem, TransientError):
                    raise problem from None
            await asyncio.sleep(PAUSE * 2 ** (TRIES - 1 - more))
        raise AssertionError

    def _problem(self, error: Exception, uri: str) -> DocumentError:
        if type(error).__name__ == "PreconditionError":
            hint = "ingest it again when nobody writes to it: its records were found in an earlier state"
            return DocumentError("source_changed", f"{uri} changed while it was ingested", hint)
        found: Trouble = trouble(error, uri, self._whose)
        return found.of_document()


def _about(answer: GetResult) -> tuple[int, str | None, datetime]:
    """Return an object's size, version and time."""
    meta = answer.meta
    return meta["size"], version_of(meta["e_tag"], meta["version"]), meta["last_modified"]


def _media_type(answer: GetResult) -> str:
    return str(answer.attributes.get("Content-Type", "")).strip()


async def _copied(data: Any) -> bytes:
    """Return the client's bytes as Python's; large ones are copied off the event loop."""
    return bytes(data) if len(data) <= HERE_BYTES else await asyncio.to_thread(bytes, data)


async def _unpacked(data: bytes, uri: str, limit: int) -> bytes:
    """Return what was stored packed, as web servers give it out; as it is if it is not packed after all."""
    with suppress(zlib.error):
        whole = zlib.decompressobj(GZIP)
        unpacked = await asyncio.to_thread(whole.decompress, data, limit + 1)
        if len(unpacked) > limit:
            raise too_large(uri, None, limit)
        return unpacked
    return data
