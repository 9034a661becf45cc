"""Notice changes behind local sources, as they happen if the system reports them, otherwise by polling.

::

    wanted ─► survey each (a thread) ─► events of all their folders ─► whose path is it? ─► changed
                  ▲        │ file system of another host, no watcher left, too many folders, events that get lost
                  │        ▼
                  └──── looked at every few seconds instead: polling

Changes while a new set of folders is not watched yet are not lost: ``changed`` is set when it is, and its
receiver looks at everything.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import anyio

from listener.concurrency import set_within
from listener.errors import RequestError
from listener.sources.folder_events import FolderEvents, Tell
from listener.sources.folder_roots import FolderRoots
from listener.sources.options import RequestOptions
from listener.sources.paths import NOT_UTF8
from listener.sources.survey import Survey, Surveyed
from listener.sources.watched_source import WatchedSource

log = logging.getLogger(__name__)

MOST_FOLDERS = 10_000  # of all sources together
POLL_SECONDS = 2.0
CHECK_SECONDS = 60.0  # although the system tells of changes
LATE_SECONDS = 2.0  # an event of what was seen already may still be on its way
AGAIN_SECONDS = 300.0  # until a watcher is asked for once more
SETTLED_SECONDS = 0.3
LONGEST_SECONDS = 30.0  # of one look
RARELY_SECONDS = 3600.0
LONGEST_PATH = 1000  # characters; the system takes 4096 bytes
TOO_LARGE = "only each hour: it has too many files to be looked at more often; use every"

T = TypeVar("T")
Begin = Callable[[Sequence[str], Tell], FolderEvents]


class Noticing:
    """Notices changes of what is ``want``-ed, while it ``run``-s; calls ``wake`` when there is something to take."""

    def __init__(self, roots: FolderRoots, wake: Callable[[], None], begin: Begin = FolderEvents) -> None:
        self._roots = roots
        self._wake = wake
        self._begin = begin
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="ingest noticing")
        self._watched: dict[str, WatchedSource] = {}
        self._events: FolderEvents | None = None
        self._folders: frozenset[str] = frozenset()
        self._by_folder: Mapping[str, Sequence[WatchedSource]] = {}
        self._no_events = ""
        self._events_again = 0.0
        self._listen_again = 0.0
        self._deferred = False
        self._changed: set[str] = set()
        self._said: Mapping[str, str] = {}
        self._look = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def want(self, sources: Mapping[str, tuple[str, str]]) -> None:
        """Notice changes of these, by name: a source and its options (JSON); what is new counts as changed."""
        for name in [*self._watched]:
            if name not in sources:
                del self._watched[name]
        for name, (source, options) in sources.items():
            try:
                wanted = WatchedSource(name, source, RequestOptions.read(options))
            except RequestError as error:
                wanted = WatchedSource(name, source, RequestOptions(), how=f"missing: {error.code}: {error.message}")
            known = self._watched.get(name)
            if known is None or (known.source, known.options) != (wanted.source, wanted.options):
                self._watched[name] = wanted
        self._look.set()

    def take(self) -> set[str]:
        """Return the names of what has changed, once."""
        changed, self._changed = self._changed, set()
        return changed

    def how(self) -> dict[str, str]:
        """Return how changes are noticed, by name: ``events``, ``polling: why``, ``missing: what``, or only rarely."""
        return {name: one.how for name, one in self._watched.items() if one.how}

    async def run(self) -> None:
        """Notice changes until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                self._look.clear()
                await self._round()
                await set_within(self._look, self._pause())
        finally:
            self._threads.shutdown(wait=False)  # one that hangs in a file system keeps nobody waiting
            if self._events:
                self._events.close()

    def _pause(self) -> float:
        """Return the seconds until the next look."""
        now = time.monotonic()
        times = [one.next_look for one in self._watched.values()] + [self._listen_again] * self._deferred
        return max(0.05, min(times, default=now + RARELY_SECONDS) - now)

    async def _round(self) -> None:
        now = time.monotonic()
        due = [one for one in self._watched.values() if one.next_look <= now]
        changed = {one.name for one in due if await self._surveyed(one)}
        await self._listen()
        self._changed |= changed
        said, self._said = self._said, self.how()
        if changed or said != self._said:
            self._wake()

    async def _surveyed(self, one: WatchedSource) -> bool:
        """Look at a source; return whether it differs from the last look, and exists."""
        heard, began, before = one.heard, time.monotonic(), one.seen
        one.seen = seen = await self._look_at(one)
        one.looked_at = time.monotonic()
        one.took = one.looked_at - began
        moved = before is None or before.folders.keys() != seen.folders.keys()
        differs = moved or (before is not None and before.digest != seen.digest)
        if differs and before is not None and one.how == "events" and heard == one.heard_before:
            asyncio.get_running_loop().call_later(LATE_SECONDS, self._judge, one, heard)
        one.heard_before = heard
        one.how = self._how(one, seen)
        one.next_look = one.looked_at + self._rest(one)
        return differs and seen.missing is None

    async def _look_at(self, one: WatchedSource) -> Surveyed:
        try:
            one.survey = survey = Survey(self._roots, one.source, one.options)
            with anyio.move_on_after(LONGEST_SECONDS):
                return await self._in_thread(survey.look)
        except RequestError as error:
            return Surveyed({}, b"", missing=f"{error.code}: {error.message}")
        except OSError as error:
            return Surveyed({}, b"", missing=f"unreadable: {error.strerror or error}")
        survey.stop()
        return Surveyed({}, b"", missing=f"it did not answer within {LONGEST_SECONDS:g} s")

    def _judge(self, one: WatchedSource, heard: int) -> None:
        """If the system has still not reported a change that was seen, stop relying on it."""
        if one.heard == heard:
            one.lost = True
            one.look_within(0)
            self._look.set()

    def _how(self, one: WatchedSource, seen: Surveyed) -> str:
        if seen.missing:
            return f"missing: {seen.missing}"
        if seen.too_large:
            return TOO_LARGE
        if seen.deaf:
            return f"polling: the folder is on {seen.deaf}, which does not report changes of other hosts"
        if one.lost:
            return "polling: the system does not report all changes here"
        return f"polling: {self._no_events}" if self._no_events else "events"

    def _rest(self, one: WatchedSource) -> float:
        if one.how == TOO_LARGE:
            return RARELY_SECONDS
        return max(CHECK_SECONDS, 100 * one.took) if one.how == "events" else max(POLL_SECONDS, 10 * one.took)

    async def _listen(self) -> None:
        """Have the system tell of changes in all folders that were seen."""
        began = time.monotonic()
        if self._no_events and began >= self._events_again:
            self._no_events = ""
        places = self._places()
        self._by_folder = places
        self._deferred = frozenset(places) != self._folders and self._events is not None and began < self._listen_again
        if self._deferred or frozenset(places) == self._folders:
            return
        new = {one.name: one for folder in places.keys() - self._folders for one in places[folder]}
        former, self._events, self._folders = self._events, None, frozenset()
        try:
            self._events = await self._begun(sorted(places), former)
            self._folders = frozenset(places)
        except FileNotFoundError:  # a folder that went just now
            self._look_at_all_within(POLL_SECONDS)
        except OSError as error:
            self._do_without(error)
        finally:
            if former:
                former.close()
        for one in self._watched.values():
            one.heard += 1  # what was not reported meanwhile is no reason for mistrust
        for one in new.values():  # below a folder that has just come, others may have come before it was watched
            one.look_within(SETTLED_SECONDS)
        # Where folders come and go all the time, a tenth of it is spent so.
        self._listen_again = time.monotonic() + 10 * (time.monotonic() - began)

    async def _begun(self, folders: Sequence[str], former: FolderEvents | None) -> FolderEvents | None:
        """Start watching folders while the former watcher still runs; if that is too much, after it."""
        if not folders:
            return None
        try:
            return await self._in_thread(self._begin, folders, self._told)
        except FileNotFoundError:
            raise
        except OSError:
            if not former:
                raise
        former.close()
        self._changed |= {one.name for one in self._watched.values() if one.how == "events"}
        return await self._in_thread(self._begin, folders, self._told)

    def _places(self) -> dict[str, list[WatchedSource]]:
        """Return the folders of sources noticed by events, up to the limit."""
        places: dict[str, list[WatchedSource]] = {}
        for one in self._watched.values():
            if one.how != "events" or one.seen is None:
                continue
            if len(places) + len(one.seen.folders) > MOST_FOLDERS:
                one.how = f"polling: more than {MOST_FOLDERS} folders are watched"
                one.look_within(self._rest(one))
                continue
            for folder in one.seen.folders:
                if not NOT_UTF8.search(folder) and len(folder) < LONGEST_PATH:
                    places.setdefault(folder, []).append(one)
        return places

    def _do_without(self, error: OSError) -> None:
        """Go on without events for a while."""
        self._no_events = f"the system has no watchers left ({error.strerror or error})"
        self._events_again = time.monotonic() + AGAIN_SECONDS
        log.warning("changes of folders are found by polling: %s", self._no_events)
        for one in self._watched.values():
            if one.how == "events":
                one.how = f"polling: {self._no_events}"
        self._look_at_all_within(POLL_SECONDS)

    def _look_at_all_within(self, seconds: float) -> None:
        for one in self._watched.values():
            one.look_within(seconds)

    def _told(self, paths: Sequence[str] | None) -> None:
        """Take what the system tells, in its thread."""
        if paths is None:
            self._say(self._broken)
        heard: dict[str, bool] = {}
        by_folder = self._by_folder
        for path in paths or ():
            folder, name = os.path.split(path)
            for one in by_folder.get(path, ()):
                heard[one.name] = True
            for one in by_folder.get(folder, ()):
                if (kind := one.concerns(folder, name)) is not None:
                    heard[one.name] = heard.get(one.name, False) or kind
        if heard:
            self._say(self._heard, heard)

    def _say(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop:
            with suppress(RuntimeError):  # it has ended just now
                self._loop.call_soon_threadsafe(function, *arguments)

    def _broken(self) -> None:
        """Start over soon: what breaks a watcher may recur."""
        self._folders = frozenset()
        self._look_at_all_within(POLL_SECONDS)
        self._look.set()

    def _heard(self, heard: Mapping[str, bool]) -> None:
        """Note what has changed; where folders have (True), it is looked at before that is said."""
        for name, folders in heard.items():
            if one := self._watched.get(name):
                one.heard += 1
                rests = max(0.0, one.looked_at + 4 * one.took - time.monotonic()) if folders else 0.0
                if folders:
                    one.look_within(rests)
                if not folders or rests > SETTLED_SECONDS:
                    self._changed.add(name)
        self._look.set()
        if self._changed:
            self._wake()

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
