"""Requests, listeners that die, commands and purging in any order: what must hold after each of them.

A state machine over the SQL functions, as two listeners call them; the steps' texts and vectors are made up. Its memory
is the database: a rule picks among the rows that there are. Verbs are often given to requests that they fit, and
documents fail often, so that most runs go on with something that was stopped or failed; the test counts that.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from staging import SPACE, add, add_listener, connect, cut, embed, load, publish

pytestmark = pytest.mark.long  # see pyproject.toml

T = TypeVar("T")

FINAL = ("succeeded", "partially_succeeded", "failed", "cancelled")
PICK = st.integers(0, 1000)
URIS = ("a", "b", "c")
URI_LISTS = st.lists(st.sampled_from(URIS), min_size=1, max_size=4)
FAR = st.sampled_from([4, 4, 4, 0, 1, 2, 3])
STEPS = ("load", "chunk", "embed", "save")
FORK_STEPS = st.sampled_from(("discover", *STEPS))
STEP_AFTER = {"discovered": "load", "loaded": "chunk", "chunked": "embed"}
FAILS = st.sampled_from([None, "load", "chunk", "embed"])
FITS = {
    "cancel": ("pending", "running"),
    "resume": ("cancelled",),
    "retry": ("failed", "partially_succeeded"),
    "fork": ("succeeded", "partially_succeeded", "failed", "cancelled"),
}
VERBS = tuple(FITS)
TABLES = ("requests", "batches", "revisions", "documents", "chunk_store", "commands", "listeners", "document_origins")

INVARIANTS = {
    "a chunk that is live belongs to the one live revision of its document": """
        select count(*) from ingest_chunks k
        where not exists (select from ingest_documents d where d.revision_id = k.revision_id and d.uri = k.uri)""",
    "what is live was published, as a whole": """
        select count(*) from ingest_documents d left join ingest_revisions v on v.id = d.revision_id
        where d.revision_id is not null and (v.state is distinct from 'published' or v.document_id <> d.id
          or (select count(*) from ingest_chunks k where k.revision_id = v.id) <> cardinality(v.starts))""",
    "the live revision has the document's number of reading": """
        select count(*) from ingest_documents d join ingest_revisions v on v.id = d.revision_id
        where v.read_seq <> d.live_seq""",
    "counts of an ended request agree with its rows": """
        select count(*) from ingest_requests r
        where r.status in ('succeeded', 'partially_succeeded', 'failed', 'cancelled') and r.documents_total is not null
          and (r.documents_total, r.documents_done, r.documents_skipped, r.documents_failed) is distinct from (
            select (count(*)::int, (count(*) filter (where v.state = 'published'))::int,
                    (count(*) filter (where v.state = 'skipped'))::int,
                    (count(*) filter (where v.state = 'failed'))::int)
            from ingest_revisions v where v.request_id = r.id)""",
    "a request that succeeded has no document under way": """
        select count(*) from ingest_requests r join ingest_revisions v on v.request_id = r.id
        where r.status in ('succeeded', 'partially_succeeded')
          and v.state in ('discovered', 'loaded', 'chunked', 'embedded')""",
    "chunks belong to revisions that there are": """
        select count(*) from ingest_chunk_store c
        where not exists (select from ingest_revisions v where v.id = c.revision_id)""",
}


class Lifecycle(RuleBasedStateMachine):
    """Two listeners by name; when one is declared dead, another takes its name's place."""

    def __init__(self, loop: asyncio.AbstractEventLoop, c: asyncpg.Connection, counts: list[Counter[str]]) -> None:
        super().__init__()
        self.counts = counts
        self._loop, self.c = loop, c
        self.executors = ["L1", "L2"]
        self.born = 2
        self.owners: dict[tuple[uuid.UUID, int], list[uuid.UUID]] = {}
        self.ended: dict[uuid.UUID, str] = {}
        self.percents: dict[uuid.UUID, Decimal] = {}
        self.claimed: set[tuple[uuid.UUID, int]] = set()
        self.did: Counter[str] = Counter()
        self._run(self._begin())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _begin(self) -> None:
        await self.c.execute("truncate " + ", ".join(f"ingest_{table}" for table in TABLES))
        for executor in self.executors:
            await add_listener(self.c, executor)

    # what was before

    @initialize(
        ends=st.sampled_from([("failed", "cancelled"), ("cancelled", "succeeded", "failed")]),
        verbs=st.permutations(["resume", "retry", "fork"]), picks=st.tuples(PICK, PICK, PICK), step=FORK_STEPS,
    )  # fmt: skip
    def has_a_past(self, ends: list[str], verbs: list[str], picks: list[int], step: str) -> None:
        """Have requests that ended and go on: Hypothesis leaves rules out, so that few runs would come to that."""
        for end in ends:
            self._run(self._past(end))
        for verb, pick in zip(verbs, picks, strict=True):
            self.commands_what_fits(pick, verb, step)

    async def _past(self, end: str) -> None:
        request = await add(self.c, collection="x", options={"force": True})
        await self._claim(self.executors[0], 1)
        await self.c.fetchrow("select * from ingest_begin_request($1, $2, null)", request, self.executors[0])
        await self._discover(request, self.executors[0], None, list(URIS))
        if end == "cancelled":
            await self.c.execute("select ingest_cancel($1)", request)
            return
        if end == "failed":
            query = "select id, state from ingest_revisions where request_id = $1 order by id"
            await self._fail((await self.c.fetch(query, request))[0])
        await self._carry_to_its_end(request)

    # what applications and people do

    @rule(collection=st.sampled_from(["x", "y"]), publish=st.sampled_from(["document", "request"]))
    def inserts(self, collection: str, publish: str) -> None:
        self._run(add(self.c, collection=collection, options={"publish": publish, "force": True}))

    @rule(pick=PICK, verb=st.sampled_from(VERBS), step=FORK_STEPS)
    def commands(self, pick: int, verb: str, step: str) -> None:
        """Ask for something of any request; it may be refused."""
        if request := self._pick(pick, "select id from ingest_requests order by created_at, id"):
            self._command(request, verb, step)

    @rule(pick=PICK, verb=st.sampled_from((*VERBS, "retry", "resume")), step=FORK_STEPS)
    def commands_what_fits(self, pick: int, verb: str, step: str) -> None:
        """Ask for something of a request that it fits."""
        query = "select id from ingest_requests where status = any ($1) order by created_at, id"
        if request := self._pick(pick, query, FITS[verb]):
            self._command(request, verb, step)

    def _command(self, request: uuid.UUID, verb: str, step: str) -> None:
        query = "select ingest_fork($1, $2)" if verb == "fork" else f"select ingest_{verb}($1)"
        if self._asked(query, request, *([step] if verb == "fork" else [])):
            self.did[verb] += 1
            if verb in ("resume", "retry"):
                self.ended.pop(request, None)
                self.percents.pop(request, None)

    @rule(hours=st.sampled_from([0, 24]))
    def purges(self, hours: int) -> None:
        self._run(self.c.execute("select ingest_purge_replaced(make_interval(hours => $1), 500)", hours))

    # what listeners do

    @rule(at=st.integers(0, 1), limit=st.integers(1, 3))
    def claims(self, at: int, limit: int) -> None:
        self._run(self._claim(self.executors[at], limit))

    async def _claim(self, executor: str, limit: int) -> None:
        """Claim as a listener does, which then starts a workflow or brings one to life: once for each attempt."""
        query = "select id, attempt from ingest_claim($1, $2, '{/}', $3)"
        for row in await self.c.fetch(query, executor, limit, SPACE):
            assert (row["id"], row["attempt"]) not in self.claimed, "one attempt was claimed twice"
            self.claimed.add((row["id"], row["attempt"]))

    @rule(pick=PICK)
    def gives_back(self, pick: int) -> None:
        """Put back what a listener that died had claimed and not begun, as another one does."""
        query = (
            "select row(r.id, r.executor_id) from ingest_requests r join ingest_listeners l using (executor_id)"
            " where r.status = 'running' and l.dead_at is not null and r.begun < r.attempt order by r.created_at, r.id"
        )
        if found := self._pick(pick, query):
            assert self._run(self.c.fetchval("select ingest_unclaim($1, $2)", *found))
            self.did["given back"] += 1

    @rule(at=st.integers(0, 1), pick=PICK, uris=URI_LISTS)
    def begins_and_discovers(self, at: int, pick: int, uris: list[str]) -> None:
        query = "select id from ingest_requests where status = 'running' order by created_at, id"
        request = self._pick(pick, query)
        row = self._run(
            self.c.fetchrow("select * from ingest_begin_request($1, $2, null)", request, self.executors[at])
        )
        if row is not None and row["id"] is not None and not row["discovered"]:
            self._run(self._discover(request, self.executors[at], row["fork_step"], uris))

    async def _discover(self, request: uuid.UUID, executor: str, fork_step: str | None, uris: list[str]) -> None:
        try:
            await self.c.execute("select ingest_reset_manifest($1, $2)", request, executor)
            if fork_step in (None, "discover"):
                found = [(n, n // 2, uri, *[None] * 10) for n, uri in enumerate(uris)]
                add_found = "select ingest_add_found($1, $2, null, $3::ingest_found_v1[])"
                await self.c.execute(add_found, request, executor, found)
            else:
                await self.c.execute("select ingest_copy_manifest($1, $2)", request, executor)
            await self.c.execute("select ingest_complete_manifest($1, $2)", request, executor)
        except asyncpg.PostgresError as error:
            if not str(error.sqlstate).startswith("IG"):
                raise
            await self._settle(request, "failed", {"code": "refused", "message": str(error)})

    @rule(at=st.integers(0, 1), pick=PICK)
    def takes_a_batch(self, at: int, pick: int) -> None:
        batch = self._pick_batch(pick)
        owner = uuid.uuid4()
        query = "select ingest_own_batch($1, $2, $3, $4)"
        if batch and self._run(self.c.fetchval(query, *batch, self.executors[at], owner)):
            self.owners.setdefault(batch, []).append(owner)

    @rule(
        pick=PICK,
        step=st.sampled_from(["load", "chunk", "embed", "save"]),
        chunks=st.integers(1, 2),
        late=st.booleans(),
    )
    def steps(self, pick: int, step: str, chunks: int, late: bool) -> None:
        """Run a step as a batch's owner; ``late``: as one that was replaced."""
        batch = self._pick_batch(pick)
        known = self.owners.get(batch, []) if batch else []
        if not batch or len(known) <= late:
            return
        before = self._run(self._picture()) if late else None
        try:
            self._run(self._in_transaction(self._step(batch, known[0] if late else known[-1], step, chunks)))
        except asyncpg.PostgresError as error:
            if error.sqlstate != "IG021":
                raise
        if late:
            assert self._run(self._picture()) == before, "a replaced execution changed something"

    def _step(self, batch: tuple[uuid.UUID, int], owner: uuid.UUID, step: str, chunks: int) -> Coroutine[Any, Any, Any]:
        if step == "load":
            return load(self.c, *batch, owner, {})
        if step == "chunk":
            return cut(self.c, *batch, owner, chunks)
        return self._embed(*batch, owner) if step == "embed" else publish(self.c, *batch, owner)

    async def _in_transaction(self, work: Coroutine[Any, Any, Any]) -> None:
        async with self.c.transaction():
            await work

    async def _embed(self, request: uuid.UUID, batch: int, owner: uuid.UUID) -> None:
        query = (
            "select distinct cardinality(starts) from ingest_revisions"
            " where request_id = $1 and batch = $2 and state = 'chunked'"
        )
        sizes = [row[0] for row in await self.c.fetch(query, request, batch)]
        if len(sizes) == 1:  # the helper gives all of a batch's documents as many chunks
            await embed(self.c, request, batch, owner, ["[1,0,0]"] * sizes[0])

    @rule(at=st.integers(0, 1), pick=PICK, uris=URI_LISTS, far=FAR, chunks=st.integers(1, 2), fails=FAILS)
    def runs_some_of_a_request(
        self, at: int, pick: int, uris: list[str], far: int, chunks: int, fails: str | None
    ) -> None:
        """What a listener does that nobody disturbs for a while, but for a document that fails in a step."""
        self.claims(at, 3)
        self.begins_and_discovers(at, pick, uris)
        for number in range(2):
            self.takes_a_batch(at, pick + number)
            for step in STEPS[:far]:
                if step == fails:
                    self.a_document_fails(pick)
                self.steps(pick + number, step, chunks, late=False)
        self.settles(pick)

    @rule(pick=PICK)
    def a_document_fails(self, pick: int) -> None:
        """Have a document fail in its next step; when it is tried again, it may get through."""
        query = (
            "select row(v.id, v.state) from ingest_revisions v join ingest_requests r on r.id = v.request_id"
            " where v.state in ('discovered', 'loaded', 'chunked') and r.status = 'running' order by v.id"
        )
        if found := self._pick(pick, query):
            self._run(self._fail(found))

    async def _fail(self, revision: Any) -> None:
        identifier, state = revision
        error = {"code": "broken", "message": "it is broken", "hint": "", "step": STEP_AFTER[state]}
        fail = "update ingest_revisions set state = 'failed', error = $2 where id = $1"
        await self.c.execute(fail, identifier, error | {"retryable": False})

    @rule(pick=PICK)
    def settles(self, pick: int) -> None:
        """End a request whose documents are through, as its workflow does."""
        query = (
            "select r.id from ingest_requests r where r.status = 'running' and r.discovered_at is not null"
            " and not exists (select from ingest_revisions v where v.request_id = r.id"
            " and v.state in ('discovered', 'loaded', 'chunked', 'embedded')) order by r.created_at, r.id"
        )
        if request := self._pick(pick, query):
            self._run(self._settle(request, None, None))

    async def _settle(self, request: uuid.UUID, status: str | None, error: Any) -> None:
        await self.c.fetchval("select ingest_settle($1, $2, $3)", request, status, error)

    @rule(at=st.integers(0, 1))
    def a_listener_dies(self, at: int) -> None:
        dead, self.born = self.executors[at], self.born + 1
        self.executors[at] = f"L{self.born}"
        self._run(self.c.execute("update ingest_listeners set dead_at = now() where executor_id = $1", dead))
        self._run(add_listener(self.c, self.executors[at]))

    # what must hold

    @invariant()
    def all_queries_find_nothing(self) -> None:
        assert self._run(self._broken()) == []

    @invariant()
    def a_final_status_is_left_by_resume_and_retry_only(self) -> None:
        rows = self._run(self.c.fetch("select id, status from ingest_requests"))
        now = {row["id"]: row["status"] for row in rows}
        assert all(now[request] == status for request, status in self.ended.items())
        self.ended = {request: status for request, status in now.items() if status in FINAL}

    @invariant()
    def how_far_it_is_only_rises_within_an_attempt(self) -> None:
        rows = self._run(self.c.fetch("select id, percent from ingest_status where percent is not null"))
        now = {row["id"]: row["percent"] for row in rows}
        assert all(now[request] >= percent for request, percent in self.percents.items())
        self.percents = now

    def teardown(self) -> None:
        """Whatever happened, each request can end: a listener carries all to their ends now."""
        self._run(self._end_all())
        for what in ("resume", "retry", "fork", "given back"):
            event(f"{what}: {'some' if self.did[what] else 'none'}")
        self.counts.append(self.did)

    async def _end_all(self) -> None:
        await self._claim(self.executors[0], 1000)
        for row in await self.c.fetch("select id from ingest_requests where status = 'running' order by created_at"):
            await self._carry_to_its_end(row["id"])
        left = await self.c.fetch("select id, status from ingest_requests where status in ('pending', 'running')")
        assert not left, left
        assert await self._broken() == []

    async def _carry_to_its_end(self, request: uuid.UUID) -> None:
        row = await self.c.fetchrow("select * from ingest_begin_request($1, $2, null)", request, self.executors[0])
        assert row
        if not row["discovered"]:
            await self._discover(request, self.executors[0], row["fork_step"], list(URIS))
        for (batch,) in await self.c.fetch(
            "select batch from ingest_batches where request_id = $1 order by 1", request
        ):
            owner = uuid.uuid4()
            if not await self.c.fetchval(
                "select ingest_own_batch($1, $2, $3, $4)", request, batch, self.executors[0], owner
            ):
                continue
            await load(self.c, request, batch, owner, {})
            await cut(self.c, request, batch, owner, 1)
            for size in (1, 2):
                await self._embed_those_with(request, batch, owner, size)
            await publish(self.c, request, batch, owner)
        await self._settle(request, None, None)

    async def _embed_those_with(self, request: uuid.UUID, batch: int, owner: uuid.UUID, size: int) -> None:
        query = (
            "select id from ingest_revisions where request_id = $1 and batch = $2 and state = 'chunked'"
            " and cardinality(starts) <> $3"
        )
        hidden = [row["id"] for row in await self.c.fetch(query, request, batch, size)]
        await self.c.execute("update ingest_revisions set batch = -1 where id = any ($1)", hidden)
        await embed(self.c, request, batch, owner, ["[1,0,0]"] * size)
        await self.c.execute("update ingest_revisions set batch = $2 where id = any ($1)", hidden, batch)

    async def _broken(self) -> list[str]:
        """Return the invariants that do not hold, asked for in one statement."""
        counts = await self.c.fetchrow("select " + ", ".join(f"({query})" for query in INVARIANTS.values()))
        return [what for what, count in zip(INVARIANTS, counts or [], strict=True) if count]

    # picking

    def _pick(self, pick: int, query: str, *values: Any) -> Any:
        rows = self._run(self.c.fetch(query, *values))
        return rows[pick % len(rows)][0] if rows else None

    def _pick_batch(self, pick: int) -> tuple[uuid.UUID, int] | None:
        query = "select row(request_id, batch) from ingest_batches order by request_id, batch"
        return self._pick(pick, query)  # type: ignore[no-any-return]

    def _asked(self, query: str, *values: Any) -> bool:
        """Run a control function; False: it refused, with a code of ours."""
        try:
            self._run(self.c.fetchval(query, *values))
        except asyncpg.PostgresError as error:
            if not str(error.sqlstate).startswith("IG"):
                raise
            return False
        return True

    async def _picture(self) -> str:
        query = "select * from ingest_{} order by 1, 2, 3"
        rows = [[str(row) for row in await self.c.fetch(query.format(table))] for table in TABLES[:5]]
        return json.dumps(rows)


def test_whatever_happens_to_requests_and_listeners_the_rules_hold(installed: str) -> None:
    loop = asyncio.new_event_loop()
    c = loop.run_until_complete(connect(installed))
    counts: list[Counter[str]] = []
    try:
        run_state_machine_as_test(
            lambda: Lifecycle(loop, c, counts),  # type: ignore[arg-type] # it says so: a factory will do
            settings=settings(
                max_examples=40, stateful_step_count=25, deadline=None, derandomize=False,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
    finally:
        loop.run_until_complete(c.close())
        loop.close()
    print(f"{len(counts)} runs: {sum(counts, Counter())}")
    often = {what: sum(bool(did[what]) for did in counts) for what in ("resume", "retry", "fork")}
    assert min(often.values()) > len(counts) / 2, often
