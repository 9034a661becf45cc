"""What is forgotten is gone from our tables, stays out, and nothing else goes with it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from forgotten import WORD, forget, tables_with, would_forget
from staging import (
    SPACE,
    Connection,
    add,
    blocked,
    carry,
    claim,
    collection,
    ingest,
    live,
    load,
    one,
    own,
    settle,
    start,
    states,
)


async def test_a_document_is_forgotten_with_its_former_states_and_nothing_else(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": f"old {WORD}", "b": "other"}, source="/srv/1")
    await ingest(c, {"a": f"new {WORD}", "b": "other, changed"}, source="/srv/2")
    before = await would_forget(c, uri="a", collection="default")
    assert before == {"documents": 1, "revisions": 2, "chunks": 2}
    assert await forget(c, uri="a", collection="default") == before
    assert await tables_with(c, WORD) == []
    assert [row["uri"] for row in await c.fetch("select uri from ingest_documents")] == ["b"]
    assert await c.fetchval("select count(*) from ingest_revisions") == 2
    assert await c.fetchval("select count(*) from ingest_requests") == 2


async def test_a_text_that_another_document_holds_stays_there_and_the_report_says_so(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "shared", "b": "shared", "c": "own"})
    rows = await c.fetch("select * from ingest_forget(under => 'a', collection => 'default')")
    (chunks,) = (row for row in rows if row["what"] == "chunks")
    assert (chunks["removed"], chunks["remains"]) == (1, 1)
    assert await c.fetchval("select count(*) from ingest_chunks where text = 'shared'") == 1


async def test_inline_requests_go_with_their_content_also_when_the_document_was_deleted_before(c: Connection) -> None:
    await collection(c, "default", SPACE)
    request = await ingest(c, {f"{WORD}.md": f"a {WORD}"}, content=f"a {WORD}", uri=f"{WORD}.md", source=None)
    waiting = await add(c, content=f"more {WORD}", uri=f"{WORD}.md")
    await c.execute("delete from ingest_documents")
    assert await forget(c, uri=f"{WORD}.md", collection="default") == {"requests": 2}
    rows = await c.fetch("select id from ingest_used_ids")
    assert {row["id"] for row in rows} == {request, waiting}
    assert await tables_with(c, WORD) == ["ingest_forget_orders"]  # until it is carried out
    with pytest.raises(asyncpg.PostgresError, match="ran before"):
        await add(c, id=request, content="x")


@pytest.mark.parametrize("state", ["discovered", "loaded", "chunked", "embedded"])
async def test_running_work_does_not_bring_it_back(c: Connection, state: str) -> None:
    await collection(c, "default", SPACE)
    request = await start(c, ["a", "b"])
    texts = {"a": f"text {WORD}", "b": "other"}
    owner = await carry(c, request, state, texts=texts) if state != "discovered" else await own(c, request)
    assert await forget(c, uri="a", collection="default")
    with pytest.raises(asyncpg.PostgresError, match="another owner"):  # that one has the text in memory
        await load(c, request, 0, owner, texts)
    await carry(c, request, texts=texts)
    assert await settle(c, request) == "succeeded"
    assert await states(c, request) == {"b": "published"}
    assert await tables_with(c, WORD) == []


async def test_what_discovery_is_writing_is_waited_for_and_found(
    c: Connection, other: Connection, third: Connection
) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one"})
    request = await add(c, source="/srv/again")
    assert await claim(c) == [request]
    async with other.transaction():
        found = [(n, 0, uri, *[None] * 10) for n, uri in enumerate("ab")]
        await other.execute("select ingest_add_found($1, 'L1', null, $2::ingest_found_v1[])", request, found)
        forgetting = asyncio.create_task(forget(c, uri="a", collection="default"))
        await blocked(third, c)
    assert (await forgetting)["revisions"] == 2
    assert await states(c, request) == {"b": "discovered"}


async def test_it_stays_out_until_it_is_let_back(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one", "b": "two"})
    await forget(c, uri="a", collection="default")
    again = await start(c, ["a", "b", "c"], source="/srv/again")
    await carry(c, again)
    assert await settle(c, again) == "succeeded"
    assert sorted(await states(c, again)) == ["b", "c"]
    found = await one(c, "select documents_found, documents_total from ingest_requests where id = $1", again)
    assert tuple(found) == (2, 2)
    with pytest.raises(asyncpg.PostgresError, match='document "a" was forgotten') as refused:
        await add(c, content="x", uri="a")
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG006", "forgotten")
    await add(c, content="x", uri="a", collection="elsewhere")
    assert await c.fetchval("select ingest_let_back('a')") is True
    assert await c.fetchval("select ingest_let_back('a')") is False
    await add(c, content="x", uri="a")


async def test_it_may_come_back_where_that_was_said(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one"})
    await forget(c, uri="a", collection="default", keep_out=False)
    await add(c, content="x", uri="a")


async def test_what_lies_inside_of_a_document_goes_with_it_and_what_has_a_like_name_does_not(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, dict.fromkeys(["m.eml", "m.eml#a.pdf", "m.eml#z.zip/b.md", "m.eml2", "m.em"], "x"), source="/srv/1")
    await forget(c, uri="m.eml#z.zip", collection="default")
    left = "select uri from ingest_documents order by uri"
    assert [row["uri"] for row in await c.fetch(left)] == ["m.em", "m.eml", "m.eml#a.pdf", "m.eml2"]
    await forget(c, uri="m.eml", collection="default")
    assert [row["uri"] for row in await c.fetch(left)] == ["m.em", "m.eml2"]
    assert sorted(await live(c)) == ["m.em", "m.eml2"]


async def test_a_collection_is_forgotten_page_by_page_with_its_work_and_its_watches(c: Connection) -> None:
    await collection(c, "a", SPACE)
    await collection(c, "b", SPACE)
    await ingest(c, {f"{WORD}{n}": f"text {WORD} {n}" for n in range(7)}, collection="a")
    await ingest(c, {"stays": "text"}, collection="b")
    running = await start(c, [f"{WORD}9"], collection="a")
    await carry(c, running, "embedded")
    await add(c, content=f"waits {WORD}", collection="a")
    await c.execute("select ingest_watch('/srv/watched', 'a', 'w', every => '1 hour')")
    preview = await would_forget(c, collection="a")
    assert preview == {"documents": 7, "revisions": 8, "chunks": 8, "requests": 3, "watches": 1}
    removed: dict[str, int] = {}
    for _ in range(5):
        removed = await forget(c, collection="a", page=2)
    assert {kind: count for kind, count in removed.items() if kind in preview} == preview
    assert await tables_with(c, WORD) == []
    assert await c.fetchval("select count(*) from ingest_documents") == 1
    assert (
        await c.fetchval("select count(*) from ingest_commands where request_id = $1 and verb = 'cancel'", running) == 1
    )
    await add(c, content="a new beginning", uri=f"{WORD}1", collection="a")  # everything: nothing is kept out


@pytest.mark.parametrize("scope", [{"uri": "r#1"}, {"under": "r#1"}, {"uri": "r"}, {}])
async def test_what_would_be_forgotten_is_what_is_forgotten_also_where_content_goes_as_a_whole(
    c: Connection, scope: dict[str, str]
) -> None:
    await collection(c, "default", SPACE)
    records = await ingest(c, {"r#1": "one", "r#2": "two", "r#3": "three"}, content="records", uri="r", source=None)
    await ingest(c, {"r#3": "newer, of another request", "else": "x"}, source="/srv/1")
    preview = await would_forget(c, **scope, collection="default")
    assert await forget(c, **scope, collection="default") == preview
    assert await c.fetchval("select count(*) from ingest_requests where id = $1", records) == 0


async def test_a_tenants_document_is_forgotten_in_all_of_its_collections(c: Connection) -> None:
    for name, tenant in (("a", "acme"), ("b", "acme"), ("c", "other")):
        await collection(c, name, {**SPACE, "tenant": tenant})
        await ingest(c, {"x": f"{WORD} {name}", "y": "y"}, collection=name, source=f"/srv/{name}")
    assert (await forget(c, tenant="acme", uri="x"))["documents"] == 2
    rows = await c.fetch("select collection from ingest_documents where uri = 'x'")
    assert [row["collection"] for row in rows] == ["c"]


async def test_words_in_errors_of_requests_that_stay_are_wiped(c: Connection) -> None:
    await collection(c, "default", SPACE)
    request = await start(c, ["a", "b"])
    error = {"code": "odd", "message": f"{WORD} is odd", "hint": f"look at {WORD}", "step": None, "retryable": False}
    assert await settle(c, request, "failed", error) == "failed"
    assert (await forget(c, uri="a", collection="default"))["errors"] == 1
    assert await tables_with(c, WORD) == []
    kept = await c.fetchval("select error from ingest_requests where id = $1", request)
    assert (kept["code"], kept["message"]) == ("odd", "what it said was forgotten")


async def test_keys_of_a_watched_tables_rows_are_forgotten_before_they_are_read(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await c.execute(f"create table {WORD}s (name text primary key, body text)")
    watch = await c.fetchval(f"select ingest_watch_table('{WORD}s', columns => '{{body}}', back_fill => false)")
    await c.execute(f"insert into {WORD}s values ('an.na {WORD}', 'x'), ('else', 'y')")
    prefix = await c.fetchval("select prefix from ingest_watched_tables where watch = $1", watch)
    uri = prefix + await c.fetchval("select ingest_percent_encode($1)", f"an.na {WORD}")
    await add(c, content="x", uri="there")  # the document was never read
    await c.execute("insert into ingest_forgotten (key) values (ingest_forgotten_key('default', $1))", uri)
    assert (await forget(c, uri=uri, collection="default"))["changes"] == 1
    rows = await c.fetch("select key from ingest_changed_keys")
    assert [row["key"] for row in rows] == [["else"]]


async def test_options_of_a_fork_are_wiped_also_of_requests_that_are_deleted(c: Connection) -> None:
    await collection(c, "default", SPACE)
    for deleted in (False, True):
        request = await ingest(c, {f"n/{WORD}": "text", "m": "other"}, source="/srv/n")
        await c.execute("select ingest_cancel(ingest_fork($1, 'discover', $2))", request, {"include": [f"{WORD}.md"]})
        await c.execute("delete from ingest_requests where forked_from = $1", request)
        assert "ingest_commands" in await tables_with(c, WORD)
        if deleted:
            await c.execute("delete from ingest_requests where id = $1", request)
        else:
            await forget(c, under="n/", collection="default", keep_out=False)
        assert "ingest_commands" not in await tables_with(c, WORD)


@pytest.mark.parametrize("source", ["/srv/n/../n/a.md", "/srv/./n//a.md", "file:///srv/x/../n/a.md", "/srv/n/a.md"])
async def test_a_source_is_found_however_its_path_is_written(c: Connection, source: str) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"file:///srv/n/a.md": "text"}, source=source)
    await add(c, source="/srv/n/../other.md")
    assert (await would_forget(c, under="/srv/n/", collection="default"))["requests"] == 1
    assert (await forget(c, under="file:///srv/n/", collection="default"))["requests"] == 1


async def test_a_request_says_that_its_source_has_what_is_kept_out(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {f"{WORD}": "text", "b": "other"})
    await forget(c, uri=WORD, collection="default")
    request = await add(c, source="/srv/again")
    assert await claim(c) == [request]
    for page, uri in enumerate((WORD, "b"), 1):
        found = [(page, 0, uri, *[None] * 10)]
        listing = {"read_seq": 1, "cursor": uri, "page": page, "note": None}
        call = "select ingest_add_page($1, 'L1', 1, $2::ingest_found_v1[], '{}', $3)"
        await c.execute(call, request, found, listing)
    note = await c.fetchval("select note from ingest_status where id = $1", request)
    assert note["code"] == "forgotten"
    assert "ingest_let_back" in note["hint"]


async def test_words_are_wiped_also_of_what_a_running_request_says(c: Connection) -> None:
    await collection(c, "default", SPACE)
    request = await start(c, ["a", "b"])
    said = {"code": "away", "message": WORD, "hint": WORD}
    await c.execute("select set_config('ingest.writer', '', false)")
    await c.execute(
        "with x as materialized (select ingest_as_system()) update ingest_requests"
        " set outage = $2, listing = $3 from x where id = $1",
        request,
        said,
        {"read_seq": 1, "cursor": WORD, "note": said},
    )
    assert await tables_with(c, WORD) == ["ingest_requests"]
    assert (await forget(c, uri="a", collection="default"))["errors"] == 1
    assert await tables_with(c, WORD) == []
    row = await one(c, "select outage, listing from ingest_requests where id = $1", request)
    assert (row["outage"]["code"], row["listing"]) == ("away", {"read_seq": 1})
