"""The migration of a database at work: listeners of the former release go on, new ones join them, the former leave.

One story, told once for all tests of this file: an application inserts and searches all the time.

::

    former listeners ─► migrate ─► former alone ─► new beside former ─► former end (one is killed) ─► new alone
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from embedding_service import EmbeddingService, Received
from former_listener import Release, ReleasedListener, present, with_service
from pipeline import chunks, cloned, ended, until
from staging import Connection, add, collection, session
from traffic import DIMENSIONS, Folders, Inserts, Search, anchored, failures, flowing, searches

from listener import embedded

pytestmark = pytest.mark.timeout(600)  # the story is told in the first test's time

VICTIM = "former-0"
MOST_SECONDS = 10.0  # that a statement of the application may be held up
MOST_UNCLAIMED_SECONDS = 30.0  # that a request may wait for a place: steps are held up too
CALLS_IN_FLIGHT, CALL_TEXTS = 8, 8  # of one listener
CALM = {"stream": "calm stream", "limited": "calm limited", "folders": "calm folders"}


CLAIMED_AFTER = """
select coalesce(max(seconds) filter (where created_at between $1 and $2), 0) as meanwhile,
       coalesce(max(seconds) filter (where created_at < $1), 0) as before
from (select created_at, extract(epoch from started_at - created_at)::float8 as seconds
      from ingest_requests where collection = 'stream' and started_at is not null) r
"""


@dataclass(frozen=True)
class Scale:
    """How many listeners of each release, requests in each period, files in a folder; seconds between inserts."""

    former: int
    new: int
    requests: int
    files: int
    pause: float
    kills: bool


SHORT = Scale(former=1, new=1, requests=12, files=12, pause=0.15, kills=False)
LONG = Scale(former=3, new=2, requests=100, files=60, pause=0.02, kills=True)


@dataclass
class Upgrade:
    """What was seen, and what it left."""

    scale: Scale
    rows: list[asyncpg.Record] = field(default_factory=list)
    inserts: Inserts = field(init=False)
    folders: Folders = field(init=False)
    searches: list[Search] = field(default_factory=list)
    former: list[ReleasedListener] = field(default_factory=list)
    new: list[ReleasedListener] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    died: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    began: float = 0.0
    migrated: float = 0.0
    worked_meanwhile: int = 0
    claimed_after: dict[str, float] = field(default_factory=dict)
    sent: list[Received] = field(default_factory=list)
    sent_again: int = 0
    again: list[asyncpg.Record] = field(default_factory=list)
    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calm: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    workflows: set[str] = field(default_factory=set)


SCALES = [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)]


@pytest.fixture(scope="module", params=SCALES)
def upgrade(
    request: pytest.FixtureRequest, server: embedded.Server, former: Release, former_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Upgrade:  # fmt: skip
    folder = tmp_path_factory.mktemp("upgrade")
    return asyncio.run(_upgraded(request.param, server, former, former_template, folder))


async def _upgraded(scale: Scale, server: embedded.Server, former: Release, template: str, folder: Path) -> Upgrade:
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(cloned(server, template))
        service = await stack.enter_async_context(EmbeddingService(dimensions=DIMENSIONS, latency=0.03))
        c = await stack.enter_async_context(session(dsn))
        story = Story(Upgrade(scale), dsn, folder, service, former)
        stack.callback(story.clear_away)
        await story.tell(c)
        return story.upgrade


@dataclass
class Story:
    """Carries a database through the upgrade."""

    upgrade: Upgrade
    dsn: str
    folder: Path
    service: EmbeddingService
    release: Release
    started: list[ReleasedListener] = field(default_factory=list)

    async def tell(self, c: Connection) -> None:
        upgrade = self.upgrade
        upgrade.former = await self._start(self.release, "former", upgrade.scale.former)
        anchors = await anchored(c)
        await until(lambda: _all_ended(c))
        upgrade.inserts = Inserts(self.dsn, pause=upgrade.scale.pause)
        scale = upgrade.scale
        upgrade.folders = Folders(self.dsn, scale.pause, root=self.folder / "root", files=scale.files)
        upgrade.searches = searches(self.dsn, anchors, scale.pause)
        async with flowing(*upgrade.searches):
            async with flowing(upgrade.inserts, upgrade.folders):
                await self._migrate_and_take_turns(c)
            requests = await c.fetch("select id from ingest_requests order by created_at")
            upgrade.rows = await ended(c, *[row["id"] for row in requests], within=180)
        await self._look(c)
        await self._again(c)
        await self._calmly(c)
        upgrade.statuses += [await one.stop() for one in upgrade.new]

    async def _migrate_and_take_turns(self, c: Connection) -> None:
        upgrade, period = self.upgrade, self.upgrade.scale.requests
        await upgrade.inserts.more(period)
        await self._migrate(c)
        await upgrade.inserts.more(period)
        upgrade.new = await self._start(present(), "new", upgrade.scale.new)
        await upgrade.inserts.more(period)
        await self._end_former(c)
        await upgrade.inserts.more(period)

    async def _migrate(self, c: Connection) -> None:
        upgrade = self.upgrade
        since = await c.fetchval("select clock_timestamp()")
        upgrade.began = time.monotonic()
        migrated = await present().command(self.folder, self.dsn)("migrate")
        upgrade.migrated = time.monotonic()
        assert migrated.status == 0, migrated.err
        until_ = await c.fetchval("select clock_timestamp()")
        upgrade.worked_meanwhile = await c.fetchval(
            "select count(*) from ingest_requests where finished_at between $1 and $2", since, until_
        )
        upgrade.claimed_after = dict((await c.fetch(CLAIMED_AFTER, since, until_))[0])

    async def _end_former(self, c: Connection) -> None:
        upgrade = self.upgrade
        rows = await c.fetch("select version, count(*) from ingest_listeners where dead_at is null group by version")
        upgrade.versions = {row["version"]: row["count"] for row in rows}
        upgrade.died = [one.executor_id for one in upgrade.former if not one.runs]
        rest = list(upgrade.former)
        if upgrade.scale.kills:
            await self.service.until(_victim_is_sending)
            rest.pop(0).kill()
        upgrade.statuses += await asyncio.gather(*(one.stop() for one in rest))

    async def _look(self, c: Connection) -> None:
        """See what it left."""
        upgrade = self.upgrade
        upgrade.sent = list(self.service.requests)
        await until(lambda: _no_workflow_is_left(c), within=60)
        rows = await c.fetch("select distinct status from dbos.workflow_status")
        upgrade.workflows = {row["status"] for row in rows}
        upgrade.found = {name: await _chunks(c, name) for name in CALM}

    async def _again(self, c: Connection) -> None:
        """Ingest everything once more, where it is already."""
        sent = len(self.service.requests)
        self.upgrade.again = await self._ingest(c, {name: name for name in CALM})
        self.upgrade.sent_again = len(self.service.requests) - sent

    async def _calmly(self, c: Connection) -> None:
        """Ingest the same into other collections, undisturbed."""
        for name in CALM.values():
            await collection(c, name, chunk_size=300, chunk_overlap=30)
        rows = await self._ingest(c, CALM)
        assert {row["status"] for row in rows} == {"succeeded"}
        self.upgrade.calm = {name: await _chunks(c, calm) for name, calm in CALM.items()}

    async def _ingest(self, c: Connection, names: Mapping[str, str]) -> list[asyncpg.Record]:
        """Ingest what was ingested so far into collections by other names; wait for the ends."""
        upgrade = self.upgrade
        requests = [
            await add(c, **columns | {"collection": names[columns["collection"]]})
            for columns in upgrade.inserts.made.values()
        ]
        for number in range(len(upgrade.folders.made)):
            source = str(upgrade.folders.root / f"folder {number}")
            columns = {"source": source, "collection": names["folders"], "metadata": {"folder": number}}
            requests.append(await add(c, **columns))
        return await ended(c, *requests, within=180)

    async def _start(self, release: Release, name: str, count: int) -> list[ReleasedListener]:
        started = [
            with_service(
                release, self.dsn, self.folder, self.service, f"{name}-{n}", embedding_call_texts=CALL_TEXTS,
                embedding_calls=CALLS_IN_FLIGHT, batch_documents=4,
            )
            for n in range(count)
        ]  # fmt: skip
        self.started += started
        await asyncio.gather(*(one.ready() for one in started))
        return started

    def clear_away(self) -> None:
        for one in self.started:
            if one.runs:
                one.kill()


async def _all_ended(c: Connection) -> bool:
    return bool(await c.fetchval("select count(*) = 0 from ingest_requests where finished_at is null"))


async def _no_workflow_is_left(c: Connection) -> bool:
    query = "select count(*) = 0 from dbos.workflow_status where status in ('PENDING', 'ENQUEUED')"
    return bool(await c.fetchval(query))


async def _chunks(c: Connection, name: str) -> list[dict[str, Any]]:
    keys = ("uri", "ordinal", "title", "text", "slice", "start_char", "end_char", "metadata", "embedding")
    return [{key: chunk[key] for key in keys} for chunk in await chunks(c, name)]


def _sender(call: Received) -> str:
    return call.headers["authorization"].removeprefix("Bearer ")


def _victim_is_sending(service: EmbeddingService) -> bool:
    """Tell whether the last call that came is of the one that is killed, and no query's."""
    last = service.requests[-1]
    return _sender(last) == VICTIM and _is_text(last.texts[0])


def _is_text(text: str) -> bool:
    """Tell whether it is a document's: queries are a word and a number."""
    return len(text.split()) > 2


def test_every_request_ends_as_it_should(upgrade: Upgrade) -> None:
    wrong = [row for row in upgrade.rows if row["status"] != "succeeded" or row["documents_failed"]]
    assert [(row["uri"] or row["source"], row["status"], row["error"]) for row in wrong] == []
    assert len(upgrade.rows) > 4 * upgrade.scale.requests
    assert upgrade.workflows == {"SUCCESS"}


def test_no_listener_ends_or_reports_an_error(upgrade: Upgrade) -> None:
    scale = upgrade.scale
    assert upgrade.died == []
    assert upgrade.versions == {present().version: scale.new, upgrade.former[0].release.version: scale.former}
    assert upgrade.statuses == [0] * (scale.former + scale.new - scale.kills)
    for one in (*upgrade.former, *upgrade.new):
        assert one.records("ERROR", "CRITICAL") == []


def test_work_went_on_while_it_was_migrated(upgrade: Upgrade) -> None:
    assert upgrade.worked_meanwhile > 0


def test_no_insert_and_no_search_fails_or_sees_a_gap(upgrade: Upgrade) -> None:
    assert failures((upgrade.inserts, upgrade.folders, *upgrade.searches)) == []
    assert all(len(search.took) > upgrade.scale.requests for search in upgrade.searches)


def test_chunks_are_those_of_a_calm_run(upgrade: Upgrade) -> None:
    for name in CALM:
        assert upgrade.found[name] == upgrade.calm[name]
        assert all(chunk["text"] == chunk["slice"] for chunk in upgrade.found[name])
        assert len(upgrade.found[name]) > 0


def test_each_text_is_paid_once_but_for_those_in_flight_at_the_kill(upgrade: Upgrade) -> None:
    senders: dict[str, list[str]] = {}
    for call in upgrade.sent:
        for text in filter(_is_text, call.texts):
            senders.setdefault(text, []).append(_sender(call))
    twice = {text: by for text, by in senders.items() if len(by) > 1}
    assert [by for by in twice.values() if len(by) > 2 or by[0] != VICTIM or not upgrade.scale.kills] == []
    assert len(twice) <= CALLS_IN_FLIGHT * CALL_TEXTS


def test_ingested_again_all_is_unchanged_and_nothing_is_sent(upgrade: Upgrade) -> None:
    assert {row["status"] for row in upgrade.again} == {"succeeded"}
    assert sum(row["documents_done"] for row in upgrade.again) == 0
    assert all(row["documents_skipped"] == row["documents_total"] > 0 for row in upgrade.again)
    assert upgrade.sent_again == 0


def test_the_application_is_held_up_only_shortly(upgrade: Upgrade) -> None:
    first = upgrade.inserts.took[0].at
    held: dict[str, tuple[float, float]] = {
        type(flow).__name__: (flow.longest(first, upgrade.began), flow.longest(upgrade.began, upgrade.migrated))
        for flow in (upgrade.inserts, *upgrade.searches)
    }
    claims = upgrade.claimed_after
    print(f"\nmigrated in {upgrade.migrated - upgrade.began:.2f} s; the slowest, in seconds:")
    for name, (before, meanwhile) in held.items():
        print(f"  {name:20} {before:6.2f} before, {meanwhile:6.2f} meanwhile")
    print(f"  {'claim of a request':20} {claims['before']:6.2f} before, {claims['meanwhile']:6.2f} meanwhile")
    assert all(meanwhile < MOST_SECONDS for _, meanwhile in held.values())
    assert claims["meanwhile"] < MOST_UNCLAIMED_SECONDS
