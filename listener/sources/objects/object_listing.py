"""The objects of a bucket in the order of their keys, a page after the other: one page is in memory at any time.

A list can be begun behind any key. So what fails on the way goes on behind the last page that came, and a page with a
name in it that the native client refuses is read in another way (``signed_listing``).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from listener.errors import IngestError, RequestError
from listener.sources.objects.object_errors import trouble
from listener.sources.objects.object_urls import object_uri, problem_of
from listener.sources.objects.providers import Provider
from listener.sources.objects.signed_listing import ListedObject, SignedListing

if TYPE_CHECKING:
    from listener.sources.objects.providers import ObjectStore

PAGE = 1000
TRIES = 4  # of one page, in addition to the native client's
PAUSE = 0.2  # seconds before the second try, then twice as many
REFUSED_NAME = re.compile(r'Path "(.{1,2000}?)"', re.DOTALL)


class ObjectListing:
    """Lists one bucket; ``signed``: how to read pages that the native client can't, if there is a way."""

    def __init__(self, provider: Provider, bucket: str, store: ObjectStore, signed: SignedListing | None) -> None:
        self._provider = provider
        self._bucket = bucket
        self._store = store
        self._signed = signed

    async def pages(self, prefix: str, after: str | None = None) -> AsyncGenerator[Sequence[ListedObject], None]:
        """Yield the objects below a prefix, which is empty or ends with a slash, after a key.

        Raises RequestError and ServiceError.
        """
        tries, by_hand = 0, False
        while True:
            try:
                if self._signed and (by_hand or not _is_offset(after)):
                    page = await self._signed.page(self._bucket, prefix, after)
                    by_hand = False
                    yield page.objects
                    if not page.more:
                        return
                    after, tries = last_key(page.objects), 0
                else:
                    async for objects in self._native(prefix, after):
                        yield objects
                        after, tries = last_key(objects), 0
                    return
            except IngestError:
                raise
            except Exception as error:  # the client's, and those of httpx2
                if not by_hand and self._signed and _is_name(error):
                    by_hand = True
                    continue
                await self._wait(error, tries := tries + 1)

    async def _native(self, prefix: str, after: str | None) -> AsyncGenerator[Sequence[ListedObject], None]:
        import obstore  # noqa: PLC0415 - the extra

        async for page in obstore.list(self._store, prefix or None, offset=after, chunk_size=PAGE):
            # What marks the folder itself is listed without its slash. Azure begins with the key itself, or anywhere.
            objects = [
                ListedObject(one["path"], one["size"], version_of(one["e_tag"], one["version"]), one["last_modified"])
                for one in page
                if one["path"].startswith(prefix) and (after is None or one["path"] > after)
            ]
            if objects:
                yield objects

    async def _wait(self, error: Exception, tries: int) -> None:
        """Wait until the page may be asked for again, or raise what is wrong."""
        what = f"{self._provider.scheme}://{self._bucket}/"
        if found := REFUSED_NAME.search(str(error)) if _is_name(error) else None:
            raise self._odd_name(found[1])
        problem = trouble(error, what, self._provider.whose, listed=True)
        if not problem.passing or tries >= TRIES:
            raise problem.of_request() from None
        await asyncio.sleep(PAUSE * 2 ** (tries - 1))

    def _odd_name(self, key: str) -> RequestError:
        uri = object_uri(self._provider.scheme, self._bucket, key)
        hint = f"rename it, or name folders beside it: with it no list of {self._provider.title} can be read"
        return RequestError("odd_name", f"{uri} can't be asked for: {problem_of(key) or 'its name is none'}", hint)


def last_key(objects: Sequence[ListedObject]) -> str:
    """Return the key after which a listing continues.

    Services sort by the bytes of UTF-8, which is how Python compares texts. (Of a marked folder, the slash that it is
    sorted by is missing.)
    """
    last: str = max(map(itemgetter(0), objects))
    return last


def version_of(etag: str | None, version: str | None) -> str | None:
    """Return what tells one state of an object from another, alike in lists and answers: some quote it in one only."""
    return (etag.removeprefix("W/").strip('"') if etag else None) or version


def _is_offset(key: str | None) -> bool:
    return key is None or problem_of(key) is None


def _is_name(error: Exception) -> bool:
    """Tell whether a list failed over a name in it, or over a character of one."""
    return type(error).__name__ == "InvalidPathError" or "invalid list response" in str(error)[:300]
