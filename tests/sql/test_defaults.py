"""A null means the default, and an empty string nothing: what object mappers and forms send for what is not set."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from roles import refused
from staging import SPACE, Connection, add, add_listener, collection, ingest, one, settle, start

WRITTEN = ["id", "collection", "options", "metadata", "priority", "run_at", "dedupe_key", "uri", "media_type"]
OTHERS = "source, content, content_bytes, due, run_at = created_at as at_once"
SHOWN = f"select {', '.join(WRITTEN)}, {OTHERS} from ingest_requests"


async def inserted(c: Connection, **columns: Any) -> asyncpg.Record:
    request = await add(c, **columns)
    return await one(c, f"{SHOWN} where id = $1", request)


def assert_defaults(row: asyncpg.Record) -> None:
    assert row["id"] is not None
    assert (row["collection"], row["options"], row["metadata"], row["priority"]) == ("default", {}, {}, 0)
    assert (row["due"], row["at_once"]) == (True, True)
    assert (row["dedupe_key"], row["uri"], row["media_type"]) == (None, None, None)


@pytest.mark.parametrize("by_submitter", [False, True])
async def test_a_null_in_a_column_of_the_application_is_its_default(
    c: Connection, submitter: str, by_submitter: bool
) -> None:
    if by_submitter:
        await c.execute(f"set role {submitter}")
    nulls = dict.fromkeys(WRITTEN)
    for more in ({"source": "/a", "content": None}, {"content": "text", "source": None, "content_bytes": None}):
        assert_defaults(await inserted(c, **nulls, **more))
    for column in WRITTEN:
        assert_defaults(await inserted(c, source="/a", **{column: None}))


@pytest.mark.parametrize("by_submitter", [False, True])
async def test_json_s_null_is_one_too(c: Connection, submitter: str, by_submitter: bool) -> None:
    if by_submitter:
        await c.execute(f"set role {submitter}")
    await c.execute("insert into ingest_requests (source, options, metadata) values ('/a', 'null', 'null')")
    assert_defaults(await one(c, SHOWN))


async def test_an_empty_string_in_an_optional_column_is_none(c: Connection, submitter: str) -> None:
    await c.execute(f"set role {submitter}")
    empty = {"uri": "", "media_type": "", "dedupe_key": ""}
    assert_defaults(await inserted(c, source="/a", content="", content_bytes=b"", **empty))
    row = await inserted(c, source="", content="text", content_bytes=b"", **empty)
    assert (row["source"], row["content"], row["content_bytes"]) == (None, "text", None)
    row = await inserted(c, source="", content="", content_bytes=b"text")
    assert (row["source"], row["content"], row["content_bytes"]) == (None, None, b"text")
    assert (await inserted(c, content=""))["content"] == ""  # an empty document, which fails by itself
    await add(c, dedupe_key="")
    await add(c, dedupe_key="")  # no key, so not twice the same


async def test_an_update_takes_nulls_as_defaults_too(c: Connection) -> None:
    request = await add(c, priority=3, metadata={"a": 1}, options={"force": True}, dedupe_key="k")
    await c.execute(
        "update ingest_requests set priority = null, run_at = null, metadata = null, options = 'null', dedupe_key = ''"
    )
    row = await one(c, f"{SHOWN} where id = $1", request)
    assert (row["priority"], row["metadata"], row["options"], row["dedupe_key"]) == (0, {}, {}, None)
    with refused("IG004", "wrong_metadata"):
        await c.execute("update ingest_requests set metadata = '[1]'")


async def test_functions_take_nulls_as_defaults(c: Connection) -> None:
    nulls = (
        "collection => null, options => null, metadata => null, priority => null, run_at => null, dedupe_key => null"
    )
    await c.execute(f"select ingest_add('/a', {nulls}, uri => '', media_type => '')")
    assert_defaults(await one(c, SHOWN))
    first = await c.fetchval("select ingest_add('/b', collection => null, dedupe_key => 'k')")
    assert await c.fetchval("select ingest_add('/b', collection => 'default', dedupe_key => 'k')") == first
    assert await c.fetchval("select ingest_add('/b', collection => null, dedupe_key => 'k')") == first
    await c.execute("select ingest_cancel(id) from ingest_requests")

    done = await ingest(c, {"x": "the vents open"})
    fork = await c.fetchval("select ingest_fork($1, null, null, null)", done)
    assert await c.fetchval("select options from ingest_requests where id = $1", fork) == {}
    assert await c.fetchval("select fork_step from ingest_requests where id = $1", fork) == "discover"
    await c.execute("select ingest_fork($1, options => 'null', collection => '')", done)
    found = await c.fetch("select * from ingest_search('vents', null, null, null, null)")
    assert [row["uri"] for row in found] == ["x"]
    assert len(await c.fetch("select * from ingest_search('[1,0,0]'::vector, null, null, null)")) == 1
    await c.execute("select from ingest_collection('a', null); select from ingest_collection('a', 'null')")
    with refused("IG032", "no_listener"):
        await c.execute("update ingest_listeners set dead_at = now()")
        await c.execute("call ingest_embed_query('vents', null, null)")


async def test_a_search_for_nothing_is_refused(c: Connection) -> None:
    await ingest(c, {"x": "the vents open"})
    for k in (0, -1, -2147483648):
        with refused("IG035", "wrong_count"):
            await c.fetch("select * from ingest_search('vents', k => $1)", k)
        with refused("IG035", "wrong_count"):
            await c.fetch("select * from ingest_search('[1,0,0]'::vector, k => $1)", k)
    for name in ("", " ", "nowhere"):
        with refused("IG014", "unknown_collection"):
            await c.fetch("select * from ingest_search('vents', $1)", name)
        with refused("IG014", "unknown_collection"):
            await c.fetch("select * from ingest_search('[1,0,0]'::vector, $1)", name)
        with refused("IG014", "unknown_collection"):
            await c.fetch("call ingest_embed_query('vents', $1)", name)


WRONG: list[tuple[Any, str]] = [
    ({"chunk_size": 49}, "wrong_setting_value"),
    ({"chunk_size": 20001}, "wrong_setting_value"),
    ({"chunk_size": 600.5}, "wrong_setting_value"),
    ({"chunk_size": "large"}, "wrong_setting_value"),
    ({"chunk_size": ""}, "wrong_setting_value"),
    ({"chunk_size": [600]}, "wrong_setting_value"),
    ({"chunk_size": True}, "wrong_setting_value"),
    ({"chunk_size": 1e30}, "wrong_setting_value"),
    ({"chunk_overlap": -1}, "wrong_setting_value"),
    ({"chunk_size": 150}, "overlap_too_large"),
    ({"chunk_overlap": 501}, "overlap_too_large"),
    ({"chunk_size": 200, "chunk_overlap": 101}, "overlap_too_large"),
    ({"max_running": 0}, "wrong_setting_value"),
    ({"weight": 101}, "wrong_setting_value"),
    ({**SPACE, "dimensions": 0}, "wrong_setting_value"),
    ({**SPACE, "dimensions": 16001}, "wrong_setting_value"),
    ({**SPACE, "embedder": 7}, "wrong_setting_value"),
    ({"embedding_template": {"text": 1}}, "wrong_setting_value"),
    ({"passage_prefix": 1}, "wrong_setting_value"),
    ({"text_config": "klingon"}, "unknown_text_config"),
    ({"text_config": "nowhere.english"}, "unknown_text_config"),
    ({"text_config": ""}, "unknown_text_config"),
    ({"text_config": "a.b.c.d"}, "unknown_text_config"),
    ({"text_config": '"'}, "unknown_text_config"),
    ({"text_config": "1"}, "unknown_text_config"),
    ({"text_config": "-"}, "unknown_text_config"),
    ({"text_config": 1}, "wrong_setting_value"),
    ({"chunksize": 600}, "unknown_setting"),
    (["chunk_size"], "wrong_setting_value"),
    ("chunk_size", "wrong_setting_value"),
    (7, "wrong_setting_value"),
]


async def test_a_wrong_setting_of_a_collection_is_refused_with_a_code_and_changes_nothing(c: Connection) -> None:
    for settings, code in WRONG:
        with pytest.raises(asyncpg.PostgresError) as error:
            await c.fetch("select from ingest_collection('a', $1)", settings)
        found = (error.value.sqlstate, error.value.constraint_name, error.value.detail)
        assert found == ("IG012", code, None), settings
        assert error.value.hint
    for name in ("", " ", None, "x" * 49, "a\nb"):
        with refused("IG016", "wrong_collection_name"):
            await c.fetch("select from ingest_collection($1, '{}')", name)
    assert await c.fetchval("select array_agg(name) from ingest_collections") == ["default"]


async def test_what_a_collection_has_counts_with_what_it_is_given(c: Connection) -> None:
    await collection(c, "a", chunk_size=300, chunk_overlap=150)
    with refused("IG012", "overlap_too_large"):
        await collection(c, "a", chunk_size=250)
    await collection(c, "a", chunk_size="250", chunk_overlap="0")  # numbers in quotes, as before
    await collection(c, "a", text_config="german", max_running=None, weight=None)
    row = await one(c, "select chunk_size, chunk_overlap, text_config::text from ingest_collections where name = 'a'")
    assert tuple(row) == (250, 0, "german")


async def test_ends_of_requests_are_not_touched_by_a_form_that_is_sent_again(c: Connection) -> None:
    await add_listener(c)
    request = await start(c, ["x"])
    await settle(c, request, "cancelled", {"code": "cancelled"})
    assert await c.execute("update ingest_requests set dedupe_key = '', metadata = null") == "UPDATE 1"
