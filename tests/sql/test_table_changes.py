"""What writers to a watched table leave behind, and that they never fail, wait or learn anything because of it."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

import asyncpg
import pytest
from roles import login, new_roles, refused
from staging import Connection, session

from listener.database import removal

pytestmark = pytest.mark.postgres(16, 18)

ARTICLES = """
create table articles (id int primary key, title text, body text, lang text, at timestamptz,
  views int not null default 0);
insert into articles select n, 'Title ' || n, 'Body ' || n, 'en' from generate_series(1, 5) n;
"""
WATCH = "select ingest_watch_table('articles', columns => '{title,body}', metadata => '{lang}', back_fill => false)"
FOLD = "select requests from ingest_fold_changes()"


async def watched(c: Connection, statement: str = WATCH, make: str = ARTICLES) -> str:
    await c.execute(make)
    return str(await c.fetchval(statement))


async def noted(c: Connection) -> list[str]:
    """Return the keys that were noted since it was last asked."""
    rows = await c.fetch(
        "with taken as (delete from ingest_changes returning keys) select unnest(keys) as k from taken"
    )
    return sorted({row["k"] for row in rows})


async def missed(c: Connection) -> int:
    query = "select pg_sequence_last_value(('ingest_missed_' || number)::regclass) from ingest_watched_tables"
    return int(await c.fetchval(query))


async def about(c: Connection) -> asyncpg.Record:
    row = await c.fetchrow("select * from ingest_watched_tables")
    assert row is not None
    return row


async def test_each_way_of_writing_is_noted_and_only_columns_that_are_watched_count(c: Connection) -> None:
    await watched(c)
    await c.execute("update articles set views = views + 1, at = now()")
    await c.execute("update articles set body = body, title = title")
    await c.execute("update articles set body = 'x' where false")
    assert await noted(c) == []
    await c.execute("update articles set body = 'x' where id = 1")
    await c.execute("update articles set lang = null where id in (2, 3)")
    assert await noted(c) == ["1", "2", "3"]
    await c.execute("update articles set id = 40 where id = 4")
    await c.execute("update articles set id = id + 1000 where id in (2, 3)")
    assert await noted(c) == ["1002", "1003", "2", "3", "4", "40"]
    await c.execute(
        "insert into articles (id, body) values (1, 'y'), (6, 'z') on conflict (id) do update set body = excluded.body"
    )
    assert await noted(c) == ["1", "6"]
    await c.copy_to_table("articles", source=io.BytesIO(b"7\tseven\n8\teight\n"), columns=["id", "title"])
    assert await noted(c) == ["7", "8"]
    await c.execute(
        "merge into articles a using (values (7, 'sept'), (9, 'neuf')) as s (id, title) on a.id = s.id"
        " when matched then update set title = s.title when not matched then insert (id, title) values (s.id, s.title)"
    )
    assert await noted(c) == ["7", "9"]
    await c.execute("delete from articles where id in (7, 8)")
    assert await noted(c) == ["7", "8"]
    assert await missed(c) == 0
    await c.execute("truncate articles")
    assert (await noted(c), await missed(c)) == ([], 1)


async def test_many_rows_in_one_statement_are_one_row_of_keys(c: Connection) -> None:
    await watched(c)
    await c.execute("insert into articles (id, body) select n, 'x' from generate_series(10, 20009) n")
    await c.execute("update articles set views = 1")
    assert await c.fetchval("select array_agg(cardinality(keys)) from ingest_changes") == [20000]
    await c.execute("truncate ingest_changes; update articles set body = 'y' where id % 2 = 0")
    assert len(await noted(c)) == 10002
    assert await c.fetchval("select current_setting('work_mem')") == "4MB"


async def test_keys_of_several_columns_and_types(c: Connection) -> None:
    await watched(
        c,
        "select ingest_watch_table('notes', key => '{at,tenant,mood}', columns => '{body}', back_fill => false)",
        """create type mood as enum ('good', 'bad');
        create table notes (tenant text, at timestamptz, mood mood, body text, primary key (tenant, at, mood));""",
    )
    await c.execute("set timezone = 'Asia/Tokyo'; set datestyle = 'German'")
    await c.execute("insert into notes values ('a,b/\"c', '2026-01-02 03:04:05.123456+00', 'bad', 'x')")
    await c.execute("reset timezone; reset datestyle")
    (key,) = await noted(c)
    assert key == '["a,b/\\"c", "2026-01-02 03:04:05.123456+00", "bad"]'
    (row,) = await c.fetch(
        "select * from ingest_read_rows('notes', $1)", [[['a,b/"c', "2026-01-02 03:04:05.123456+00", "bad"], 99]]
    )
    assert row["body"] == {"text": {"body": "x"}, "title": None, "metadata": {}}
    assert [row["key"] for row in await c.fetch("select * from ingest_list_rows('notes', null, 9)")] == [row["key"]]
    assert await c.fetch("select * from ingest_list_rows('notes', $1, 9)", row["key"]) == []


@pytest.mark.parametrize(
    "harm",
    [
        "alter table articles rename body to text",
        "alter table articles drop column lang",
        "alter table articles rename id to key",
    ],
)
async def test_a_column_that_is_gone_fails_the_watch_and_no_writer(c: Connection, harm: str) -> None:
    name = await watched(c)
    await c.execute("update articles set title = 'before'")
    await c.execute(harm)
    await c.execute("update articles set title = 'x'")
    await c.execute("insert into articles (title) select 'y' where false")
    assert await missed(c) >= 1
    with refused("IG062", "column_gone"):
        await c.fetch("select * from ingest_look_at_table($1)", name)
    await c.fetchval(FOLD)
    assert (await about(c))["needs_back_fill"] or (await about(c))["back_fill_id"]


async def test_a_lock_on_our_table_does_not_hold_a_writer(c: Connection, other: Connection) -> None:
    await watched(c)
    async with other.transaction():
        await other.execute("lock table ingest_changes in access exclusive mode")
        await asyncio.wait_for(c.execute("update articles set body = 'x' where id = 1"), 5)
        await asyncio.wait_for(c.execute("update articles set body = 'y'"), 5)
    assert (await noted(c), await missed(c)) == ([], 2)


async def test_a_long_queue_is_not_made_longer(c: Connection) -> None:
    await watched(c)
    await c.execute("select setval('ingest_counted_' || number, 100100) from ingest_watched_tables")
    await c.execute("update articles set body = 'x'")
    assert (await noted(c), await missed(c)) == ([], 1)
    await c.fetchval(FOLD)
    await c.fetchval(FOLD)
    await c.execute("update articles set body = 'y' where id = 1")
    assert (await noted(c), await missed(c)) == (["1"], 1)


async def test_a_prepared_transaction_is_noted_when_it_commits(c: Connection) -> None:
    await watched(c)
    await c.execute("begin; update articles set body = 'x' where id = 1; prepare transaction 'watched'")
    assert await noted(c) == []
    await c.execute("commit prepared 'watched'")
    assert await noted(c) == ["1"]


async def test_a_writer_needs_no_rights_and_no_settings_are_in_the_way(c: Connection, installed: str) -> None:
    await watched(c)
    async with new_roles(c, 1) as (writer,):
        await c.execute(f"grant select, insert, update, delete on articles to {writer}")
        await c.execute("create schema evil; grant usage, create on schema evil to public")
        async with login(installed, writer) as w:
            await w.execute("create table evil.ingest_changes (watch int, keys text[])")
            await w.execute(
                "create function evil.nextval(regclass) returns bigint language plpgsql as"
                " $$ begin raise 'hijacked'; end $$"
            )
            await w.execute(EVIL)
            await w.execute("set search_path = evil, public, pg_catalog; set row_security = off")
            await w.execute("set plpgsql.extra_errors = 'all'")
            await w.execute("set statement_timeout = '30s'; set default_tablespace = ''; set enable_hashjoin = off")
            await w.execute("update public.articles set body = 'x' where id operator(pg_catalog.=) 1")
            await w.execute("update public.articles set body = 'y' where id between 2 and 3")
            assert await w.fetchval("select count(*) from evil.ingest_changes") == 0
            for query in (
                "select * from public.ingest_changes",
                "insert into public.ingest_changes values (1, '{1}')",
                "select * from public.ingest_look_at_table('articles')",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await w.fetch(query)
        assert (await noted(c), await missed(c)) == (["1", "2", "3"], 0)


async def test_what_writers_run_names_the_schema_of_whatever_it_uses(c: Connection) -> None:
    """It leaves the search path alone, which would cost each statement as much as noting the key."""
    await watched(
        c,
        "select ingest_watch_table('notes', columns => '{body}', metadata => '{tags,price,mood}', back_fill => false)",
        """create type mood as enum ('good', 'bad');
        create table notes (tenant text, at date, mood mood, body text, tags jsonb, price numeric, "Id" int,
          primary key (tenant, at, mood, "Id"));""",
    )
    body = str(await c.fetchval("select prosrc from pg_proc where proname ~ '^ingest_changed_[0-9]+$'"))
    code = re.sub("'[^']*'", "''", re.sub("--.*", "", body))
    syntax = {"array", "exists", "coalesce", "row", "and", "or", "on", "values", "where", "elsif", "operator"}
    syntax |= {"ingest_changes"}
    assert set(re.findall(r"(?<![\w.])\w+(?=\s*\()", code)) <= syntax
    code = re.sub(r"operator\(pg_catalog\.[<>=]+\)", "", code).replace(":=", "")
    assert re.findall(r"[-+*/<>~!@#%^&|=]", code) == []
    assert re.findall(r"distinct from|nullif|\bin\b|\blike\b|between", code) == ["in"]  # lock table … in … mode
    assert set(re.findall(r"::([\w.]+)", code)) == {"pg_catalog.text", "pg_catalog.regclass"}
    assert set(re.findall(r'collate (\S+"C")', code)) == {'pg_catalog."C"'}


EVIL = """
create function evil.differ(text, text) returns boolean language plpgsql as $$ begin raise 'hijacked'; end $$;
create function evil.differ(int, int) returns boolean language plpgsql as $$ begin raise 'hijacked'; end $$;
create function evil.differ(bigint, int) returns boolean language plpgsql as $$ begin raise 'hijacked'; end $$;
create operator evil.<> (leftarg = text, rightarg = text, function = evil.differ);
create operator evil.= (leftarg = text, rightarg = text, function = evil.differ);
create operator evil.<> (leftarg = int, rightarg = int, function = evil.differ);
create operator evil.= (leftarg = int, rightarg = int, function = evil.differ);
create operator evil.> (leftarg = bigint, rightarg = int, function = evil.differ);
create operator evil.> (leftarg = int, rightarg = int, function = evil.differ);
create domain evil.text as pg_catalog.text check (value = 'hijacked');
create domain evil.regclass as pg_catalog.regclass check (value is null);
"""


async def test_casts_of_an_enums_owner_are_not_run(c: Connection) -> None:
    """They would run with the rights of the owner of ours."""
    name = await watched(
        c,
        "select ingest_watch_table('notes', columns => '{mood,body}', metadata => '{mood}', back_fill => false)",
        """create type mood as enum ('good', 'bad', 'so so');
        create table notes (mood mood, id int, body text, primary key (mood, id));
        create function hijack(mood) returns text language plpgsql as $$ begin raise 'hijacked'; end $$;
        create function hijack(text) returns mood language plpgsql as $$ begin raise 'hijacked'; end $$;
        create function as_json(mood) returns json language plpgsql as $$ begin raise 'hijacked'; end $$;
        create cast (mood as text) with function hijack(mood);
        create cast (text as mood) with function hijack(text);
        create cast (mood as json) with function as_json(mood);""",
    )
    await c.execute("insert into notes values ('bad', 1, 'x')")
    await c.execute("insert into notes values ('so so', 2, 'y'), ('good', 3, 'z')")
    await c.execute("update notes set body = 'w' where id = 3")
    assert await noted(c) == ['["bad", "1"]', '["good", "3"]', '["so so", "2"]']
    assert await missed(c) == 0
    rows = await c.fetch("select * from ingest_list_rows($1, $2, 9)", name, ["good", "3"])
    assert [row["key"] for row in rows] == [["bad", "1"], ["so so", "2"]]
    (row,) = await c.fetch("select * from ingest_read_rows($1, $2)", name, [[["so so", "2"], 99]])
    assert row["body"]["metadata"] == {"mood": "so so"}


async def test_columns_may_change_their_types_under_a_writer(c: Connection) -> None:
    """What is written behind the block that catches errors can be planned whatever the types are."""
    await watched(c)
    await c.execute("update articles set body = 'before' where id = 1")
    await c.execute("alter table articles alter body type json using to_json(body), alter lang type point using null")
    await c.execute("update articles set body = '1' where id = 1")
    await c.execute("update articles set lang = '(1,2)' where id = 2")
    await c.execute("update articles set views = 2 where id = 3")
    await c.execute("delete from articles where id = 4")
    assert (await noted(c), await missed(c)) == (["1", "2", "4"], 0)
    await c.execute("update articles set body = '2'")
    assert await missed(c) == 1


async def test_functions_of_a_former_release_are_made_anew(c: Connection) -> None:
    await watched(c)
    number = (await about(c))["number"]
    await c.execute(
        f"create or replace function ingest_changed_{number}() returns trigger language plpgsql as"
        " $$ begin return null; end $$"
    )
    await c.execute("select ingest_tend_tables()")
    await c.execute("update articles set body = 'x' where id = 1")
    assert await noted(c) == ["1"]


async def test_a_dropped_table_is_noticed_by_the_next_look(c: Connection) -> None:
    await watched(c)
    await c.execute("drop table articles")
    assert await c.fetchval(FOLD) == 0
    query = "select error_code, error_message, hint, failures, failing_since from ingest_watches"
    first = await c.fetchrow(query)
    assert first is not None
    assert first["error_code"] == "table_gone"
    assert "public.articles" in first["error_message"]
    assert "ingest_unwatch" in first["hint"]
    await c.fetchval(FOLD)
    assert await c.fetchrow(query) == first
    await c.execute("create table articles (id int primary key, title text, body text, lang text)")
    await c.fetchval(FOLD)
    assert await c.fetchval("select error_code from ingest_watches") == "table_gone"


async def test_partitions_are_followed_by_either_way(c: Connection) -> None:
    await watched(
        c,
        "select ingest_watch_table('events', columns => '{body}', back_fill => false)",
        """create table events (id int, day int, body text, primary key (id, day)) partition by list (day);
        create table monday partition of events for values in (1);
        create table tuesday partition of events for values in (2);""",
    )
    await c.execute("insert into events values (1, 1, 'a'), (2, 2, 'b')")
    assert await noted(c) == ["[1, 1]".replace("1", '"1"'), '["2", "2"]']
    await c.execute("update monday set body = 'c'")
    assert await noted(c) == ['["1", "1"]']
    await c.execute("update events set day = 2 where id = 1")
    assert await noted(c) == ['["1", "1"]', '["1", "2"]']
    await c.execute("create table wednesday (like events including all); insert into wednesday values (3, 3, 'd')")
    await c.execute("alter table events attach partition wednesday for values in (3)")
    await c.execute("select ingest_tend_tables()")
    assert (await about(c))["needs_back_fill"]


async def test_rows_that_replication_applies_are_noted(c: Connection) -> None:
    """It runs row triggers alone, in this role; TRUNCATE runs those of statements, too."""
    await watched(c)
    await c.execute("set session_replication_role = replica")
    await c.execute(
        "update articles set body = 'x' where id = 1; update articles set views = 1; delete from articles where id = 2"
    )
    await c.execute("insert into articles (id) values (9); update articles set id = 50 where id = 5")
    assert await noted(c) == ["1", "2", "5", "50", "9"]
    await c.execute("truncate articles; reset session_replication_role")
    assert await missed(c) == 1


@pytest.mark.parametrize(
    ("make", "given", "code"),
    [
        ("create view articles as select 1 as id, 'x' as body", "", "not_watchable"),
        ("create materialized view articles as select 1 as id, 'x' as body", "", "not_watchable"),
        ("create temp table articles (id int primary key, body text)", "", "not_watchable"),
        ("create unlogged table articles (id int primary key, body text)", "", "not_watchable"),
        ("create table articles (id int, body text)", "", "no_key"),
        ("create table articles (id int unique, body text)", ", key => 'id'", "no_key"),
        ("create table articles (id int primary key, text text)", "", "unknown_column"),
        ("create table articles (id int primary key, body text)", ", metadata => '{lang}'", "unknown_column"),
        ("create table articles (id int primary key, body text)", ", metadata => '{body,NULL}'", "unknown_column"),
        ("create table articles (id int primary key, body text)", ", key => '{id,NULL}'", "unknown_column"),
        (
            "create type mood as enum ('good'); create table articles (id mood primary key, body text);"
            "create function as_text(mood) returns text language sql return 'x';"
            "create cast (mood as text) with function as_text(mood) as implicit",
            "",
            "no_key",
        ),
        ("create table articles (id int primary key, body text)", ", template => '{title}'", "bad_table_template"),
        ("create table articles (id int primary key, body text)", ", media_type => 'image/png'", "bad_table_template"),
        ("create table articles (id int primary key, body text)", ", name => repeat('x', 201)", "wrong_watch_name"),
    ],
)  # fmt: skip
async def test_what_cannot_be_watched_is_refused_with_a_hint(c: Connection, make: str, given: str, code: str) -> None:
    await c.execute(make)
    with refused("IG051" if code == "wrong_watch_name" else "IG060", code):
        await c.execute(f"select ingest_watch_table('articles', columns => '{{body}}'{given})")
    assert await c.fetchval("select count(*) from ingest_watch_store") == 0


async def test_an_implicit_cast_that_is_made_later_fails_the_watch_with_what_to_do(c: Connection) -> None:
    """Until it goes again: comparisons of the key are ambiguous with it."""
    name = await watched(
        c,
        "select ingest_watch_table('notes', columns => '{body}', back_fill => false)",
        """create type mood as enum ('good', 'bad');
        create table notes (mood mood primary key, body text);
        create function as_text(mood) returns text language sql return 'x';""",
    )
    await c.execute("create cast (mood as text) with function as_text(mood) as implicit")
    await c.execute("insert into notes values ('bad', 'x')")
    with pytest.raises(asyncpg.PostgresError) as error:
        await c.fetch("select * from ingest_list_rows($1, null, 9)", name)
    assert (error.value.sqlstate, error.value.constraint_name) == ("IG060", "no_key")
    assert "drop cast (public.mood as text)" in str(error.value.hint)
    await c.execute("drop cast (mood as text)")
    assert [row["key"] for row in await c.fetch("select * from ingest_list_rows($1, null, 9)", name)] == [["bad"]]


async def test_a_table_is_watched_once_for_a_collection(c: Connection) -> None:
    await watched(c)
    with refused("IG051", "watch_exists"):
        await c.execute(WATCH.replace("back_fill", "name => 'another', back_fill"))
    await c.execute(WATCH.replace("back_fill", "name => 'another', collection => 'other', back_fill"))
    await c.execute("update articles set body = 'x' where id = 1")
    assert await c.fetchval("select count(*) from ingest_changes") == 2


async def test_nobody_but_a_watch_has_a_table_for_a_source(c: Connection, submitter: str, installed: str) -> None:
    await watched(c)
    with refused("IG008", "table_source"):
        await c.execute("insert into ingest_requests (source) values ('table:/articles')")
    async with login(installed, submitter) as s:
        with refused("IG008", "table_source"):
            await s.execute("select public.ingest_add('TABLE:/articles')")


async def test_a_maker_needs_rights_on_the_table_and_the_collection_all_the_time(c: Connection, installed: str) -> None:
    await c.execute(ARTICLES)
    async with new_roles(c, 1) as (maker,), login(installed, maker) as m:
        call = WATCH.replace("ingest_watch_table", "public.ingest_watch_table").replace(
            "'articles'", "'public.articles'"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await m.execute(call)
        await c.execute("select ingest_grant($1, 'submitter', 'default')", maker)
        with refused("IG061", "watch_not_permitted"):
            await m.execute(call)
        with refused("IG040", "not_granted"):
            await m.execute(call.replace("back_fill", "collection => 'other', back_fill"))
        await c.execute(f"grant select (id, title, body), trigger on articles to {maker}")
        with refused("IG061", "watch_not_permitted"):
            await m.execute(call)
        await c.execute(f"grant select (lang) on articles to {maker}")
        assert await m.fetchval(call) == "articles"
        await c.execute("update articles set body = 'x' where id = 1")
        assert await noted(c) == ["1"]
        assert len(await c.fetch("select * from ingest_look_at_table('articles')")) == 1
        for revoked in ("revoke select (body) on articles from {}", "revoke trigger on articles from {}"):
            await c.execute(revoked.format(maker))
            with refused("IG061", "watch_not_permitted"):
                await c.fetch("select * from ingest_list_rows('articles', null, 10)")
            await c.execute(f"grant select, trigger on articles to {maker}")
        await c.execute("select ingest_revoke($1, 'submitter', 'default')", maker)
        with refused("IG061", "watch_not_permitted"):
            await c.fetch("select * from ingest_read_rows('articles', '[[[\"1\"],9]]')")
        await c.execute("delete from ingest_watch_store")


async def test_a_table_with_row_security_is_for_its_owner_to_watch(c: Connection, installed: str) -> None:
    await c.execute(ARTICLES)
    async with new_roles(c, 1) as (maker,), login(installed, maker) as m:
        await c.execute("select ingest_grant($1, 'submitter', 'default')", maker)
        await c.execute(f"grant select, trigger on articles to {maker}")
        await c.execute("alter table articles enable row level security; create policy mine on articles using (id < 3)")
        call = WATCH.replace("ingest_watch_table", "public.ingest_watch_table").replace(
            "'articles'", "'public.articles'"
        )
        with refused("IG061", "watch_not_permitted"):
            await m.execute(call)
        await c.execute(f"alter table articles owner to {maker}")
        assert await m.fetchval(call) == "articles"
        assert len(await c.fetch("select * from ingest_list_rows('articles', null, 10)")) == 5
        await c.execute("alter table articles force row level security")
        with refused("IG061", "watch_not_permitted"):
            await c.fetch("select * from ingest_list_rows('articles', null, 10)")
        await c.execute("delete from ingest_watch_store; drop table articles")


async def triggers(c: Connection) -> int:
    return int(await c.fetchval("select count(*) from pg_trigger where tgname like 'ingest\\_watch\\__\\_%'"))


async def test_the_triggers_go_with_the_watch(c: Connection, other: Connection) -> None:
    await watched(c)
    assert await triggers(c) == 5
    await c.execute("delete from ingest_watch_store")
    assert await triggers(c) == 0
    await c.execute(WATCH)
    async with other.transaction():
        await other.execute("update articles set body = 'x'")
        await c.execute("delete from ingest_watch_store")
        assert await triggers(c) == 5  # a writer is in the way
        await other.execute("update articles set body = 'y'")
    await c.execute("select ingest_tend_tables()")
    assert await triggers(c) == 0
    assert await c.fetchval("select count(*) from ingest_changes") == 0
    assert await c.fetchval("select count(*) from pg_sequences where sequencename ~ '^ingest_(counted|missed)_'") == 0


async def test_a_table_and_a_schema_that_are_dropped_take_the_triggers_along(c: Connection) -> None:
    name = await watched(c)
    await c.execute("drop table articles")
    with refused("IG062", "table_gone"):
        await c.fetch("select * from ingest_look_at_table($1)", name)
    await c.execute("delete from ingest_watch_store")
    assert await c.fetchval("select count(*) from pg_proc where proname ~ '^ingest_changed_[0-9]'") == 0


async def test_after_uninstalling_a_watched_table_is_written_as_before(c: Connection, installed: str) -> None:
    await watched(c)
    async with session(installed) as plain:
        await removal.uninstall(plain, "public")
    await c.execute("update articles set body = 'x'; truncate articles")
    assert await triggers(c) == 0
    left = "select relname from pg_class where relname like 'ingest\\_%'"
    assert await c.fetch(left) == []


async def test_what_was_missed_is_read_when_whoever_missed_it_has_ended(c: Connection, other: Connection) -> None:
    await watched(c)
    await other.execute("begin; truncate articles")
    assert await c.fetchval(FOLD) == 0
    assert (await about(c))["needs_back_fill"]
    assert await c.fetchval(FOLD) == 0
    await other.execute("commit")
    assert await c.fetchval(FOLD) == 1
    row = await about(c)
    assert not row["needs_back_fill"]
    assert row["back_fill_id"] == await c.fetchval("select id from ingest_requests")


async def test_one_request_at_a_time_takes_what_is_committed_whatever_came_before(
    c: Connection, other: Connection, third: Connection
) -> None:
    await watched(c)
    await other.execute("begin; update articles set body = 'late' where id = 1")
    await c.execute("update articles set body = 'early' where id = 2")
    assert await c.fetchval(FOLD) == 1
    assert await keys(c) == ["2"]
    await other.execute("commit")
    assert await c.fetchval(FOLD) == 0  # the first one has not ended
    request = await c.fetchval("select request_id from ingest_watch_store")
    assert await c.fetchval("select ingest_cancel($1)", request) == "cancelled"
    await c.execute("update ingest_requests set finished_at = now() - interval '1 hour' where false")
    async with third.transaction():
        await third.execute("select from ingest_watched_tables for update")
        # Another listener is at it. It is counted all the same: where none is watched, a listener sleeps long.
        assert tuple((await c.fetchrow("select tables, requests from ingest_fold_changes()")) or ()) == (1, 0)
    await c.execute(AN_HOUR_LATER)
    assert await c.fetchval(FOLD) == 1
    assert await keys(c) == ["1", "2"]  # the cancelled one had not looked at its key
    row = await c.fetchrow("select submitted_by, source, options from ingest_requests where status = 'pending'")
    assert row is not None
    assert (row["submitted_by"], row["source"]) == ("postgres", "table:/articles")


AN_HOUR_LATER = (
    "create or replace function ingest_now() returns timestamptz language sql"
    " return clock_timestamp() + interval '1 hour'"
)


async def keys(c: Connection) -> list[Any]:
    return sorted(row["key"][0] for row in await c.fetch("select key from ingest_changed_keys"))
