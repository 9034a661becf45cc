"""Tenants behind one pooler in transaction mode: sessions are everybody's in turn, and nobody is taken for another."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import ended
from pooler import PROGRAM, SESSIONS, Pooler, pooler
from roles import new_roles, refused
from staging import Connection, add, collection, one
from throwaway import throwaway_data_dir

import listener
from listener import embedded
from listener.database.connections import open_database
from listener.errors import OperatorError, RequestError
from listener.settings import Settings

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no pgbouncer on the PATH")


@dataclass(frozen=True)
class Tenants:
    """Two tenants, ``a`` and ``b``: a collection, a submitter and a searcher each. ``gate`` may be each of these."""

    dsn: str
    pooler: Pooler
    gate: str
    submitter: dict[str, str]
    searcher: dict[str, str]
    request: dict[str, uuid.UUID]

    def url(self, role: str) -> str:
        return self.pooler.url(self.dsn, role)

    @asynccontextmanager
    async def session(self, role: str) -> AsyncIterator[Connection]:
        """Give a client's connection, as programs with a driver of their own make it."""
        connection = await asyncpg.connect(self.url(role), statement_cache_size=0)
        try:
            yield connection
        finally:
            await connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with throwaway_data_dir() as made:
        yield made


@pytest.fixture
async def tenants(
    server: embedded.Server, ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path, folder: Path
) -> AsyncIterator[Tenants]:
    listeners.append(ListenerProcess(ready, tmp_path / "listener").ready())
    async with new_roles(own, 5) as names:
        gate, *others = names
        submitter, searcher = dict(zip("ab", others[:2], strict=True)), dict(zip("ab", others[2:], strict=True))
        requests = {}
        for one in "ab":
            await own.execute(f"grant {submitter[one]}, {searcher[one]} to {gate} with inherit false")
            await collection(own, one, tenant=f"tenant {one}")
            await own.execute("select ingest_grant($1, 'submitter', $2)", submitter[one], one)
            await own.execute("select ingest_grant($1, 'searcher', $2)", searcher[one], one)
            requests[one] = await add(own, content=f"The vents of {one} open at noon.", uri=f"of {one}", collection=one)
        await ended(own, *requests.values())
        async with pooler(server, folder, names) as running:
            yield Tenants(ready, running, gate, submitter, searcher, requests)


# one login for many: the role of each transaction


async def test_one_login_acts_for_many_roles_at_once_and_each_transaction_is_its_own_role_s(tenants: Tenants) -> None:
    served: dict[int, set[str]] = defaultdict(set)

    async def client(first: int) -> None:
        async with tenants.session(tenants.gate) as c:
            for turn in range(first, first + 24):
                one, other = "ab" if turn % 2 else "ba"
                role = (tenants.submitter if turn // 2 % 2 else tenants.searcher)[one]
                async with c.transaction():
                    await (set_local if turn // 4 % 2 else set_as_postgrest)(c, role)
                    served[await c.fetchval("select pg_backend_pid()")].add(role)
                    assert await c.fetchval("select ingest_caller()") == role
                    await (submits if role in tenants.submitter.values() else searches)(c, role, one)
                await is_nobody(c)
                await is_refused_elsewhere(c, role, other)

    await asyncio.gather(*map(client, range(8)))
    assert len(served) == SESSIONS
    assert [len(roles) for roles in served.values()] == [4] * SESSIONS  # each session was all of them


async def set_local(c: Connection, role: str) -> None:
    await c.execute(f"set local role {role}")


async def set_as_postgrest(c: Connection, role: str) -> None:
    await c.execute("select set_config('role', $1, true)", role)


async def submits(c: Connection, role: str, one: str) -> None:
    request = await add(c, content=f"{one}: more of it", collection=one)
    assert await values(c, "select distinct submitted_by::text from ingest_requests") == {role}
    assert await values(c, "select distinct collection from ingest_status") == {one}
    assert await c.fetchval("select status from ingest_status where id = $1", request) == "pending"
    assert await values(c, "select name from ingest_collections") == {one}


async def searches(c: Connection, role: str, one: str) -> None:
    assert f"of {one}" in await values(c, f"select uri from ingest_search('vents', '{one}')")
    assert await values(c, "select distinct collection from ingest_chunks") == {one}
    assert await values(c, "select distinct collection from ingest_documents") == {one}
    assert await values(c, "select name from ingest_collections") == {one}


async def values(c: Connection, query: str) -> set[str]:
    return {row[0] for row in await c.fetch(query)}


async def is_nobody(c: Connection) -> None:
    """Without a role of its own, a transaction may nothing, whoever had its session before."""
    for statement in ("select from ingest_requests", "select from ingest_search('vents', 'a')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.execute(statement)


async def is_refused_elsewhere(c: Connection, role: str, other: str) -> None:
    for statement in (f"select ingest_add('/x', collection => '{other}')", f"select ingest_search('x', '{other}')"):
        transaction = c.transaction()
        await transaction.start()
        await set_local(c, role)
        with pytest.raises(asyncpg.PostgresError) as error:
            await c.execute(statement)
        await transaction.rollback()
        assert error.value.sqlstate in ("42501", "IG040")  # not its verb, or not its collection


# a login for each role


@pytest.mark.long
async def test_the_python_client_goes_through_it_with_each_role_s_own_login(tenants: Tenants) -> None:
    async def submit(one: str, n: int) -> None:
        async with listener.connect(tenants.url(tenants.submitter[one])) as ingest:
            text = f"The flaps of {one} shut at {n}."
            requests = [await ingest.add(content=text, uri=f"{n}.{k}", collection=one) for k in range(3)]
            assert {status.status for status in await ingest.wait_all(requests, timeout=60)} == {"succeeded"}
            assert {status.collection for status in await ingest.statuses()} == {one}
            with pytest.raises(RequestError) as error:
                await ingest.status(tenants.request["b" if one == "a" else "a"])
            assert error.value.code == "unknown_request"
            with pytest.raises(RequestError) as error:
                await added_together(ingest, (one, "b" if one == "a" else "a"))
            assert error.value.code == "not_granted"
            assert "undone" not in {status.uri for status in await ingest.statuses()}

    async def search(one: str, n: int) -> None:
        async with listener.connect(tenants.url(tenants.searcher[one])) as ingest:
            for k in range(3):
                hits = await ingest.search(f"when do air flaps open? {n} {k}", one)
                assert {hit.by for hit in hits} == {"both"}
                assert f"of {one}" in {hit.uri for hit in hits}
                assert all(f" of {one} " in hit.text for hit in hits)

    await asyncio.gather(*(verb(one, n) for verb in (submit, search) for one in "ab" for n in range(3)))
    for role in (*tenants.submitter.values(), *tenants.searcher.values()):
        await left_nothing_in_its_sessions(tenants, role)


async def added_together(ingest: listener.Ingest, collections: Iterable[str]) -> None:
    async with ingest.transaction() as together:
        for one in collections:
            await together.add(content="x", uri="undone", collection=one)


async def left_nothing_in_its_sessions(tenants: Tenants, role: str) -> None:
    """Look into all sessions of a login at once: nothing is prepared, heard or set there for whoever comes next."""
    left = (
        "select pg_backend_pid(), current_setting('role'), (select array_agg(name) from pg_prepared_statements),"
        " (select array_agg(c) from pg_listening_channels() c)"
    )
    async with tenants.session(role) as c, tenants.session(role) as other, c.transaction(), other.transaction():
        found = [await one(session, left) for session in (c, other)]
    assert len({row[0] for row in found}) == SESSIONS
    assert [tuple(row)[1:] for row in found] == [("none", None, None)] * SESSIONS


async def test_who_waits_listens_in_no_session_that_others_get(tenants: Tenants) -> None:
    async with listener.connect(tenants.url(tenants.submitter["a"])) as ingest:
        request = await ingest.add(content="x", collection="a", run_at="tomorrow")
        async with aclosing(ingest.follow([request])) as looks:
            (status,) = await anext(looks)
            assert status.status == "pending"
            await left_nothing_in_its_sessions(tenants, tenants.submitter["a"])


async def test_questions_and_their_answers_are_the_asker_s_alone(tenants: Tenants) -> None:
    async def ask(one: str, other: str) -> None:
        async with tenants.session(tenants.searcher[one]) as c:
            for n in range(10):
                question = f"what opens at noon? {n}"
                await c.execute(f"call ingest_embed_query('{question} {one}', '{one}')")
                found = await c.fetch(f"select text from ingest_search('{question} {one}', '{one}', by => 'vector')")
                assert [row["text"] for row in found] == [f"The vents of {one} open at noon."]
                for asked in (one, other):  # at this moment, or just before
                    with refused("IG040", "not_granted"):
                        await c.execute(f"call ingest_embed_query('{question} {asked}', '{other}')")
                with refused("IG035", "query_not_embedded"):
                    await c.execute(f"select * from ingest_search('{question} {other}', '{one}', by => 'vector')")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.execute("select from ingest_questions")

    await asyncio.gather(ask("a", "b"), ask("b", "a"))


# questions, where the role is one transaction's


async def test_a_question_in_a_transaction_with_a_role_is_refused_and_words_are_found_all_the_same(
    tenants: Tenants,
) -> None:
    role, question = tenants.searcher["a"], "when do air flaps open?"
    call = f"call ingest_embed_query('{question}', 'a')"
    by_vector = f"select uri from ingest_search('{question}', 'a', by => 'vector')"
    async with tenants.session(tenants.gate) as c:
        with refused("IG033", "called_in_a_transaction"):
            async with c.transaction():
                await set_local(c, role)
                await c.execute(call)
        async with c.transaction():
            await set_local(c, role)
            assert await values(c, "select uri from ingest_search('when do vents open?', 'a')") == {"of a"}
            with refused("IG035", "query_not_embedded"):
                async with c.transaction():
                    await c.execute(by_vector)
        async with tenants.session(role) as its_own:
            await its_own.execute(call)
        async with c.transaction():
            await set_local(c, role)
            assert await values(c, by_vector) == {"of a"}


# the command, and what needs sessions of its own


@pytest.mark.long
async def test_the_command_goes_through_it_but_for_what_needs_a_session_of_its_own(
    tenants: Tenants, tmp_path: Path
) -> None:
    def ingest(role: str) -> Ingest:
        return Ingest(tmp_path, INGEST_DATABASE_URL=tenants.url(role))

    submitter = ingest(tenants.submitter["a"])
    added = await submitter(
        "add", "-", "--collection", "a", "--uri", "flaps", "--wait", stdin=b"The flaps shut at one."
    )
    assert added.status == 0, added.err
    status = await submitter("status", "--json")
    assert [one["uri"] for one in status.json] == ["flaps"], status.out
    elsewhere = await submitter("add", "-", "--collection", "b", stdin=b"x")
    assert elsewhere.code() == "not_granted"
    found = await ingest(tenants.searcher["a"])("search", "flaps", "--collection", "a", "--json")
    assert found.json[0]["by"] == "both", found.err
    for verb in ("migrate", "listen"):
        ended = await ingest(tenants.gate)(verb)
        assert (ended.status, ended.code()) == (5, "shared_sessions"), ended.err
    assert "shared_sessions" in (await submitter("doctor")).out


async def test_a_pool_of_one_s_own_that_prepares_statements_is_told_what_is_wrong(tenants: Tenants) -> None:
    async with (
        asyncpg.create_pool(tenants.url(tenants.searcher["a"]), min_size=1, max_size=1) as pool,
        listener.connect(pool) as ingest,
        tenants.session(tenants.searcher["a"]) as other,
    ):
        await ingest.search("vents", "a", by="words")
        prepared = await pool.fetchval("select pg_backend_pid()")
        async with other.transaction():
            assert await other.fetchval("select pg_backend_pid()") == prepared  # the one that was last used
            with pytest.raises(OperatorError) as error:
                await ingest.search("vents", "a", by="words")
    assert error.value.code == "shared_sessions"
    assert "statement_cache_size=0" in error.value.hint


# DBOS's connections


@pytest.mark.long
async def test_dbos_s_connections_may_go_through_it_and_the_listener_s_own_do_not(
    server: embedded.Server, ready: str, own: Connection, tmp_path: Path, folder: Path
) -> None:
    role = embedded.server.SUPERUSER
    async with pooler(server, folder, [role]) as running:
        processes = [
            ListenerProcess(ready, tmp_path / f"l{n}", pooler_url=running.url(ready, role), batch_documents=2).ready()
            for n in range(2)
        ]
        try:
            (tmp_path / "files").mkdir()
            for n in range(12):
                (tmp_path / "files" / f"{n}.txt").write_text(f"Vent {n} opens at noon.")
            requests = [await add(own, content=f"Flap {n} shuts at one.", uri=f"flap {n}") for n in range(20)]
            assert {row["status"] for row in await ended(own, *requests)} == {"succeeded"}
            named = (
                "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()"
                " and backend_type = 'client backend'"
            )
            for process in processes:  # six of its own, and what the pooler shares out
                session = f"ingest {process.executor_id}"
                assert await own.fetchval(named, session) <= 6 + SESSIONS
            for process in processes:
                assert "pooler" not in process.log()
        finally:
            assert [process.stop() for process in processes] == [0, 0]


@pytest.mark.long
async def test_a_listener_survives_a_pooler_that_is_gone_for_a_while(
    server: embedded.Server, ready: str, own: Connection, tmp_path: Path, folder: Path
) -> None:
    role = embedded.server.SUPERUSER
    async with pooler(server, folder, [role]) as running:
        url = running.url(ready, role)
        process = ListenerProcess(ready, tmp_path / "listener", pooler_url=url).ready()
    try:
        request = await add(own, content="The vents open at noon.", uri="a")
        async with pooler(server, folder, [role]):
            assert (await ended(own, request))[0]["status"] == "succeeded"
    finally:
        assert process.stop() == 0


async def test_a_pooler_that_leads_elsewhere_is_refused_before_anything_is_claimed(
    server: embedded.Server, ready: str, database: str, tmp_path: Path, folder: Path
) -> None:
    role = embedded.server.SUPERUSER
    async with pooler(server, folder, [role]) as running:
        ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready, INGEST_POOLER_URL=running.url(database, role))
        told = await ingest("listen")
        assert (told.status, told.err.count("error: pooled_elsewhere")) == (5, 1), told.err


# session mode


def page() -> str:
    return (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def session_mode() -> str:
    """Return the settings that the page shows."""
    found = re.search(r"^```ini\n(pool_mode = session\n.*?)^```", page(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.mark.long
async def test_a_listener_works_through_a_pooler_in_session_mode_set_as_the_page_says(
    server: embedded.Server, ready: str, own: Connection, tmp_path: Path, folder: Path
) -> None:
    path = re.search(r"`alter role ingest_listener in database app (set search_path = [^`]*)`", page())
    assert path
    role = embedded.server.SUPERUSER
    await own.execute(f"alter role {role} in database {await own.fetchval('select current_database()')} {path[1]}")
    async with pooler(server, folder, [role], session_mode()) as running:
        url = running.url(ready, role)
        assert (await Ingest(tmp_path, INGEST_DATABASE_URL=url)("migrate")).status == 0
        process = ListenerProcess(url, tmp_path / "listener").ready()
        try:
            async with listener.connect(url) as ingest:
                request = await ingest.add(content="The vents open at noon.", uri="a")
                assert (await ingest.wait(request, timeout=60)).status == "succeeded"
                assert {hit.by for hit in await ingest.search("when do flaps open?")} == {"both"}
        finally:
            assert process.stop() == 0


async def test_statements_behind_a_pooler_wait_for_a_lock_as_long_as_without_one(
    server: embedded.Server, ready: str, folder: Path
) -> None:
    role = embedded.server.SUPERUSER
    async with pooler(server, folder, [role], session_mode()) as running:
        direct = await open_database(Settings(), ready)
        behind = await open_database(Settings(), running.url(ready, role))
        assert (direct.pooled, behind.pooled) == (False, True)
        for database in (direct, behind):
            async with await database.pool(1, "test", "700ms") as pool:
                assert await pool.fetchval("show lock_timeout") == "700ms"


async def test_a_pooler_that_refuses_a_listener_s_settings_is_named_with_what_to_set(
    server: embedded.Server, ready: str, folder: Path
) -> None:
    role = embedded.server.SUPERUSER
    async with pooler(server, folder, [role], "pool_mode = session\n") as running:
        database = await open_database(Settings(), running.url(ready, role))
        with pytest.raises(OperatorError, match="a pooler refuses") as error:
            await database.connect("test")
    assert error.value.code == "database_unreachable"
    assert "ignore_startup_parameters" in error.value.hint
