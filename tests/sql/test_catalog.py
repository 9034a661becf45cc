"""What must hold for every object that we make."""

from __future__ import annotations

import re

import asyncpg
import pytest
from roles import new_roles
from staging import SPACE, Connection, collection, session

from listener.pipeline.request_rows import Discovery

NEW = {
    "ingest_generations",
    "ingest_cuts",
    "ingest_document_origins",
    "ingest_usage",
    "ingest_backfills",
    "ingest_counts",
    "ingest_evaluations",
    "ingest_history",
}
EVIDENT = {
    "id", "name", "collection", "document_id", "revision_id", "request_id", "starts", "ends", "headings", "bytes", "at",
    "tokens", "created_at", "seen_at", "done_at", "upto_id",
}  # fmt: skip
OURS = "(select oid from pg_namespace where nspname = 'public')"


async def test_every_function_is_described_and_fixes_its_search_path(c: Connection) -> None:
    rows = await c.fetch(
        f"select proname, obj_description(oid, 'pg_proc') is not null as described, prosqlbody is not null as parsed,"
        " array_to_string(proconfig, ' ') as settings from pg_proc"
        f" where pronamespace = {OURS} and proname like 'ingest\\_%' and prokind = 'f'"
    )
    assert len(rows) > 50
    for row in rows:
        assert row["described"], row["proname"]
        assert row["parsed"] or "search_path=pg_catalog, pg_temp" in row["settings"], row["proname"]


async def test_no_function_asks_for_the_first_schema_of_its_search_path(c: Connection) -> None:
    rows = await c.fetch(
        f"select proname from pg_proc where pronamespace = {OURS} and proname like 'ingest\\_%'"
        " and prosrc || coalesce(pg_get_function_sqlbody(oid), '') ~* 'current_schema'"
    )
    assert rows == []


async def test_a_procedure_names_the_schema_of_whatever_it_uses(c: Connection) -> None:
    """It commits, so it can't fix its search path: its body has no bare name that is called, and no operator."""
    rows = await c.fetch(
        "select proname, prosrc, obj_description(oid, 'pg_proc') is not null as described from pg_proc"
        f" where pronamespace = {OURS} and proname like 'ingest\\_%' and prokind <> 'f'"
    )
    assert {row["proname"] for row in rows} == {"ingest_embed_query", "ingest_rerank"}
    for row in rows:
        assert row["described"]
        code = re.sub("--.*", "", row["prosrc"])
        assert re.findall(r"(?<![\w.])\w+(?=\()", code) == []
        assert re.findall(r"[-+*/<>~!@#%^&|]|(?<!:)=", code) == []


async def test_every_table_view_and_sequence_is_described(c: Connection) -> None:
    rows = await c.fetch(
        f"select relname from pg_class s where relnamespace = {OURS} and relkind in ('r', 'v', 'S')"
        " and relname like 'ingest\\_%' and obj_description(oid, 'pg_class') is null"
        " and not exists (select from pg_depend d where d.objid = s.oid and d.deptype = 'i' and s.relkind = 'S')"
    )
    assert rows == []


async def test_every_type_is_described(c: Connection) -> None:
    rows = await c.fetch(
        f"select typname, obj_description(t.oid, 'pg_type') is not null as described from pg_type t"
        f" join pg_class s on s.oid = t.typrelid where typnamespace = {OURS} and s.relkind = 'c'"
    )
    assert len(rows) > 5
    assert [row["typname"] for row in rows if not row["described"]] == []


async def test_a_column_is_described_or_means_what_it_says(c: Connection) -> None:
    """For tables that have come since columns are described; one is also if it is elsewhere, in the same sense."""
    rows = await c.fetch(
        "select s.relname, a.attname, col_description(s.oid, a.attnum) as said from pg_class s"
        f" join pg_attribute a on a.attrelid = s.oid where s.relnamespace = {OURS} and s.relkind = 'r'"
        " and s.relname like 'ingest\\_%' and a.attnum > 0 and not a.attisdropped"
    )
    said = {row["attname"] for row in rows if row["said"]} | EVIDENT
    columns = [(row["relname"], row["attname"]) for row in rows if row["relname"] in NEW]
    assert [column for column in columns if column[1] not in said] == []


# Tables that no right lets a role read, but that owners look at to see what they have set.
READ_BY_OWNERS = [
    "ingest_generations", "ingest_collection_grants", "ingest_limits", "ingest_prices", "ingest_tenant_caps",
    "ingest_spent", "ingest_reservations", "ingest_planned_texts",
]  # fmt: skip
# Whatever a role with all rights may read at least a column of, and every view.
SEEN = f"""
select s.relname, a.attname from pg_class s join pg_attribute a on a.attrelid = s.oid
where s.relnamespace = {OURS} and s.relname like 'ingest\\_%' and a.attnum > 0 and not a.attisdropped
  and (s.relkind = 'v' or s.relkind = 'r' and (s.relname = any ($2) or has_any_column_privilege($1, s.oid, 'select')))
"""


async def test_every_column_that_users_see_is_described(c: Connection) -> None:
    """A view of a collection's chunks, which is made with its space, is one of them."""
    await collection(c, "default", SPACE)
    await c.execute("select ingest_make_chunks_view('default')")
    async with new_roles(c, 1) as (reader,):
        for right in ("submitter", "searcher", "operator", "listener"):
            await c.execute("select ingest_grant($1, $2)", reader, right)
        seen = await c.fetch(SEEN, reader, READ_BY_OWNERS)
        bare = await c.fetch(f"{SEEN} and col_description(s.oid, a.attnum) is null", reader, READ_BY_OWNERS)
    assert {"ingest_requests", "ingest_status", "ingest_usage", "ingest_chunks_default"} <= {row[0] for row in seen}
    assert bare == []


async def test_a_value_that_a_check_allows_is_in_the_description_of_its_column(c: Connection) -> None:
    rule = await c.fetchval(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'reason_is_known'"
        " and conrelid = 'ingest_revisions'::regclass"
    )
    said = await c.fetchval(
        "select col_description(attrelid, attnum) from pg_attribute"
        " where attrelid = 'ingest_revisions'::regclass and attname = 'reason'"
    )
    reasons = re.findall(r"'(\w+)'", rule)
    assert "planned" in reasons
    assert [reason for reason in reasons if reason not in said] == []


async def test_what_discovery_has_noted_of_a_listing_is_in_the_description_of_its_column(c: Connection) -> None:
    said = await c.fetchval(
        "select col_description(attrelid, attnum) from pg_attribute"
        " where attrelid = 'ingest_requests'::regclass and attname = 'listing'"
    )
    assert set(Discovery.model_fields) <= set(re.findall(r"\w+", said))


async def test_every_constraint_that_is_checked_has_a_name_that_says_the_rule(c: Connection) -> None:
    rows = await c.fetch(
        f"select conname from pg_constraint where connamespace = {OURS} and contype in ('c', 'f', 'u', 'x')"
        " and (conname ~ '_(check|fkey|key|excl)[0-9]*$')"
    )
    assert rows == []


async def test_functions_run_from_any_search_path(c: Connection) -> None:
    request = await c.fetchval("select ingest_add('/srv/docs')")
    await c.execute("set search_path = pg_temp")
    await c.execute("create temp table ingest_requests (id uuid, status text)")  # in the way, and passed by
    assert await c.fetchval("select public.ingest_cancel($1)", request) == "cancelled"
    assert await c.fetchval("select status from public.ingest_requests") == "cancelled"


async def test_a_procedure_runs_with_functions_operators_and_types_in_its_way(c: Connection, installed: str) -> None:
    await collection(c, "default", SPACE)
    await c.execute(
        "select ingest_answer_queries(space_id, array[hash], array['[1,1,1]'::vector])"
        " from ingest_query_key('q', 'default')"
    )
    raises = "language plpgsql as $$ begin raise 'hijacked'; end $$"
    await c.execute(f"""
        create schema evil;
        create type evil.text as (a int);
        create type evil.timestamptz as (a int);
        create type evil.ingest_queries as (a int);
        create function evil.clock_timestamp() returns timestamptz {raises};
        create function evil.pg_sleep(float8) returns void {raises};
        create function evil.ingest_check_commits(text) returns void {raises};
        create function evil.ingest_ask_query(text, text, interval) returns void {raises};
        create function evil.boom(timestamptz, interval) returns timestamptz {raises};
        create operator evil.+ (leftarg = timestamptz, rightarg = interval, function = evil.boom);
    """)
    async with session(installed) as hostile:
        await hostile.execute("set search_path = evil, pg_catalog")
        await hostile.execute("call public.ingest_embed_query('q')")
        with pytest.raises(asyncpg.PostgresError, match="no listener"):
            await hostile.execute("call public.ingest_embed_query('not known')")
