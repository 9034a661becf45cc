"""``percent`` through whatever happens to a request: it never falls within an attempt, and ends at 100."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import asyncpg
import pytest
from how_many import how_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staging import SPACE, add, add_listener, connect, digest, ingest

T = TypeVar("T")

ERROR = {"code": "broken", "message": "it is broken", "hint": "", "step": "load", "retryable": True}
UNDER_WAY = "('discovered', 'loaded', 'chunked', 'embedded')"
PICK = st.integers(0, 1000)
KINDS_OF_ACTIONS = [
    "load", "load", "cut", "cut", "note", "note", "embed", "embed", "publish", "unchanged", "taken over", "dies alone",
    "delete", "cancel and resume", "end and retry", "another pipeline", "publish all",
]  # fmt: skip
ACTIONS = st.lists(st.tuples(st.sampled_from(KINDS_OF_ACTIONS), PICK, PICK, PICK), min_size=12, max_size=30)
KINDS = st.lists(st.sampled_from(["new", "new", "new", "live", "twice", "refused"]), min_size=1, max_size=9)


class Story:
    """One request in the hands of listeners that die; ``seen`` is the last percent of its attempt."""

    def __init__(self, c: asyncpg.Connection, did: Counter[str]) -> None:
        self.c, self.did = c, did
        self.executor, self.pipeline = "L1", "0"
        self.owners: dict[int, uuid.UUID] = {}
        self.seen = -1.0
        self.is_new_attempt = False

    async def begin(self, kinds: list[str], size: int) -> None:
        """Have a manifest of documents that are new, live already, named twice, or refused."""
        await add_listener(self.c)
        await ingest(self.c, {f"live{n}": f"text {n}" for n, kind in enumerate(kinds) if kind == "live"} or {"x": "x"})
        self.request = await add(self.c)
        await self._claim()
        await self._look()
        found = [
            (n, None if kind == "refused" else n // size, "twice" if kind == "twice" else f"{kind}{n}", *[None] * 3,
             ERROR if kind == "refused" else None, *[None] * 6)
            for n, kind in enumerate(kinds)
        ]  # fmt: skip
        for page in (found[: len(found) // 2], found[len(found) // 2 :]):
            await self.c.execute("select ingest_add_found($1, 'L1', 1, $2::ingest_found_v1[])", self.request, page)
            await self._look()
        await self.c.execute("select ingest_complete_manifest($1, 'L1', 1)", self.request)
        await self._look()

    async def _claim(self) -> None:
        await self.c.execute("select ingest_claim($1, 9, '{/}', $2)", self.executor, SPACE)
        begin = "select ingest_begin_request($1, $2, null)"
        await self.c.execute(begin, self.request, self.executor)

    async def act(self, action: str, batch: int, pick: int, more: int) -> None:
        if (number := await self._batch(batch)) is None:
            return
        if action in ("load", "unchanged", "cut", "note", "embed", "publish"):
            await getattr(self, f"_{action}")(number, pick, more)
        else:
            await getattr(self, "_" + action.replace(" ", "_"))(number, pick)
        self.did[action] += 1
        await self._look()

    async def _batch(self, pick: int) -> int | None:
        query = "select batch from ingest_batches where request_id = $1 order by batch"
        numbers = [row[0] for row in await self.c.fetch(query, self.request)]
        return numbers[pick % len(numbers)] if numbers else None

    async def _fence(self, batch: int) -> tuple[list[uuid.UUID], int, uuid.UUID]:
        if batch not in self.owners:
            self.owners[batch] = uuid.uuid4()
            own = "select ingest_own_batch($1, $2, $3, $4)"
            assert await self.c.fetchval(own, self.request, batch, self.executor, self.owners[batch])
        return [self.request], batch, self.owners[batch]

    async def _some(self, batch: int, state: str, pick: int) -> list[asyncpg.Record]:
        """Return some documents of a batch in a state: all, all but one, or one."""
        query = "select id, uri from ingest_revisions where request_id = $1 and batch = $2 and state = $3 order by id"
        rows = await self.c.fetch(query, self.request, batch, state)
        few = [rows, rows[1:], rows[:1]][pick % 3]
        return list(few or rows)

    # steps

    async def _load(self, batch: int, pick: int, more: int) -> None:
        """Load documents, one of them with others inside, or not at all."""
        rows: list[tuple[Any, ...]] = []
        for n, one in enumerate(await self._some(batch, "discovered", pick)):
            text = None if (more + n) % 7 == 0 else f"text of {one['uri']}"
            rows.append(_loaded(one["id"], text))
            for part in range(more % 4 if text and n == 0 else 0):
                inner = None if (pick + part) % 3 == 0 else f"part {part}"
                rows.append(_loaded(one["id"], inner, f"{one['uri']}#{uuid.uuid4()}"))
        query = "select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])"
        await self.c.execute(query, await self._fence(batch), rows)

    async def _unchanged(self, batch: int, pick: int, more: int) -> None:
        fence = await self._fence(batch)
        rows = await self.c.fetch("select id, read_seq, live_hash from ingest_to_load($1::ingest_fence_v1)", fence)
        same = [(*row, None, None) for row in rows if row["live_hash"]][pick % 2 :]
        await self.c.execute(
            "select ingest_skip_unchanged($1::ingest_fence_v1, $2::ingest_unchanged_v2[])", fence, same
        )

    async def _cut(self, batch: int, pick: int, more: int) -> None:
        """Cut documents into few or many chunks; one may fail."""
        cuts = []
        for n, one in enumerate(await self._some(batch, "loaded", pick)):
            chunks = [1, 3, 40][(more + n) % 3]
            failed = (more + n) % 11 == 0
            places = [] if failed else list(range(chunks))
            cuts.append(
                (one["id"], places, [n + 1 for n in places], None, {**ERROR, "step": "chunk"} if failed else None)
            )
        query = "select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])"
        await self.c.execute(query, await self._fence(batch), cuts)

    async def _note(self, batch: int, pick: int, more: int) -> None:
        """Store a chunk or none, and count some, also more than there are."""
        fence = await self._fence(batch)
        for one in (await self._some(batch, "chunked", pick))[: more % 2]:
            await self.c.execute(
                "select ingest_save_chunks($1::ingest_fence_v1,"
                " array[($2, 0, 0, 1, 't', $3, '{}', '[1,0,0]'::vector)::ingest_chunk_v1])",
                fence, one["id"], digest("t"),
            )  # fmt: skip
        count = [(self.request, more % 50, 1, 1)]
        await self.c.execute("select ingest_note_embedded($1::ingest_fence_v1, $2::ingest_count_v1[])", fence, count)

    async def _embed(self, batch: int, pick: int, more: int) -> None:
        outcomes = [
            (one["id"], {**ERROR, "step": "embed"} if (more + n) % 9 == 0 else None, None)
            for n, one in enumerate(await self._some(batch, "chunked", pick))
        ]
        query = "select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v2[])"
        await self.c.execute(query, await self._fence(batch), outcomes)

    async def _publish(self, batch: int, pick: int, more: int) -> None:
        await self.c.execute("select ingest_publish($1, $2, $3)", *await self._fence(batch))

    async def _publish_all(self, batch: int, pick: int) -> None:
        await self.c.execute("select ingest_publish($1, null, null)", [self.request])

    # what comes in between

    async def _taken_over(self, batch: int, pick: int) -> None:
        self.owners.pop(batch, None)
        await self._fence(batch)

    async def _dies_alone(self, batch: int, pick: int) -> None:
        """A listener dies over a document that it tried alone; another one goes on."""
        fence = await self._fence(batch)
        for one in (await self._some(batch, "loaded", pick))[:1]:
            await self.c.execute("select ingest_try_alone($1::ingest_fence_v1, $2, 'chunk')", fence, one["id"])
        dead, self.executor = self.executor, f"L{int(self.executor[1:]) + 1}"
        await add_listener(self.c, self.executor)
        await self.c.execute("update ingest_listeners set pipeline = $1", self.pipeline)
        await self.c.execute("update ingest_listeners set dead_at = now() where executor_id = $1", dead)
        await self.c.execute("select ingest_begin_request($1, $2, null)", self.request, self.executor)
        self.owners.clear()
        await self._fence(batch)

    async def _delete(self, batch: int, pick: int) -> None:
        """An application deletes a document, which may be live or on its way."""
        uris = await self.c.fetch("select uri from ingest_revisions where request_id = $1 order by id", self.request)
        if not uris:
            return
        uri = uris[pick % len(uris)]["uri"]
        await self.c.execute(
            "insert into ingest_documents (collection, uri) values ('default', $1) on conflict do nothing", uri
        )
        await self.c.execute("delete from ingest_documents where uri = $1", uri)

    async def _cancel_and_resume(self, batch: int, pick: int) -> None:
        await self.c.execute("select ingest_cancel($1)", self.request)
        assert await self._percent() == self.seen, "a cancel moved it"
        await self._begin_again("resume")

    async def _end_and_retry(self, batch: int, pick: int) -> None:
        if await self._open() or not await self._failed():
            return
        await self.c.execute("select ingest_settle($1, null, null)", self.request)
        assert await self._percent() == 100, "all is through"
        await self._begin_again("retry")

    async def _begin_again(self, verb: str) -> None:
        await self.c.execute(f"select ingest_{verb}($1)", self.request)
        self.owners.clear()
        self.is_new_attempt = True
        await self._look()
        await self._claim()

    async def _another_pipeline(self, batch: int, pick: int) -> None:
        """The one thing that may have it begin anew within an attempt."""
        self.pipeline = f"p{pick}"
        await self.c.execute("select ingest_change_pipeline($1, $2)", self.request, self.pipeline)
        await self.c.execute("update ingest_listeners set pipeline = $1", self.pipeline)
        self.owners.clear()
        self.is_new_attempt = True

    async def finish(self) -> None:
        """Carry all that is left to its end."""
        numbers = await self.c.fetch("select batch from ingest_batches where request_id = $1 order by 1", self.request)
        for (batch,) in numbers:
            for step in ("load", "cut", "embed", "publish"):
                await getattr(self, f"_{step}")(batch, 0, 1)
                await self._look()
        assert not await self._open()
        assert await self._percent() == 100
        await self.c.execute("select ingest_settle($1, null, null)", self.request)
        assert await self._percent() == 100

    # what must hold

    async def _look(self) -> None:
        percent = await self._percent()
        discovered = await self.c.fetchval(
            "select discovered_at is not null from ingest_requests where id = $1", self.request
        )
        if not discovered:
            assert percent is None
            return
        assert percent is not None
        assert 0 <= percent <= 100
        assert (percent == 100) <= (await self._open() == 0), "100 before all is through"
        assert self.is_new_attempt or percent >= self.seen, f"it fell from {self.seen} to {percent}"
        self.seen, self.is_new_attempt = percent, False
        counts = await self.c.fetchrow("select * from ingest_status where id = $1", self.request)
        assert counts
        assert (
            counts["documents_done"] + counts["documents_skipped"] + counts["documents_failed"]
            <= counts["documents_total"]
        )

    async def _percent(self) -> float | None:
        percent = await self.c.fetchval("select percent from ingest_status where id = $1", self.request)
        return None if percent is None else float(percent)

    async def _open(self) -> int:
        query = f"select count(*) from ingest_revisions where request_id = $1 and state in {UNDER_WAY}"
        return int(await self.c.fetchval(query, self.request))

    async def _failed(self) -> int:
        query = "select count(*) from ingest_revisions where request_id = $1 and state = 'failed'"
        return int(await self.c.fetchval(query, self.request))


def _loaded(revision: int, text: str | None, part: str | None = None) -> tuple[Any, ...]:
    error = ERROR if text is None else None
    return (revision, 10**6, digest(str(text)), 5, text, None, None, None, None, error, part, *[None] * 4)


class Sessions:
    """A loop and a session of the test's own: Hypothesis runs examples in plain functions."""

    def __init__(self, dsn: str) -> None:
        self._loop = asyncio.new_event_loop()
        self.c = self.run(connect(dsn))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self.c.close())
        self._loop.close()


@pytest.fixture
def sessions(installed: str) -> Iterator[Sessions]:
    opened = Sessions(installed)
    yield opened
    opened.close()


@pytest.mark.examples
def test_percent_never_falls_within_an_attempt_and_ends_at_100(sessions: Sessions) -> None:
    did: Counter[str] = Counter()

    @settings(max_examples=how_many(50), deadline=None, derandomize=False, suppress_health_check=list(HealthCheck))
    @given(KINDS, st.integers(1, 4), ACTIONS)
    def run(kinds: list[str], size: int, actions: list[tuple[str, int, int, int]]) -> None:
        sessions.run(_run(sessions.c, did, kinds, size, actions))

    for _ in range(5):  # few examples may lack a kind of action
        run()
        if did.keys() == set(KINDS_OF_ACTIONS):
            break
    print(did)
    assert did.keys() == set(KINDS_OF_ACTIONS)


async def _run(c: asyncpg.Connection, did: Counter[str], kinds: list[str], size: int, actions: list[Any]) -> None:
    undone = c.transaction()
    await undone.start()
    try:
        story = Story(c, did)
        await story.begin(kinds, size)
        for action in actions:
            await story.act(*action)
        await story.finish()
    finally:
        await undone.rollback()
