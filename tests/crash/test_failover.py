"""A standby takes over from its primary; the URL names both, and whoever writes goes to the one that takes writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from laid_out import lay_out, prepare
from listener_process import ListenerProcess
from pipeline import ended, until
from staging import Connection, add, answer, session
from tcp_proxy import TcpProxy

from listener import embedded, service
from listener.embedded.binaries import run
from listener.embedded.home import open_home
from listener.settings import Settings

pytestmark = pytest.mark.long  # see pyproject.toml

NAME = "replicated"


@pytest.fixture
async def primary(data_dir: Path) -> AsyncIterator[embedded.Server]:
    async with await embedded.start(data_dir / "primary") as server:
        with (server.home.cluster / "pg_hba.conf").open("a") as rules:
            rules.write("local replication all trust\n")
        await server.create_database(NAME)
        async with session(server.dsn(NAME)) as c:
            await c.execute("select pg_reload_conf()")
        yield server


@pytest.fixture
async def standby(primary: embedded.Server, data_dir: Path) -> AsyncIterator[embedded.Server]:
    folder = data_dir / "standby"
    home = open_home(folder)
    home.cluster.mkdir(mode=0o700)
    home.account.owns(home.cluster)
    copy = [primary.programs / "bin" / "pg_basebackup", "-D", "cluster", "-h", primary.home.cluster, "-U", "postgres"]
    done = run([*map(str, copy), "--write-recovery-conf", "--checkpoint=fast"], home.account, home.path)
    assert done.returncode == 0, done.stderr
    with suppress(asyncpg.ReadOnlySQLTransactionError):  # it runs, and takes no extension
        await embedded.start(folder)
    async with embedded.Server(home, primary.programs, home.cluster) as server:
        yield server


@pytest.fixture
def proxies(primary: embedded.Server, standby: embedded.Server) -> Iterator[tuple[TcpProxy, TcpProxy]]:
    with TcpProxy(socket(primary)) as first, TcpProxy(socket(standby)) as second:
        yield first, second


def socket(server: embedded.Server) -> Path:
    return server.home.cluster / ".s.PGSQL.5432"


async def test_listeners_follow_a_failover_among_the_hosts_of_their_url(
    primary: embedded.Server, standby: embedded.Server, proxies: tuple[TcpProxy, TcpProxy], tmp_path: Path
) -> None:
    old, new = proxies
    dsn = f"postgresql://postgres@127.0.0.1:{new.port},127.0.0.1:{old.port}/{NAME}"  # the standby comes first
    await service.migrate(Settings(), dsn)
    it = ListenerProcess(dsn, tmp_path, heartbeat_seconds=0.2, lease_seconds=2, safety_poll_seconds=600).ready()
    try:
        it.hold("before:save_chunks")
        async with session(primary.dsn(NAME)) as c:
            request = await add(c, content="in the middle of the work", uri="held")
            await asyncio.to_thread(it.held, "before:save_chunks")
            assert await sessions_of_listeners(c) >= 5
            position = await c.fetchval("select pg_current_wal_lsn()::text")
        async with session(standby.dsn(NAME)) as c:
            await until(lambda: c.fetchval(f"select pg_last_wal_replay_lsn() >= '{position}'"))
            assert await sessions_of_listeners(c) == 0
            old.refuse()
            await primary.stop()
            it.go()
            await until(lambda: said(it, "waiting for Postgres"))
            await c.execute("select pg_promote()")
            rows = await ended(c, request, await add(c, content="after the failover", uri="after"))
            assert {row["status"] for row in rows} == {"succeeded"}, [row["error"] for row in rows]
            assert {row["executor_id"] for row in rows} == {it.executor_id}
    finally:
        it.kill()


async def sessions_of_listeners(c: Connection) -> int:
    query = "select count(*) from pg_stat_activity where application_name like 'ingest %' and datname = $1"
    return int(await c.fetchval(query, NAME))


async def said(it: ListenerProcess, piece: str) -> bool:
    return piece in it.log()


READING = {
    "select uri, by from ingest_search('cherries', by => 'words', rerank => true, since => '2020-01-01')": (
        "fruit",
        "words",
    ),
    "select uri, by from ingest_search('apples', collections => '{default}', min_similarity => 0)": ("fruit", "both"),
    "select uri, by from ingest_search('apples', by => 'vector', per_document => 1)": ("fruit", "vector"),
    'select uri, by from ingest_search(\'[1,0,40]\'::vector, filter => \'{"team": {"$in": ["red"]}}\')': (
        "fruit",
        "vector",
    ),
    "select uri, state from ingest_list_documents()": ("fruit", "live"),
    "select collection, documents from ingest_inventory()": ("default", 1),
    "select uri, title from ingest_show_document('fruit')": ("fruit", None),
    "select count(*), max(status) from ingest_status": (1, "pending"),
    "select count(*), max(code) from ingest_failures": (0, None),
    "select uri, ordinal from ingest_chunks limit 1": ("fruit", 0),
}
"""What reads, and one row of what comes."""

CONTEXT = "select by, text from ingest_context({}, k => 1, neighbours => 0, sections => 0)"


async def test_a_standby_searches_shows_how_things_are_and_gathers_what_goes_into_a_prompt(
    primary: embedded.Server, standby: embedded.Server
) -> None:
    await service.migrate(Settings(), primary.dsn(NAME))
    async with session(primary.dsn(NAME)) as c:
        await prepare(c)
        await lay_out(
            c, "fruit", "Apples are paid for.\n\nCherries are not.", size=50, overlap=0, metadata={"team": "red"}
        )
        await add(c)
        await answer(c, "apples")
    async with session(standby.dsn(NAME)) as c:
        await until(lambda: c.fetchval("select to_regclass('ingest_documents') is not null"))
        await until(lambda: c.fetchval("select exists (select from ingest_queries)"))
        assert await c.fetchval("select pg_is_in_recovery()")
        text = "Apples are paid for.\n\nCherries are not."
        assert [tuple(row) for row in await c.fetch(CONTEXT.format("'[1,0,40]'::vector"))] == [("vector", text)]
        assert [tuple(row) for row in await c.fetch(CONTEXT.format("'cherries'"))] == [("words_no_vector", text)]
        for query, row in READING.items():
            assert tuple((await c.fetch(query))[0]) == row, query
        assert await c.fetchval("select ingest_highlight($1, 'cherries')::text", text) == '{"[22,30)"}'
