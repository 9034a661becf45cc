"""What an INSERT of a request runs into: one trigger, and for an ordinary row none of the long checks."""

from __future__ import annotations

from staging import Connection

ORDINARY = (
    {"source": "'/srv/docs'"}, {"source": "'/srv/docs'", "dedupe_key": "'once'", "metadata": """'{"team": "a"}'"""},
    {"content": "'text'", "uri": "'notes/frost'"}, {"content_bytes": "'text'", "media_type": "'text/plain'"},
    {"source": "'/srv/docs'", "collection": "'größen'", "priority": "-3", "run_at": "now() + interval '1 day'"},
)  # fmt: skip
UNUSUAL = (
    {"source": "'//srv/docs'"}, {"source": "'https://docs.example.com/'"}, {"content": "'text'", "uri": "''"},
    {"source": "'/srv/docs'", "dedupe_key": "''"}, {"source": "'/srv/docs'", "collection": "' spaced'"},
    {"source": "'/srv/docs'", "options": """'{"include": "*.md"}'"""}, {"source": "'/srv/docs'", "priority": "null"},
)  # fmt: skip


async def test_an_ordinary_row_pays_for_one_trigger_and_no_other_function(c: Connection) -> None:
    await c.execute("set track_functions = 'all'")
    checks = "'ingest_check_request(ingest_requests)'::regprocedure"
    calls = f"select coalesce(pg_stat_get_xact_function_calls({checks}), 0)"
    for rows, expected in ((ORDINARY, 0), (UNUSUAL, len(UNUSUAL))):
        async with c.transaction():
            for columns in rows:
                await c.execute(
                    f"insert into ingest_requests ({', '.join(columns)}) values ({', '.join(columns.values())})"
                )
            assert await c.fetchval(calls) == expected
    of_inserts = "select tgname::text from pg_trigger where tgrelid = 'ingest_requests'::regclass and tgtype & 4 > 0"
    assert [row[0] for row in await c.fetch(of_inserts)] == ["ingest_requests_prepare"]
    assert await c.fetchval("select count(*) from ingest_requests where locator is distinct from local_path") == 0
