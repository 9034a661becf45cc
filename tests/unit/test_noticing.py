"""Changes below real folders are noticed: by what the system tells, and by looking where it does not."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest

from listener.sources import mounts, noticing, survey
from listener.sources.folder_events import FolderEvents, Tell
from listener.sources.folder_roots import FolderRoots
from listener.sources.noticing import Noticing

PATIENCE_SECONDS = 20.0


class Ear:
    """Hears what is noticed, below one root."""

    def __init__(self, root: Path, begin: Callable[[Sequence[str], Tell], FolderEvents] = FolderEvents) -> None:
        self._rang = asyncio.Event()
        self.noticing = Noticing(FolderRoots([root]), self._rang.set, begin)

    async def want(self, *sources: str | Path, **options: object) -> None:
        """Notice changes of these, by their own names, and wait until that is so."""
        self.noticing.want({str(source): (str(source), json.dumps(options)) for source in sources})
        await self.hears({str(source) for source in sources})
        await asyncio.sleep(2 * noticing.SETTLED_SECONDS)  # a new folder is looked at twice
        self.noticing.take()

    async def hears(self, names: set[str]) -> None:
        """Wait until all of these have changed."""
        left = set(names)
        with anyio.fail_after(PATIENCE_SECONDS):
            while left := left - self.noticing.take():
                await self._rang.wait()
                self._rang.clear()

    async def becomes(self, how: str, source: str | Path) -> None:
        """Wait until it is noticed so."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while not self.noticing.how().get(str(source), "").startswith(how):
                self._rang.clear()
                await asyncio.wait_for(self._rang.wait(), PATIENCE_SECONDS)

    async def silent(self, seconds: float = 1.0) -> bool:
        await asyncio.sleep(seconds)
        return not self.noticing.take()


@asynccontextmanager
async def listening(
    root: Path, begin: Callable[[Sequence[str], Tell], FolderEvents] = FolderEvents
) -> AsyncIterator[Ear]:
    ear = Ear(root, begin)
    running = asyncio.create_task(ear.noticing.run())
    try:
        yield ear
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.md").write_text("a")
    return folder


async def test_files_that_come_change_and_go_are_noticed_at_any_depth(docs: Path) -> None:
    async with listening(docs) as ear:
        await ear.want(docs)
        assert ear.noticing.how() == {str(docs): "events"}
        for change in (
            lambda: (docs / "deep/er/b.md").write_text("b"),
            lambda: (docs / "a.md").write_text("aa"),
            lambda: (docs / "a.md").rename(docs / "c.md"),
            (docs / "deep/er/b.md").unlink,
        ):
            change()
            await ear.hears({str(docs)})
            await asyncio.sleep(0.5)
            ear.noticing.take()


async def test_what_comes_in_new_folders_is_noticed_there_too(docs: Path) -> None:
    async with listening(docs) as ear:
        await ear.want(docs)
        (docs / "new" / "newer").mkdir(parents=True)
        (docs / "new" / "newer" / "b.md").write_text("b")
        await ear.hears({str(docs)})
        await asyncio.sleep(4 * noticing.SETTLED_SECONDS)
        ear.noticing.take()
        (docs / "new" / "newer" / "c.md").write_text("c")
        await ear.hears({str(docs)})
        assert ear.noticing.how() == {str(docs): "events"}


async def test_a_glob_a_file_and_options_hear_only_of_what_concerns_them(docs: Path) -> None:
    glob, file = f"{docs}/**/*.md", docs / "a.md"
    async with listening(docs) as ear:
        await ear.want(docs, glob, file, exclude="*.tmp")
        (docs / "b.tmp").write_text("b")
        (docs / ".hidden").write_text("b")
        assert await ear.silent()
        (docs / "deep" / "b.txt").write_text("b")
        await ear.hears({str(docs)})
        assert await ear.silent()
        (docs / "b.md").write_text("b")
        await ear.hears({str(docs), glob})
        assert await ear.silent()
        (docs / "a.new").write_text("aa")
        (docs / "a.new").rename(file)  # as editors save
        await ear.hears({str(docs), glob, str(file)})


async def test_links_are_followed_within_the_roots_and_no_further(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    docs, shared = root / "docs", root / "shared"
    for folder in (docs, shared, outside):
        folder.mkdir(parents=True)
    (docs / "in").symlink_to(shared)
    (docs / "out").symlink_to(outside)
    (docs / "loop").symlink_to(docs)
    async with listening(root) as ear:
        await ear.want(docs)
        (outside / "a.md").write_text("a")
        assert await ear.silent()
        (shared / "a.md").write_text("a")
        await ear.hears({str(docs)})


async def test_a_folder_that_vanishes_is_missing_and_is_noticed_when_it_is_back(docs: Path) -> None:
    async with listening(docs.parent) as ear:
        await ear.want(docs)
        away = docs.with_name("away")
        docs.rename(away)  # noqa: ASYNC240
        (away / "b.md").write_text("b")
        await ear.becomes("missing: not_found", docs)
        ear.noticing.take()
        away.rename(docs)
        await ear.hears({str(docs)})
        await ear.becomes("events", docs)
        await asyncio.sleep(2 * noticing.SETTLED_SECONDS)
        ear.noticing.take()
        (docs / "c.md").write_text("c")
        await ear.hears({str(docs)})


async def test_without_watchers_it_is_looked_for_and_with_some_again_it_is_told(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(noticing, "AGAIN_SECONDS", 1.0)
    free = False

    def begin(folders: Sequence[str], tell: Tell) -> FolderEvents:
        if not free:
            raise OSError(errno.ENOSPC, "OS file watch limit reached")
        return FolderEvents(folders, tell)

    async with listening(docs, begin) as ear:
        await ear.want(docs)
        assert "no watchers left" in ear.noticing.how()[str(docs)]
        (docs / "b.md").write_text("b")
        await ear.hears({str(docs)})
        free = True
        await ear.becomes("events", docs)


async def test_the_system_s_limit_of_watchers_is_an_error_that_is_known(docs: Path) -> None:
    """Each inotify instance is a descriptor: with none left there is no watcher."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(next_free := os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, hard))
    try:
        with pytest.raises(OSError) as refused:  # noqa: PT011
            FolderEvents([str(docs)], lambda _: None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not isinstance(refused.value, FileNotFoundError)


async def test_events_that_get_lost_are_missed_by_a_look_and_then_relied_on_no_more(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr(noticing, "LATE_SECONDS", 0.2)
    monkeypatch.setattr(noticing, "POLL_SECONDS", 0.1)

    def begin(folders: Sequence[str], tell: Tell) -> FolderEvents:
        return FolderEvents(folders, lambda _: None)

    async with listening(docs, begin) as ear:
        await ear.want(docs)
        (docs / "b.md").write_text("b")
        await ear.hears({str(docs)})
        await ear.becomes("polling: the system does not report", docs)
        (docs / "c.md").write_text("c")
        await ear.hears({str(docs)})


async def test_file_systems_of_other_hosts_are_looked_at(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticing, "POLL_SECONDS", 0.1)
    table = docs.parent / "mountinfo"
    folder = str(docs).replace("d", r"\144", 1)
    table.write_text(
        "22 1 0:1 / / rw shared:1 - ext4 /dev/vda rw\n"
        f"23 22 0:2 / {folder} rw,relatime shared:2 master:1 - nfs4 host:/export rw\n"
        f"24 22 0:3 / {docs}/deep rw - fuse.sshfs host: rw\n"
        "nonsense\n"
    )
    monkeypatch.setattr(mounts, "MOUNTINFO", table)
    assert [mounts.deaf(str(place)) for place in (docs.parent, docs, docs / "deep/er")] == [None, "nfs4", "fuse.sshfs"]
    async with listening(docs) as ear:
        await ear.want(docs)
        assert ear.noticing.how()[str(docs)].startswith("polling: the folder is on nfs4")
        (docs / "b.md").write_text("b")
        await ear.hears({str(docs)})


async def test_folders_beyond_the_limit_are_looked_at_and_very_large_ones_rarely(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "MOST_FOLDERS", 3)
    monkeypatch.setattr(noticing, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(survey, "MOST_ENTRIES", 20)
    large, other = docs.parent / "large", docs.parent / "other"
    for folder in (large, other):
        folder.mkdir()
    for n in range(30):
        (large / f"{n}.md").write_text("x")
    async with listening(docs.parent) as ear:
        await ear.want(docs, large, other)
        how = ear.noticing.how()
        assert how[str(docs)] == "events"
        assert how[str(large)].startswith("only each hour")
        assert how[str(other)].startswith("polling: more than 3 folders")
        (other / "b.md").write_text("b")
        await ear.hears({str(other)})


async def test_hundreds_of_sources_share_one_watcher(tmp_path: Path) -> None:
    begun = []

    def begin(folders: Sequence[str], tell: Tell) -> FolderEvents:
        begun.append(len(folders))
        return FolderEvents(folders, tell)

    folders = [tmp_path / str(n) for n in range(300)]
    for folder in folders:
        folder.mkdir()
    async with listening(tmp_path, begin) as ear:
        await ear.want(*folders)
        assert begun == [300]
        (folders[7] / "a.md").write_text("a")
        await ear.hears({str(folders[7])})
        ear.noticing.want({})
        (folders[8] / "a.md").write_text("a")
        assert await ear.silent()
        assert ear.noticing.how() == {}


async def test_names_that_are_no_utf_8_are_no_trouble(docs: Path) -> None:
    strange = os.fsencode(docs) + b"/\xff\xfe"
    os.mkdir(strange)  # noqa: PTH102
    async with listening(docs) as ear:
        await ear.want(docs)
        with open(os.path.join(os.fsencode(docs), b"\xfd.md"), "w") as file:  # noqa: ASYNC230, PTH118, PTH123
            file.write("x")
        await ear.hears({str(docs)})


async def test_wrong_options_are_said_and_harm_no_other(docs: Path) -> None:
    async with listening(docs) as ear:
        ear.noticing.want(
            {"wrong": (str(docs), '{"include": 1}'), "outside": ("/etc", "{}"), "right": (str(docs), "{}")}
        )
        await ear.hears({"right"})
        how = ear.noticing.how()
        assert how["right"] == "events"
        assert how["outside"].startswith("missing: outside_roots")
