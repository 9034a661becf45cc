"""What an INSERT, UPDATE or DELETE of ingest_requests accepts and refuses."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest
from staging import Connection, add, add_listener, claim, collection, ingest, live, one, session, settle, start

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"source": None}, "IG001", "nothing_to_ingest"),
    ({"source": "/a", "content": "b"}, "IG002", "two_things_to_ingest"),
    ({"content": "a", "content_bytes": b"b"}, "IG002", "two_things_to_ingest"),
    ({"source": "/a", "uri": "name"}, "IG002", "two_things_to_ingest"),
    ({"source": "/a", "media_type": "text/plain"}, "IG002", "two_things_to_ingest"),
    ({"options": {"inclde": "*.md"}}, "IG003", "unknown_option"),
    ({"options": {"include": 1}}, "IG004", "wrong_option_type"),
    ({"options": {"include": ["*.md", 1]}}, "IG004", "wrong_option_type"),
    ({"options": {"force": "yes"}}, "IG004", "wrong_option_type"),
    ({"options": {"force": None}}, "IG004", "wrong_option_type"),
    ({"options": {"publish": "later"}}, "IG004", "wrong_option_type"),
    ({"options": {"timeout_seconds": 0}}, "IG004", "wrong_option_type"),
    ({"options": {"max_bytes": -1}}, "IG004", "wrong_option_type"),
    ({"options": ["include"]}, "IG004", "wrong_option_type"),
    ({"options": "include"}, "IG004", "wrong_option_type"),
    ({"metadata": ["include"]}, "IG004", "wrong_metadata"),
    ({"metadata": "x"}, "IG004", "wrong_metadata"),
    ({"source": "docs/a.md"}, "IG008", "relative_path"),
    ({"source": ""}, "IG001", "nothing_to_ingest"),
    ({"source": "", "content": "", "content_bytes": b""}, "IG001", "nothing_to_ingest"),
    ({"source": "~/docs"}, "IG008", "relative_path"),
    ({"source": "https://bob:QXZJKV@example.com/a"}, "IG008", "credentials_in_source"),
    ({"source": "s3://key:QXZJKV@bucket/a"}, "IG008", "credentials_in_source"),
    ({"content": "a", "uri": "u" * 2001}, "IG009", "uri_too_long"),
]
SYSTEM_COLUMNS: dict[str, str] = {
    "status": "'succeeded'", "error": "'{}'", "documents_total": "1", "documents_done": "1", "documents_skipped": "1",
    "documents_failed": "1", "chunks_total": "1", "attempt": "1", "executor_id": "'L1'", "deadline_at": "now()",
    "settings": "'{}'", "forked_from": "gen_random_uuid()", "created_by": "'someone'", "created_at": "'2020-01-01'",
    "started_at": "now()", "discovered_at": "now()", "finished_at": "now()", "due": "false", "limited": "true",
    "local_path": "'/a'", "read_seq": "1", "locator": "'/a'", "submitted_by": "'someone'", "documents_unchanged": "1",
    "resume_at": "now()", "documents_found": "1", "duplicates": "1", "refused": "1", "percent": "1",
}  # fmt: skip


async def test_an_insert_that_can_be_seen_to_be_wrong_is_refused(c: Connection) -> None:
    for columns, code, constraint in REFUSED:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await add(c, **columns)
        assert (refused.value.sqlstate, refused.value.constraint_name) == (code, constraint), columns
        assert refused.value.hint
        assert refused.value.detail is None
    assert await c.fetchval("select count(*) from ingest_requests") == 0


async def test_a_system_column_is_refused_on_insert(c: Connection) -> None:
    for column, value in SYSTEM_COLUMNS.items():
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.execute(f"insert into ingest_requests (source, {column}) values ('/a', {value})")
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG005", "system_column"), column
        assert refused.value.hint


async def test_a_system_column_is_refused_on_update(c: Connection) -> None:
    await add(c)
    for column, value in SYSTEM_COLUMNS.items():
        if column != "due":
            with pytest.raises(asyncpg.PostgresError) as refused:
                await c.execute(f"update ingest_requests set {column} = {value}")
            assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG005", "system_column"), column
    assert await c.fetchval("update ingest_requests set due = false returning due") is True  # overruled


async def test_a_null_in_a_system_column_is_refused_without_the_row_s_content(c: Connection) -> None:
    for column in ("status", "attempt", "due", "limited", "created_at", "created_by", "begun", "crashes"):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.execute(f"insert into ingest_requests (source, {column}) values ('/a', null)")
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG005", "system_column"), column
        assert refused.value.detail is None


async def test_nan_is_no_json(c: Connection) -> None:
    for column in ("options", "metadata"):
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await c.execute(f"""insert into ingest_requests (source, {column}) values ('/a', '{{"a": NaN}}')""")


async def test_a_collection_without_a_usable_name_is_refused(c: Connection) -> None:
    for columns, constraint in (
        ({"collection": ""}, "wrong_collection_name"),
        ({"collection": "  "}, "wrong_collection_name"),
        ({"collection": "x" * 49}, "wrong_collection_name"),
        ({"collection": "a\nb"}, "wrong_collection_name"),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await add(c, **columns)
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG016", constraint)


async def test_a_pending_request_can_be_changed_where_it_belongs_to_the_application(c: Connection) -> None:
    await add(c)
    row = await one(
        c,
        """update ingest_requests set priority = 3, run_at = now() + interval '1 day', metadata = '{"a": 1}',
           options = '{"force": true}', dedupe_key = 'k' returning priority, due, options""",
    )
    assert tuple(row) == (3, False, {"force": True})
    with pytest.raises(asyncpg.PostgresError) as refused:
        await c.execute("""update ingest_requests set options = '{"a": 1}'""")
    assert refused.value.sqlstate == "IG003"


async def test_a_running_and_a_finished_request_cannot_be_changed(c: Connection) -> None:
    request = await start(c, ["a"])
    for _ in range(2):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.execute("update ingest_requests set priority = 3")
        assert refused.value.sqlstate == "IG005"
        await settle(c, request)


async def test_the_guard_is_back_after_a_function_that_may_write(c: Connection) -> None:
    request = await add(c)
    await c.execute("begin")
    await c.execute("select ingest_cancel($1)", request)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await c.execute("update ingest_requests set status = 'pending', finished_at = null, error = null")
    assert refused.value.sqlstate == "IG005"


async def test_ingest_add_returns_the_unfinished_request_with_the_same_dedupe_key(c: Connection) -> None:
    call = "select ingest_add('/a', dedupe_key => 'k', collection => $1)"
    first = await c.fetchval(call, "one")
    assert await c.fetchval(call, "one") == first
    assert await c.fetchval(call, "two") != first
    assert await c.fetchval("select ingest_add('/a', collection => 'one')") != first
    await c.execute("select ingest_cancel($1)", first)
    assert await c.fetchval(call, "one") != first


async def test_a_dedupe_key_is_unique_among_unfinished_requests(c: Connection) -> None:
    await add(c, dedupe_key="k")
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await add(c, dedupe_key="k")
    assert refused.value.constraint_name == "dedupe_key_is_unique_among_a_submitters_unfinished"


async def test_the_id_of_a_deleted_request_is_refused(c: Connection) -> None:
    request = await add(c)
    await c.execute("select ingest_cancel($1)", request)
    await c.execute("delete from ingest_requests")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await add(c, id=request)
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG006", "id_used_before")


async def test_an_unfinished_request_cannot_be_deleted(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    for _ in range(2):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.execute("delete from ingest_requests")
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG007", "unfinished_request")
        assert str(request) in str(refused.value.hint)
        await claim(c)


async def test_what_is_live_outlives_its_request(c: Connection) -> None:
    await ingest(c, {"a": "old", "b": "b"})
    request = await ingest(c, {"a": "new"})
    await c.execute("delete from ingest_requests where id <> $1", request)
    assert await live(c) == {"a": "new", "b": "b"}
    assert await c.fetchval("select count(*) from ingest_revisions") == 2
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 2


async def test_a_collection_with_unfinished_requests_cannot_be_deleted(c: Connection) -> None:
    await collection(c, "c")
    await add(c, collection="c")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await c.execute("delete from ingest_collections where name = 'c'")
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG007", "unfinished_request")


async def test_a_deleted_collection_takes_its_documents_chunks_and_view_along(c: Connection) -> None:
    await ingest(c, {"a": "a"}, collection='my "odd" c')
    await ingest(c, {"a": "a"}, collection="kept")
    await c.execute("delete from ingest_collections where name <> 'kept'")
    assert await c.fetchval("select array_agg(collection) from ingest_chunk_store") == ["kept"]
    assert await c.fetchval("select array_agg(collection) from ingest_documents") == ["kept"]
    views = await c.fetch("select viewname from pg_views where viewname like 'ingest\\_chunks\\_%'")
    assert [row["viewname"] for row in views] == ["ingest_chunks_kept"]


async def test_the_path_of_a_local_source_is_known(c: Connection) -> None:
    for source, path in (
        ("/srv/a b", "/srv/a b"),
        ("//srv/a", "/srv/a"),
        ("file:///srv/a%20b", "/srv/a b"),
        ("FILE:/srv/a", "/srv/a"),
        ("file://localhost/srv/%C3%A9", "/srv/é"),
        ("file:///srv/100%", "/srv/100%"),
        ("file:///srv/%ff/b", "/srv/"),
        ("file://elsewhere/srv", None),
        ("https://example.org/a", "https://example.org/a"),  # so that the former release leaves it to others
    ):
        request = await add(c, source=source)
        assert await c.fetchval("select local_path from ingest_requests where id = $1", request) == path


async def test_where_a_source_lies_is_known_whether_it_is_a_path_or_a_url(c: Connection) -> None:
    for source, locator in (
        ("/srv/a b", "/srv/a b"),
        ("file:///srv/a%20b", "/srv/a b"),
        ("file://elsewhere/srv", None),
        ("https://example.org/A?b#c", "https://example.org/A?b#c"),
        ("S3://Bucket/Key", "s3://bucket/Key"),
    ):
        request = await add(c, source=source)
        assert await c.fetchval("select locator from ingest_requests where id = $1", request) == locator
    inline = await add(c, content="a")
    assert await c.fetchval("select locator from ingest_requests where id = $1", inline) is None


async def test_who_submitted_a_request_is_the_role_that_was_set_else_that_of_the_session(
    c: Connection, installed: str
) -> None:
    name = f"role_{uuid.uuid4().hex}"
    await c.execute(f"create role {name} login; select ingest_grant('{name}', 'submitter')")
    try:
        await c.execute(f"grant insert on ingest_requests to {name}")  # of all columns, as in a former release
        submitted = "insert into ingest_requests (source) values ('/a') returning submitted_by"
        assert await c.fetchval(submitted) == await c.fetchval("select session_user::text")
        await c.execute(f"set role {name}")
        assert await c.fetchval(submitted) == name
        with pytest.raises(asyncpg.PostgresError) as refused:  # not even to the session's own
            await c.execute("insert into ingest_requests (source, submitted_by) values ('/a', session_user)")
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG005", "system_column")
        await c.execute("reset role")
        async with session(installed.replace("//postgres@", f"//{name}@")) as its_own:
            assert await its_own.fetchval(submitted) == name
    finally:
        await c.execute(f"reset role; drop owned by {name} cascade; drop role {name}")


async def test_an_unknown_collection_setting_is_refused(c: Connection) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await collection(c, "c", {"chunksize": 3})
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG012", "unknown_setting")
    assert await c.fetchval("select array_agg(name) from ingest_collections") == ["default"]


async def test_a_space_changes_only_while_nothing_is_in_it(c: Connection) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await collection(c, "c", {"model": "m"})
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG012", "incomplete_space")
    space = {"embedder": "e", "model": "m", "dimensions": 4}
    await collection(c, "c", space)
    await collection(c, "c", {"dimensions": 3})
    await ingest(c, {"a": "a"}, collection="c")
    await collection(c, "c", {"dimensions": 3})  # the same: no change
    with pytest.raises(asyncpg.PostgresError) as refused:
        await collection(c, "c", {"model": "other"})
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG013", "space_in_use")


async def test_an_id_can_be_given_and_is_used_once(c: Connection) -> None:
    request = uuid.uuid4()
    assert await add(c, id=request) == request
    with pytest.raises(asyncpg.UniqueViolationError):
        await add(c, id=request)


async def test_an_embedding_template_without_the_text_or_with_unknown_fields_is_refused(c: Connection) -> None:
    for template in ("{title}", "{text}{text}", "{text}{uri}", "{text}{}"):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await collection(c, "c", {"embedding_template": template})
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG012", "bad_template")
    await collection(c, "c", {"embedding_template": '{"literal": "{text}"}'})
