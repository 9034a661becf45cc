"""What must hold for every object that we make."""

from __future__ import annotations

from staging import Connection

OURS = "(select oid from pg_namespace where nspname = 'public')"


async def test_every_function_is_described_and_fixes_its_search_path(c: Connection) -> None:
    rows = await c.fetch(
        f"select proname, obj_description(oid, 'pg_proc') is not null as described, prosqlbody is not null as parsed,"
        " array_to_string(proconfig, ' ') as settings from pg_proc"
        f" where pronamespace = {OURS} and proname like 'ingest\\_%'"
    )
    assert len(rows) > 50
    for row in rows:
        assert row["described"], row["proname"]
        assert row["parsed"] or "search_path=public" in row["settings"], row["proname"]


async def test_a_function_that_asks_for_the_schema_fixes_its_search_path(c: Connection) -> None:
    rows = await c.fetch(
        f"select proname, array_to_string(proconfig, ' ') as settings from pg_proc"
        f" where pronamespace = {OURS} and proname like 'ingest\\_%' and pg_get_functiondef(oid) ~ 'current_schema'"
    )
    assert {row["proname"] for row in rows} >= {"ingest_channel", "ingest_lock_key"}
    assert [row["proname"] for row in rows if "search_path=public" not in (row["settings"] or "")] == []


async def test_every_table_view_and_sequence_is_described(c: Connection) -> None:
    rows = await c.fetch(
        f"select relname from pg_class s where relnamespace = {OURS} and relkind in ('r', 'v', 'S')"
        " and relname like 'ingest\\_%' and obj_description(oid, 'pg_class') is null"
        " and not exists (select from pg_depend d where d.objid = s.oid and d.deptype = 'i' and s.relkind = 'S')"
    )
    assert rows == []


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
