"""Objects below prefixes of ``INGEST_ROOTS``, as a source.

A folder means all objects below it. ``include``, ``exclude`` and globs work as for local folders, as
if slashes in keys made folders.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio

from listener.concurrency import side_by_side
from listener.errors import DocumentError, OperatorError, RequestError, ServiceError, TransientError
from listener.sources.base import Found, LookUp, Outcome, Page, Refused, Source, SourceTools, Wanted
from listener.sources.objects.buckets import Bucket, Buckets
from listener.sources.objects.chosen import Chosen
from listener.sources.objects.object_listing import last_key
from listener.sources.objects.object_urls import ObjectPlace, Wish, named, object_uri, place_of, problem_of, wish_of
from listener.sources.objects.providers import S3, Azure, GoogleCloud, Provider
from listener.sources.objects.root_prefixes import RootPrefix
from listener.sources.objects.signed_listing import ListedObject
from listener.sources.options import RequestOptions
from listener.sources.patterns import choose_below

CALLS = 32  # of one provider, in flight at most


def open_s3(tools: SourceTools) -> Objects | None:
    """Return the objects of ``s3:`` roots; None without one."""
    return _opened(tools, S3)


def open_gs(tools: SourceTools) -> Objects | None:
    """Return the objects of ``gs:`` roots; None without one."""
    return _opened(tools, GoogleCloud)


def open_az(tools: SourceTools) -> Objects | None:
    """Return the objects of ``az:`` roots; None without one."""
    return _opened(tools, Azure)


def _opened(tools: SourceTools, kind: type[Provider]) -> Objects | None:
    roots = tools.settings.url_roots(kind.scheme)
    if not roots:
        return None
    if importlib.util.find_spec("obstore") is None:
        message = f"the root {roots[0]} needs the extra 'objects', which is not installed"
        raise OperatorError("wrong_setting", message, "pip install 'ingest-listener[objects]', or remove it")
    return Objects(tools, kind(os.environ), roots)


class Objects(Source):
    """Objects of one provider; a locator is a URI."""

    def __init__(self, tools: SourceTools, provider: Provider, roots: Sequence[str]) -> None:
        self._tools = tools
        self._provider = provider
        self._below = [RootPrefix.of(root, provider.scheme) for root in roots]
        # As they were written, and as URIs are: a claim compares texts.
        self.roots = tuple(dict.fromkeys([*roots, *(one.uri for one in self._below)]))
        self._buckets = Buckets(tools, provider)
        self._calls = anyio.CapacityLimiter(CALLS)

    async def check(self, source: str, options: RequestOptions) -> None:
        wish = self._wish(source)
        choose_below(wish.glob, options)

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        wish = self._wish(source)
        chosen = Chosen(choose_below(wish.glob, options))
        bucket = await self._buckets.of(wish.bucket)
        if not wish.is_folder:
            if after == wish.key:
                return
            if one := await self._single(bucket, wish):
                yield Page([one], cursor=wish.key)
                return
        prefix = wish.key if wish.is_folder else f"{wish.key}/"
        empty = after is None
        async with aclosing(bucket.listing.pages(prefix, after)) as pages:
            async for objects in pages:
                offer = await self._tools.in_thread(self._offered, wish.bucket, prefix, objects, chosen)
                items = await self._without_markers(bucket, offer)
                if items:
                    empty = False
                    yield Page(items, cursor=last_key(objects))
        if empty:
            raise _nothing(source, wish)

    async def read(self, wanted: Wanted) -> Outcome:
        uri = wanted.found.uri
        place = self._place(wanted.found)
        bucket = await self._bucket(place)
        async with self._calls:
            return await bucket.bodies.read(place.key, uri, wanted.limit, wanted.known)

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        place = self._place(found)
        bucket = await self._bucket(place)
        async with self._calls:
            return await bucket.bodies.pieces(place.key, found.uri, ranges, found.version)

    def service(self, place: str) -> str:
        return f"{super().service(place)} at {self._provider.endpoint}"

    async def look(self, root: str) -> str:
        """List one page below a root; say where, how quickly, and whose credentials served."""
        where = f"{self._provider.endpoint}, credentials {self._provider.whose}"
        prefix = RootPrefix.of(root, self._provider.scheme)
        if not prefix.bucket:
            return f"{root} {where}; all buckets that they may read"
        bucket = await self._buckets.of(prefix.bucket)
        began = time.monotonic()
        async with aclosing(bucket.listing.pages(f"{prefix.key}/" if prefix.key else "")) as pages:
            seen = await anext(pages, None)
        took = (time.monotonic() - began) * 1000
        return f"{root} at {where}; listed in {took:.0f} ms{'' if seen else ', nothing is in it'}"

    async def close(self) -> None:
        await self._buckets.close()

    def _wish(self, source: str) -> Wish:
        """Return what a source means; raises RequestError ``invalid_source`` or ``outside_roots``."""
        wish = wish_of(source)
        if not any(one.holds(wish.bucket, wish.key) for one in self._below):
            message = f"{source} is not below a root of this listener ({', '.join(self.roots)})"
            raise RequestError("outside_roots", message, "add it to INGEST_ROOTS of the listeners that may read it")
        return wish

    def _place(self, found: Found) -> ObjectPlace:
        """Return where a document lies; raises DocumentError where it may not be read."""
        try:
            place = place_of(found.locator or found.uri)
        except RequestError as error:
            raise DocumentError(error.code, error.message, error.hint) from None
        if not any(one.holds(place.bucket, place.key) for one in self._below):
            hint = "add its place to INGEST_ROOTS of the listeners that may read it"
            raise DocumentError("outside_roots", f"{found.uri} is not below a root of this listener", hint)
        if problem := problem_of(place.key):
            raise odd_name(found.uri, problem)
        return place

    async def _bucket(self, place: ObjectPlace) -> Bucket:
        try:
            return await self._buckets.of(place.bucket)
        except RequestError as error:
            raise DocumentError(error.code, error.message, error.hint) from None

    async def _single(self, bucket: Bucket, wish: Wish) -> Found | None:
        """Return the object that a source names; None if there is none. Raises RequestError and ServiceError."""
        uri = object_uri(self._provider.scheme, wish.bucket, wish.key)
        try:
            return await bucket.bodies.head(wish.key, uri)
        except TransientError as error:
            raise ServiceError(error.code, error.message, error.hint) from None
        except DocumentError as error:
            raise RequestError(error.code, error.message, error.hint) from None

    def _offered(
        self, bucket: str, prefix: str, objects: Sequence[ListedObject], chosen: Chosen
    ) -> list[Found | Refused]:
        """Return the objects that are wanted; blocks for some milliseconds."""
        offered: list[Found | Refused] = []
        scheme, start = self._provider.scheme, len(prefix)
        for key, size, version, modified_at in objects:
            path = key[start:]
            if not path or (not size and path.endswith("/")) or not chosen.takes(path):
                continue
            uri, problem = named(scheme, bucket, key)
            if problem:
                offered.append(Refused.of(uri, odd_name(uri, problem)))
            else:
                offered.append(Found(uri, None, None, size, version, modified_at))
        return offered

    async def _without_markers(self, bucket: Bucket, offered: Sequence[Found | Refused]) -> list[Found | Refused]:
        """Leave out what only marks a folder: the native client lists ``docs/``, of 0 bytes, as ``docs``."""
        suspects = [item for item in offered if isinstance(item, Found) and item.bytes == 0]
        if not suspects:
            return list(offered)

        async def looked_at(one: Found) -> Found | Refused | None:
            try:
                async with self._calls:
                    found = await bucket.bodies.head(place_of(one.uri).key, one.uri)
            except DocumentError as error:
                return Refused.of(one.uri, error)
            return None if found and found.bytes else found  # it is listed as well, with the marker

        looked = await side_by_side(looked_at, suspects, CALLS)
        seen = dict(zip(map(id, suspects), looked, strict=True))
        items = [seen.get(id(item), item) for item in offered]
        return [item for item in items if item is not None]


def odd_name(uri: str, problem: str) -> DocumentError:
    """Return the error of an object that can't be asked for by its name."""
    return DocumentError("odd_name", f"{uri} can't be asked for: {problem}", "give it a name without that")


def _nothing(source: str, wish: Wish) -> RequestError:
    if not wish.is_folder:
        hint = "keys are case-sensitive; a folder's URL ends with a slash"
        return RequestError("not_found", f"{source} is neither an object nor a folder with some", hint)
    hint = "check 'include', 'exclude' and the pattern: it matches objects, so a folder needs /** after it"
    return RequestError("empty_source", f"there is no document in {source}", hint)
