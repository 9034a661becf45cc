"""Documents come, change and go while a collection is brought into another model, forth and back: in any order.

Whatever happens, a search sees one generation with each document once, as it was published last; and each generation
that is kept has all of them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from reembedding import begun, brought_along, first, generations, listed, order, standing, vector
from staging import Connection, carry, connect, publish, settle

pytestmark = pytest.mark.long  # see pyproject.toml

T = TypeVar("T")

URIS = st.sampled_from(["a", "b", "c", "d"])
PICK = st.integers(0, 1000)
DIMENSIONS = "select s.dimensions from ingest_collections c join ingest_spaces s on s.id = c.space_id"
TABLES = (
    "requests, ingest_batches, ingest_revisions, ingest_documents, ingest_chunk_store, ingest_commands,"
    " ingest_listeners, ingest_document_origins, ingest_cuts, ingest_collections, ingest_generations"
)


@dataclass
class Late:
    """A document on its way, embedded in its request's own generation."""

    uri: str
    text: str
    number: int
    request: uuid.UUID
    owner: uuid.UUID


class Reembedding(RuleBasedStateMachine):
    """``known``: what is live, by URI; ``numbers``: of the reading that brought it, or that a DELETE was behind."""

    def __init__(self, loop: asyncio.AbstractEventLoop, c: Connection, did: Counter[str]) -> None:
        super().__init__()
        self._loop, self.c, self.did = loop, c, did
        self.known = {"a": "first a", "b": "first b"}
        self.numbers: Counter[str] = Counter()
        self.read = 0
        self.late: list[Late] = []
        self.order: uuid.UUID | None = None
        self.halted: tuple[uuid.UUID, str] | None = None
        self._run(c.execute(f"truncate ingest_{TABLES} cascade"))
        self._run(first(c, self.known))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    @rule(uri=URIS)
    def reads(self, uri: str) -> None:
        self.read += 1
        text = f"{uri} {self.read}"
        request, owner = self._run(begun(self.c, {uri: text}))
        self.late.append(Late(uri, text, self.read, request, owner))

    @rule(pick=PICK, early=st.booleans())
    def publishes(self, pick: int, early: bool) -> None:
        """Publish one of those, perhaps without looking for other generations first: then it may be refused."""
        if not self.late:
            return
        one = self.late.pop(pick % len(self.late))
        if not early:
            self._run(brought_along(self.c, one.request, one.owner))
        try:
            self._run(publish(self.c, one.request, 0, one.owner))
        except asyncpg.PostgresError as error:
            if not early or not str(error).startswith("documents of collection"):
                raise
            self.did["refused"] += 1
            self.late.append(one)
            return
        self._run(settle(self.c, one.request))
        if one.number > self.numbers[one.uri]:
            self.known[one.uri] = one.text
            self.numbers[one.uri] = one.number

    @rule(uri=URIS)
    def deletes(self, uri: str) -> None:
        self._run(self.c.execute("delete from ingest_documents where uri = $1", uri))
        if self.known.pop(uri, None):  # a DELETE of nothing stops no reading that is under way
            self.numbers[uri] = self.read

    @rule(anew=st.booleans())
    def orders(self, anew: bool) -> None:
        """Order a generation, or go on with one that stopped: then it gets what was published meanwhile."""
        if self.halted is not None and "stopped" in self._states().values() and not anew:
            self.order, verb = self.halted
            self._run(self.c.execute(f"select {verb}($1)", self.order))
            self._run(listed(self.c, self.order, 1))
            self.did["taken up"] += 1
        elif self.order is None and "building" not in self._states().values():
            dimensions = 5 - int(self._run(self.c.fetchval(DIMENSIONS)))  # 2 after 3, and 3 after 2
            wanted = {"chunk_size": 400 + self.read, "model": f"model {dimensions}", "dimensions": dimensions}
            self.order = self._run(order(self.c, "default", wanted))
            self._run(listed(self.c, self.order, 1))

    @rule(pick=PICK)
    def makes(self, pick: int) -> None:
        """Carry a batch of the order through; with the last one it ends, and its generation is live."""
        if self.order is None:
            return
        open_ones = "select batch from ingest_batches where request_id = $1 and finished_at is null order by 1"
        rows = self._run(self.c.fetch(open_ones, self.order))
        if rows:
            batch = rows[pick % len(rows)]["batch"]
            dimensions = self._run(vector(self.c, self.order, batch))
            self._run(carry(self.c, self.order, batch=batch, vectors=[dimensions]))
        if len(rows) <= 1:
            assert self._run(settle(self.c, self.order)) == "succeeded"
            self.order = None
            assert "building" not in self._states().values()
            self.did["switched"] += 1

    @rule(cancelled=st.booleans())
    def stops(self, cancelled: bool) -> None:
        """End the order without success: publishing goes on without it."""
        if self.order is not None:
            if cancelled:
                self._run(self.c.execute("select ingest_cancel($1)", self.order))
            else:
                self._run(settle(self.c, self.order, "failed", {"code": "unknown_model"}))
            self.halted, self.order = (self.order, "ingest_resume" if cancelled else "ingest_retry"), None
            self.did["stopped"] += 1

    @rule()
    def goes_back(self) -> None:
        if "former" in self._states().values():
            self._run(self.c.fetch("select ingest_rollback('default')"))
            self.did["went back"] += 1

    @rule(pick=PICK)
    def drops(self, pick: int) -> None:
        if pick % 4 == 0 and {"building", "stopped", "former"} & set(self._states().values()):
            dropped = self._run(self.c.fetchval("select (ingest_drop_generation('default')).request_id"))
            self.order = None if dropped == self.order else self.order
            self.did["dropped"] += 1

    @rule(days=st.sampled_from([0, 9]))
    def purges(self, days: int) -> None:
        while self._run(self.c.fetchval("select ingest_purge_generations($1::interval, 2)", timedelta(days=days))):
            pass

    def _states(self) -> dict[int, str]:
        return self._run(generations(self.c))

    @invariant()
    def a_search_sees_one_generation_with_all_documents(self) -> None:
        query = "select uri, text, vector_dims(embedding) as dimensions from ingest_chunks where collection = 'default'"
        rows = self._run(self.c.fetch(query))
        assert len(rows) == len(self.known)
        assert {row["uri"]: row["text"] for row in rows} == self.known
        assert len({row["dimensions"] for row in rows}) <= 1
        found = self._run(self.c.fetch("select uri from ingest_chunks_default"))
        assert sorted(row["uri"] for row in found) == sorted(self.known)

    @invariant()
    def each_generation_that_is_kept_has_them_and_a_purged_one_nothing(self) -> None:
        for number, state in self._states().items():
            if state in ("live", "former"):
                assert self._run(standing(self.c, number)) == self.known
            elif state == "purged":
                assert self._run(standing(self.c, number)) == {}


def test_each_search_sees_one_generation_whatever_happens(installed: str) -> None:
    loop = asyncio.new_event_loop()
    c = loop.run_until_complete(connect(installed))
    did: Counter[str] = Counter()
    try:
        run_state_machine_as_test(
            lambda: Reembedding(loop, c, did),  # type: ignore[arg-type] # it says so: a factory will do
            settings=settings(
                max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        loop.run_until_complete(c.close())
        loop.close()
    print(did)
    assert min(did[what] for what in ("switched", "went back", "dropped", "refused", "stopped", "taken up")) > 0, did
