"""Discovery, page by page: it goes on where an execution died, and compares with what is live."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime, timezone
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from staging import Connection, add, add_listener, claim, ingest, one

from listener.database.connections import open_database
from listener.errors import LostOwnership
from listener.pipeline.discover import discover
from listener.pipeline.gateway import Gateway
from listener.pipeline.references import RequestRef
from listener.pipeline.request_rows import Discovery, states_of
from listener.settings import Settings
from listener.sources.base import Found, LookUp, Page, Refused
from listener.sources.options import RequestOptions

PAGES = 5


class Dies(Exception):
    """The listener's death, as far as discovery can tell."""


class Numbered:
    """A source of pages of four documents, one of which is refused; it dies before page ``dies_at``."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at = dies_at
        self.began: list[str | None] = []

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        self.began.append(after)
        for number in range(int(after or 0), PAGES):
            if number == self.dies_at:
                raise Dies
            items: list[Found | Refused] = [
                Found(f"toy:/{number}{name}", bytes=10, version=f"v{number}{name}") for name in "abc"
            ]
            yield Page([*items, Refused(f"toy:/{number}d", "unreadable", "no")], cursor=str(number + 1))


class Plain:
    """No archives."""

    def over(self, source: Any) -> Any:
        return source


@pytest.fixture
async def gateway(installed: str) -> AsyncIterator[Gateway]:
    database = await open_database(Settings(), installed)
    pool = await database.pool(2, "discovery")
    yield Gateway(pool)
    await pool.close()


async def run(gateway: Gateway, request: uuid.UUID, source: Any) -> dict[str, int]:
    settings = Settings(batch_documents=5, batch_bytes=1000)
    tools: Any = SimpleNamespace(
        gateway=gateway,
        executor_id="L1",
        settings=settings,
        sources=source,
        workers=None,
        memory=None,
        archives=Plain(),
    )
    ref = RequestRef(request=request)
    running = await gateway.begin(ref, "L1")
    assert running is not None
    return await discover(tools, ref, running)


async def manifest(c: Connection, request: uuid.UUID) -> Sequence[tuple[Any, ...]]:
    query = "select position, batch, uri, state from ingest_revisions where request_id = $1 order by position"
    return [tuple(row) for row in await c.fetch(query, request)]


@pytest.mark.parametrize("dies_at", [1, 2, 4])
async def test_it_goes_on_behind_the_last_page_that_was_written(c: Connection, gateway: Gateway, dies_at: int) -> None:
    await add_listener(c, roots=["toy:"])
    whole, broken = await add(c, source="toy:/"), await add(c, source="toy:/")
    assert {whole, broken} <= set(await claim(c, roots=["toy:"]))
    expected = await run(gateway, whole, Numbered())
    source = Numbered(dies_at)
    with pytest.raises(Dies):
        await run(gateway, broken, source)
    source.dies_at = None
    assert await run(gateway, broken, source) == expected
    assert source.began == [None, str(dies_at)]
    assert await manifest(c, broken) == await manifest(c, whole)
    rows = await c.fetch("select batch, documents, bytes from ingest_batches where request_id = $1 order by 1", broken)
    assert [tuple(row) for row in rows] == [(1, 5, 50), (2, 5, 50), (3, 5, 50)]
    counted = await one(c, "select documents_found, refused from ingest_requests where id = $1", broken)
    assert tuple(counted) == (20, 5)


async def test_a_look_that_finds_nothing_changed_is_newer_than_what_others_read_before_it(
    c: Connection, gateway: Gateway
) -> None:
    await ingest(c, {"toy:/0a": "one"})
    await c.execute("update ingest_documents set version = 'v0a'")
    live = "select live_seq from ingest_documents"
    before = await c.fetchval(live)
    alone, beside = await add(c), await add(c)
    page = [Found("toy:/0a", version="v0a"), Found("toy:/0b", version="v0b")]
    assert await claim(c, 1) == [alone]
    same = await c.fetchval("select id from ingest_documents")
    assert await gateway.see_unchanged(RequestRef(request=alone), "L1", 1, 10**6, page) == [same, None]
    assert await c.fetchval(live) == before  # nobody else can hold an older reading
    assert await claim(c, 1) == [beside]
    assert await gateway.see_unchanged(RequestRef(request=alone), "L1", 1, 10**6, page) == [same, None]
    assert await c.fetchval(live) == 10**6
    async with c.transaction():
        await c.execute("select from ingest_documents for update")
        assert await gateway.see_unchanged(RequestRef(request=alone), "L1", 1, 10**6, page) == [None, None]


async def test_what_is_compared_is_written_by_the_page_and_by_no_other_execution(
    c: Connection, gateway: Gateway
) -> None:
    await ingest(c, {"toy:/0a": "one", "toy:/0b": "two"})
    await c.execute("update ingest_documents set version = 'v' || right(uri, 2)")
    request = await add(c)
    assert await claim(c, 1) == [request]
    fence, listing = (RequestRef(request=request), "L1", 1), Discovery(read_seq=10**6, cursor="b", page=1)
    page = [Found("toy:/0a", version="v0a"), Found("toy:/0b", version="new")]
    seen = await gateway.see_unchanged(*fence, 10**6, page)
    assert [one is None for one in seen] == [False, True]
    written = """select (select array_agg(cardinality(s.documents)) from ingest_seen s), documents_unchanged,
      listing ->> 'cursor' from ingest_requests where id = $1"""
    assert tuple(await one(c, written, request)) == (None, None, None)
    await gateway.add_page(*fence, [], [document for document in seen if document], listing)
    assert tuple(await one(c, written, request)) == ([1], 1, "b")
    with pytest.raises(LostOwnership):
        await gateway.see_unchanged(RequestRef(request=request), "L2", 1, 10**6, page)


def moment(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, timezone.utc)


STATES: Sequence[tuple[str | None, int | None, int | None]] = (
    ("1", 1, 10), ("1", 2, 20), ("2", 1, 10), (None, 1, 10), (None, 2, 10), (None, 1, 20), (None, 1, None),
    (None, None, 10),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_unchanged_has_its_version_or_else_its_time_and_size_settings_and_no_failed_part(
    c: Connection, seed: int
) -> None:
    chance = Random(seed)
    await add_listener(c)
    request = await add(c)
    assert await claim(c) == [request]  # it has settings now
    transaction = c.transaction()
    await transaction.start()
    await c.execute("set local session_replication_role = replica")
    live: dict[str, tuple[int, Any, str]] = {}
    for number in range(60):
        uri, state, fate = f"toy:/{number:02}", chance.choice(STATES), chance.choice("++++++-!p")
        document = await c.fetchval(
            """insert into ingest_documents (collection, uri, version, modified_at, bytes, revision_id, settings_hash)
            select r.collection, $2, $3, to_timestamp($4::int), $5, case $6 when '-' then null else $7::bigint end,
              case when $6 = '!' then 'other'::bytea else ingest_settings_hash(r) end
            from ingest_requests r where id = $1 returning id""",
            request, uri, *state, fate, number,
        )  # fmt: skip
        if fate == "p":
            await c.execute(
                """insert into ingest_revisions
                  (request_id, position, collection, uri, state, error, parent_id, read_seq)
                values ($1, 0, 'default', $2, 'failed', '{}', $3, 5)""",
                request, f"{uri}#x", number,
            )  # fmt: skip
        live[uri] = (document, state, fate)
    found = [(f"toy:/{number:02}", *chance.choice(STATES)) for number in chance.choices(range(70), k=100)]
    states = states_of([Found(uri, None, None, size, version, moment(at)) for uri, version, at, size in found])
    seen = await c.fetchval(
        "select ingest_same_state(r, $2) from ingest_requests r where id = $1", request, json.loads(states)
    )  # fmt: skip
    await transaction.rollback()

    def expected(uri: str, version: str | None, at: int | None, size: int | None) -> int | None:
        document, state, fate = live.get(uri, (None, None, "-"))
        if version is not None:
            same = state is not None and state[0] == version
        else:
            same = None not in (at, size) and state == (None, at, size)
        return document if fate == "+" and same else None

    assert seen == [expected(*one) for one in found]
    assert any(seen)


async def test_a_comparison_reads_what_it_is_asked_for_and_no_more(c: Connection) -> None:
    """Also under plans that were made when the table was empty."""
    await add_listener(c)
    request = await add(c)
    assert await claim(c) == [request]
    read = "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'ingest_documents'"
    compare = """select ingest_same_state(r, jsonb_build_object(
        'uris', (select jsonb_agg('toy:/' || n * 7) from generate_series(1, 1000) n),
        'versions', (select jsonb_agg('v'::text) from generate_series(1, 1000))))
      from ingest_requests r where id = $1"""
    await c.fetchval(compare, request)
    transaction = c.transaction()
    await transaction.start()
    await c.execute("set local session_replication_role = replica")
    await c.execute(
        """insert into ingest_documents (collection, uri, version, revision_id, settings_hash)
        select r.collection, 'toy:/' || n, 'v', n, ingest_settings_hash(r)
        from ingest_requests r cross join generate_series(1, 20000) n where id = $1""", request,
    )  # fmt: skip
    before = await c.fetchval(read)
    seen = await c.fetchval(compare, request)
    assert sum(one is not None for one in seen) == 1000
    assert await c.fetchval(read) - before == 1000
    await transaction.rollback()


# what is gone

NAMES = (
    "toy:/a/b.md", "toy:/a/c.eml", "toy:/a/c.eml#x", "toy:/a/c.eml#x/y", "toy:/a/d/e.md", "toy:/a/d/f.eml",
    "toy:/a/d/f.eml#z", "toy:/b.jsonl#1", "toy:/b.jsonl#2", "toy:/b.md", "toy:/ab/c.md",
)  # fmt: skip
CLOSABLE = ("toy:/a/d", "toy:/b.jsonl", "toy:/a", "toy:/b.jsonl#line=7")
FATES = ("seen", "published", "superseded", "failed", "unchanged", "absent", "absent", "absent", "newer")
READ_SEQ = 1000


def above(uri: str) -> list[str]:
    return [uri[:place] for place, one in enumerate(uri + "#") if one in "/#"]


def expected_gone(fates: dict[str, str], closed: set[str]) -> set[str]:
    shut = {uri.removesuffix("#line=7") for uri in closed}
    shut |= {uri for uri, fate in fates.items() if fate in ("failed", "unchanged")}
    seen = {uri for uri, fate in fates.items() if fate == "seen"}
    return {
        uri
        for uri, fate in fates.items()
        if fate == "absent" and not shut & {*above(uri)} and not seen & {*above(uri)[:-1]}
    }


async def looked(c: Connection, fates: dict[str, str], closed: set[str]) -> uuid.UUID:
    """Make a request that has looked at documents, live before, of which it saw what their fates say."""
    request = await add(c, source="toy:/")
    listing = {"read_seq": READ_SEQ, "complete": True, "page": 1}
    await c.execute("set local session_replication_role = replica")
    await c.execute(
        "update ingest_requests set listing = $2, documents_unchanged = $3 where id = $1",
        request, listing, sum(fate == "seen" for fate in fates.values()),
    )  # fmt: skip
    for place, (uri, fate) in enumerate(fates.items()):
        seq = READ_SEQ + 1 if fate == "newer" else 5
        document = await c.fetchval(
            "insert into ingest_documents (collection, uri, live_seq) values ('default', $1, $2) returning id", uri, seq
        )
        await c.execute("insert into ingest_document_origins (document_id, origin) values ($1, 'toy:')", document)
        if fate == "seen":
            await c.execute("insert into ingest_seen values ($1, $2, array[$3::bigint])", request, place, document)
        elif fate not in ("absent", "newer"):
            await revision(c, request, uri, fate, document)
    for uri in closed:
        await revision(c, request, uri, "failed", None)
    return request


async def revision(c: Connection, request: uuid.UUID, uri: str, fate: str, document: int | None) -> None:
    state = {"published": "published", "failed": "failed"}.get(fate, "skipped")
    reason, error = fate if state == "skipped" else None, {"code": "x"} if state == "failed" else None
    await c.execute(
        "insert into ingest_revisions"
        " (request_id, position, collection, uri, state, reason, error, document_id, read_seq)"
        " values ($1, 0, 'default', $2, $3, $4, $5, $6, 5)",
        request, uri, state, reason, error, document,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 12))])
async def test_what_is_gone_is_what_the_rules_say(c: Connection, seed: int) -> None:
    chance = Random(seed)
    for _ in range(8):
        fates = {uri: chance.choice(FATES) for uri in NAMES if chance.random() < 0.9}
        closed = {uri for uri in CLOSABLE if chance.random() < 0.15}
        transaction = c.transaction()
        await transaction.start()
        request = await looked(c, fates, closed)
        rows = await c.fetch(
            "select d.uri, g.is_gone from ingest_gone($1) g join ingest_documents d using (id)", request
        )
        assert {row["uri"] for row in rows} == fates.keys()
        assert {row["uri"] for row in rows if row["is_gone"]} == expected_gone(fates, closed), (fates, closed)
        await transaction.rollback()


async def test_what_is_gone_is_found_before_anything_is_known_of_the_tables_sizes(c: Connection) -> None:
    """A loop over these rows, which is what the planner takes for good then, would go on for a minute."""
    transaction = c.transaction()
    await transaction.start()
    request = await looked(c, {}, set())
    await c.execute(
        """with made as (
          insert into ingest_documents (collection, uri, live_seq)
          select 'default', 'toy:/' || n || '.eml#x', 5 from generate_series(1, 40000) n returning id, uri
        ), origins as (
          insert into ingest_document_origins (document_id, origin) select m.id, 'toy:' from made m
        ), told as (
          insert into ingest_revisions (request_id, position, collection, uri, state, document_id, read_seq)
          select $1, 0, 'default', m.uri, 'published', m.id, 5 from made m where m.id % 4 = 0
        )
        insert into ingest_seen select $1, 1, array(select m.id from made m where m.id % 2 = 1)""", request,
    )  # fmt: skip
    await c.execute("set local statement_timeout = '20s'")
    assert await c.fetchval("select count(*) filter (where is_gone) from ingest_gone($1)", request) == 10000
    await transaction.rollback()
