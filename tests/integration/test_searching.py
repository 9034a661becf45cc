"""Queries that listeners embed: how callers wait, share a call, hear of errors, and find by meaning afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import Shared, chunks, ingested, until
from staging import Connection, collection, session

Start = Callable[..., ListenerProcess]

CATS = "Kittens and cats purr when they are content."
MONEY = "Invoices are paid within thirty days."


@pytest.fixture
def start(tmp_path: Path, ready: str) -> Iterator[Start]:
    """Starts listeners on this test's own database, and kills them at its end."""
    started: list[ListenerProcess] = []

    def start_one(**settings: object) -> ListenerProcess:
        folder = tmp_path / f"listener{len(started)}"
        it = ListenerProcess(ready, folder, safety_poll_seconds=600, **settings)  # type: ignore[arg-type]
        started.append(it)
        return it

    yield start_one
    for it in started:
        if it.process.poll() is None:
            it.kill()


@pytest.fixture
async def own(ready: str) -> AsyncIterator[Connection]:
    """A session in this test's own database."""
    async with session(ready) as connection:
        yield connection


async def embed(c: Connection, query: str, name: str = "default", timeout: str = "30 s") -> None:
    await c.execute("call ingest_embed_query($1, $2, $3::text::interval)", query, name, timeout)


async def search(c: Connection, query: str, name: str) -> list[str]:
    return [row["uri"] for row in await c.fetch("select uri from ingest_search($1, $2)", query, name)]


async def two_documents(c: Connection, name: str) -> None:
    await ingested(c, collection=name, content=CATS, uri="cats")
    await ingested(c, collection=name, content=MONEY, uri="money")


async def test_a_query_finds_by_words_only_until_it_is_embedded(c: Connection, name: str) -> None:
    await two_documents(c, name)
    assert await search(c, "a feline pet", name) == []
    await embed(c, "a feline pet", name)
    assert await search(c, "a feline pet", name) == ["cats", "money"]


async def test_rows_of_csv_are_found_by_the_names_of_their_columns(c: Connection, name: str) -> None:
    await collection(c, name, chunk_size=200, chunk_overlap=0)
    rows = "".join(f"{n},ship {n}\n" for n in range(80))
    await ingested(c, content=f"berth,moored\n{rows}", media_type="text/csv", uri="berths.csv", collection=name)
    first, *others = await chunks(c, name)
    assert "continues" not in first["metadata"]
    assert {one["metadata"]["continues"] for one in others} == {"berth,moored"}
    assert len(await search(c, "moored", name)) == len(others) + 1 > 3


async def test_words_that_a_user_says_a_chunk_continues_are_no_text_of_it(c: Connection, name: str) -> None:
    await ingested(c, collection=name, content=MONEY, uri="money", metadata={"continues": "zebras", "team": "red"})
    (chunk,) = await chunks(c, name)
    assert chunk["metadata"].get("continues") is None
    assert chunk["metadata"]["team"] == "red"
    assert await search(c, "zebras", name) == []
    assert await search(c, "invoices", name) == ["money"]


async def test_callers_that_ask_for_the_same_at_once_share_one_embedding(
    c: Connection, shared: Shared, process: ListenerProcess, name: str
) -> None:
    await ingested(c, collection=name, content=CATS, uri="cats")
    process.hold("before:embed", key=name)
    sessions = [session(shared.dsn) for _ in range(3)]
    opened = [await each.__aenter__() for each in sessions]
    calls = [asyncio.create_task(embed(each, f"who is {name}?", name)) for each in opened]
    await asyncio.to_thread(process.held, "before:embed", name)
    asked = "select count(*) = 3 from ingest_questions where text like '%' || $1 || '%'"
    await until(lambda: c.fetchval(asked, name))
    process.go()
    await asyncio.gather(*calls)
    for each in sessions:
        await each.__aexit__(None, None, None)
    assert process.embedded(name) == [f"who is {name}?"]
    assert await c.fetchval("select count(*) from ingest_questions where text is not null") == 0


async def test_a_caller_holds_nothing_while_it_waits(
    c: Connection, shared: Shared, process: ListenerProcess, name: str
) -> None:
    await ingested(c, collection=name, content=CATS, uri="cats")
    process.hold("before:embed", key=name)
    async with session(shared.dsn) as caller:
        pid = caller.get_server_pid()
        call = asyncio.create_task(embed(caller, f"who is {name}?", name))
        await asyncio.to_thread(process.held, "before:embed", name)
        xmin = "select backend_xmin::text from pg_stat_activity where pid = $1"
        seen = await c.fetchval(xmin, pid)
        await c.execute("create table more ()")  # takes a transaction id
        await c.execute("drop table more")
        await until(lambda: _differs(c, xmin, pid, seen))
        assert await c.fetchval("select count(*) from pg_locks where pid = $1 and locktype = 'transactionid'", pid) == 0
        process.go()
        await call


async def _differs(c: Connection, query: str, pid: int, before: str | None) -> bool:
    now = await c.fetchval(query, pid)
    return now is not None and now != before


async def test_a_query_does_not_wait_for_a_document_that_is_being_embedded(
    c: Connection, shared: Shared, process: ListenerProcess, name: str
) -> None:
    await ingested(c, collection=name, content=CATS, uri="cats")
    process.hold("before:embed", key="slowly")
    async with session(shared.dsn) as other:
        request = asyncio.create_task(ingested(other, collection=name, content="It goes slowly.", uri="slow"))
        await asyncio.to_thread(process.held, "before:embed", "slowly")
        await embed(c, "cats", name)
        process.go()
        await request


async def test_a_listener_that_can_t_embed_says_so_at_once_and_tries_again_when_called_again(
    c: Connection, name: str
) -> None:
    await collection(c, name, embedder="nonesuch", model="m", dimensions=3)
    for _ in range(2):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await embed(c, "anything", name)
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG034", "unknown_embedder")
        assert "nonesuch" in refused.value.message
        assert refused.value.hint
    query = "select q.* from ingest_questions q join ingest_collections using (space_id) where name = $1"
    for row in await c.fetch(query, name):
        assert (row["text"], row["error"]["code"]) == (None, "unknown_embedder")


async def test_a_text_that_is_refused_does_not_harm_the_others_of_its_call(c: Connection, name: str) -> None:
    await ingested(c, collection=name, content=CATS, uri="cats")
    space = await c.fetchval("select space_id from ingest_collections where name = $1", name)
    await c.execute(  # nothing of our own asks for an empty text; both are there when the listener looks
        "with asked as (insert into ingest_questions (asked_by, space_id, hash, text, wanted_until)"
        " select '', $1, sha256(convert_to(text, 'UTF8')), text, now() + interval '1 minute'"
        " from unnest(array['', $2]) text returning hash)"
        " select pg_notify(ingest_channel('queries'), '') from asked",
        space, name,
    )  # fmt: skip
    await embed(c, name, name)
    refused = "select error ->> 'code' from ingest_questions where space_id = $1 and hash = sha256('')"
    assert await until(lambda: c.fetchval(refused, space)) == "empty_text"


async def test_a_poll_only_listener_answers_too(own: Connection, start: Start) -> None:
    start(poll_only="true", poll_seconds=0.2).ready()
    await ingested(own, content=CATS, uri="cats")
    await embed(own, "a feline pet")
    assert await search(own, "a feline pet", "default") == ["cats"]


@pytest.mark.long
async def test_a_listener_answers_after_its_connections_were_cut(own: Connection, start: Start) -> None:
    start().ready()
    await ingested(own, content=CATS, uri="cats")
    await own.fetch("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'ingest %'")
    await embed(own, "a feline pet")


@pytest.mark.long
async def test_what_was_asked_before_a_listener_came_is_answered_or_forgotten(own: Connection, start: Start) -> None:
    await own.execute(
        "insert into ingest_listeners (executor_id, host, pid, version, pipeline, roots, queue, capacity, lease)"
        " values ('gone', 'here', 1, '0', '0', '{}', '', 1, '1 hour')"
    )
    settings = {"embedder": "local", "model": "wordllama-l2-supercat-256", "dimensions": 256}
    await collection(own, "default", settings)
    await own.fetch("select from ingest_ask('wanted', 'default', '1 minute')")
    await own.fetch("select from ingest_ask('late', 'default', '0')")
    start().ready()
    await until(lambda: own.fetchval("select ingest_query_embedding('wanted', 'default') is not null"))
    assert await own.fetchval("select count(*) from ingest_queries") == 1


async def test_another_listener_answers_what_a_killed_one_took(own: Connection, ready: str, start: Start) -> None:
    first = start().ready()
    await ingested(own, content=CATS, uri="cats")
    first.hold("before:embed", key="urgent")
    async with session(ready) as caller:
        call = asyncio.create_task(embed(caller, "urgent"))
        await asyncio.to_thread(first.held, "before:embed", "urgent")
        first.kill()
        second = start().ready()
        await call
    assert second.embedded("urgent") == ["urgent"]


@pytest.mark.long
async def test_the_cache_keeps_the_queries_that_were_used_last(own: Connection, start: Start) -> None:
    start(query_cache=3).ready()
    await ingested(own, content=CATS, uri="cats")
    for number in range(3):
        await embed(own, f"query {number}")
    await own.execute("update ingest_queries set wanted_until = now(), used_at = now() - interval '1 day'")
    await embed(own, "query 1")  # used again
    await embed(own, "query 3")
    await embed(own, "query 4")
    await until(lambda: _holds(own, 3))
    kept = [
        n
        for n in range(5)
        if await own.fetchval("select ingest_query_embedding($1, 'default') is not null", f"query {n}")
    ]
    assert kept == [1, 3, 4]


async def _holds(c: Connection, number: int) -> bool:
    return bool(await c.fetchval("select count(*) = $1 from ingest_queries", number))


async def test_the_search_verb_has_a_listener_embed_and_shows_sql_that_does_the_same(
    own: Connection, ready: str, start: Start, tmp_path: Path
) -> None:
    start().ready()
    await two_documents(own, "default")
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    ended = await ingest("search", "a feline pet", "--json", "-k", "1")
    assert [row["uri"] for row in ended.json] == ["cats"]
    assert ended.err == ""
    shown = await ingest("search", "it's a feline pet", "--show-sql")
    await own.execute("truncate ingest_queries")
    call, select = shown.err.split(";\n", 1)
    await own.execute(call)
    assert [row["uri"] for row in await own.fetch(select)] == ["cats", "money"]


async def test_eval_measures_each_way_as_its_page_shows(
    own: Connection, ready: str, start: Start, tmp_path: Path
) -> None:
    start().ready()
    await ingested(own, content="Salaries are paid on the 25th.", uri="hr/salaries", collection="staff")
    await ingested(own, content="The canteen closes at three.", uri="canteen", collection="staff")
    page = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
    judged = page.split("<!-- file: judged.jsonl -->\n```json\n")[1].split("```")[0]
    shown = page.split("<!-- file: judged.jsonl -->")[1].split("```text\n")[1].split("```")[0]
    file = tmp_path / "judged.jsonl"
    file.write_text(judged, encoding="utf-8")
    ended = await Ingest(tmp_path, INGEST_DATABASE_URL=ready)("eval", str(file), "-c", "staff", "--worst", "1")
    table, *worst = ended.out.split("\n\n")
    assert table.strip().split() == shown.split()
    assert "lunch" in worst[0]
    assert ended.err == ""
    file.write_text(judged.replace("hr/salaries", "hr/nothing"), encoding="utf-8")
    ended = await Ingest(tmp_path, INGEST_DATABASE_URL=ready)("eval", str(file), "-c", "staff", "--by", "words")
    assert ended.err == 'warning: expected, but not in collection "staff": hr/nothing; see --base\n'
