"""Whoever may CREATE in a schema gets into no call of ours: not in ours, not in pgvector's, not in DBOS's sessions.

Two looks at it: every name in our SQL has its schema, and every call of a function of ours has its exact types; and
with look-alikes planted around everything that our SQL calls, the main paths run and none is called.
"""

# ruff: noqa: E501 - SQL that makes SQL is hard enough to read without more line breaks

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from listener_process import ListenerProcess
from staging import Connection, session

from listener import client, service
from listener.database.sql_files import sql_files
from listener.settings import Settings

PACKAGE = Path(service.__file__).parent
STATEMENTS = [*(PACKAGE / "engine").glob("*.py"), *(PACKAGE / "pipeline").glob("*.py")]
ONCE = ("schema/", "types/")
SCRAPS = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
MADE = re.compile(
    r"^create (?:or replace |unlogged )?(?:table|view|function|procedure|sequence|type) ingest\.(ingest_\w+)", re.M
)
SIGNATURE = re.compile(r"^comment on (?:function|procedure) ingest\.(ingest_\w+)\(([^)]*)\)", re.M)
HEAD = re.compile(r"^\s*(?:create|comment|for each)\b.*|.*execute function", re.I)

ALL = {file.name: file.text for file in sql_files()}
OURS = {name for text in ALL.values() for name in MADE.findall(text)}
SIGNATURES = {(name, types) for text in ALL.values() for name, types in SIGNATURE.findall(text)}
CODE = {name: text for name, text in ALL.items() if not name.startswith(ONCE)} | {
    path.name: path.read_text(encoding="utf-8") for path in STATEMENTS
}


# every name with its schema


def test_every_name_of_ours_and_of_pgvector_has_its_schema() -> None:
    bare = re.compile(rf"(?<![\w.])({'|'.join(sorted(OURS, key=len, reverse=True))})(?![\w.])")
    found = []
    for name, text in ALL.items():
        code = SCRAPS.sub("", text)
        found += [(name, word) for word in bare.findall(re.sub(r"(?m)^create (or replace )?trigger \w+", "", code))]
        found += [(name, word) for word in re.findall(r"(?<![\w.])vector(?:_dims)?(?!\w)|(?<!\.)<[=#+~]*>(?!\))", code)]
    assert [one for one in found if one[1] != "<>"] == []
    assert len(OURS) > 150


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the calls of functions of ours, each with its arguments as they are written."""
    for found in re.finditer(r"ingest\.(ingest_\w+)\(", text):
        line = text[text.rfind("\n", 0, found.start()) + 1 : text.find("\n", found.start())]
        if not HEAD.match(line):
            yield found[1], arguments(text, found.end() - 1)


def arguments(text: str, start: int) -> list[str]:
    """Return what stands between a parenthesis and the one that closes it, cut at its commas."""
    depth, quoted, found = 0, False, [""]
    for character in text[start:]:
        quoted ^= character == "'"
        depth += 0 if quoted else (character in "([") - (character in ")]")
        if depth == 0:
            break
        if character == "," and depth == 1 and not quoted:
            found.append("")
        else:
            found[-1] += character
    found[0] = found[0][1:]
    return [one.strip() for one in found if one.strip()]


def test_every_call_of_a_function_of_ours_has_all_arguments_and_their_types() -> None:
    """Else an overload that fits better would be taken, in a schema where others may CREATE."""
    lengths: dict[str, set[int]] = {}
    for name, types in SIGNATURES:
        lengths.setdefault(name, set()).add(len([one for one in types.split(",") if one.strip()]))
    loose, seen = [], 0
    for place, text in CODE.items():
        if place.endswith("_former.sql"):
            continue  # of the former release, with its calls
        for name, given in calls(text):
            seen += 1
            if len(given) not in lengths[name] or any(re.fullmatch(r"null|'[^']*'|\$\d+", one) for one in given):
                loose.append((place, name, given))
    assert loose == []
    assert seen > 150


# look-alikes

PLANT = """
do $plant$
declare
  v_one record;
  v_types text[];
  v_planted int := 0;
begin
  for v_one in
    select distinct p.proname as name, array_agg(format_type(a.type, null) order by a.place) as types
    from pg_proc p cross join lateral unnest(p.proargtypes) with ordinality as a (type, place)
    where p.pronamespace = any (%(looked_at)s::regnamespace[]) and p.proname = any (%(names)s) and p.pronargs between 1 and 12
    group by p.oid, p.proname
  loop
    for v_types in select t.types from hostile.variants(v_one.types, %(own)s) as t (types) loop
      begin
        execute format('create function %(schema)s.%%I(%%s) returns text language plpgsql as %%L', v_one.name,
                       array_to_string(v_types, ', '),
                       format('begin perform pg_catalog.nextval(''hostile.called''::pg_catalog.regclass); raise ''hijacked %%s''; end', v_one.name));
        v_planted := v_planted + 1;
      exception when others then null;  -- there is one already, or no function can be like that
      end;
    end loop;
  end loop;
  for v_one in
    select o.sign, l.type as left, r.type as right
    from unnest('{=,<>,<,<=,>,>=,+,-,*,/,||,&&,@>,<@,@@,->,->>,#>>,?,?|,~,~*,!~,^@,<=>}'::text[]) as o (sign)
    cross join unnest(%(types)s) as l (type) cross join unnest(%(types)s) as r (type)
  loop
    begin
      execute format('create operator %(schema)s.%%s (leftarg = %%s, rightarg = %%s, function = %(schema)s.hostile_pair)',
                     v_one.sign, v_one.left, v_one.right);
      v_planted := v_planted + 1;
    exception when others then null;
    end;
  end loop;
  perform setval('hostile.planted', v_planted);
end
$plant$
"""
PREPARE = """
create role %(role)s;
create schema hostile authorization %(role)s;
grant create, usage on schema %(schemas)s to %(role)s;
set role %(role)s;
set search_path = pg_catalog;
create sequence hostile.called;
create sequence hostile.planted;
grant usage on schema hostile to public;
grant usage, select, update on all sequences in schema hostile to public;
create function hostile.variants(p_types text[], p_own boolean) returns table (types text[]) language sql as $$
  -- Each argument in turn, then all, as a type that an untyped or a similar value fits better.
  select p_types[:n - 1] || o.type || p_types[n + 1:] from generate_subscripts(p_types, 1) as n
  cross join unnest('{varchar,bigint,anyelement}'::text[] || case when p_own then '{name,text,int,numeric,jsonb,uuid}'::text[] end) as o (type)
  union select array_fill('anyelement'::text, array[cardinality(p_types)])
  union select array_fill('text'::text, array[cardinality(p_types)])
  union select p_types || 'p_more int default 1'::text where not p_own
  union select p_types[:cardinality(p_types) - 1]
  union select p_types[:cardinality(p_types) - 2] where cardinality(p_types) > 2
$$;
"""
PAIR = """
create function %(schema)s.hostile_pair(anyelement, anyelement) returns boolean language plpgsql as
  'begin perform pg_catalog.nextval(''hostile.called''::pg_catalog.regclass); raise ''hijacked an operator''; end';
create function %(schema)s.hostile_pair(anyarray, anyelement) returns boolean language plpgsql as
  'begin perform pg_catalog.nextval(''hostile.called''::pg_catalog.regclass); raise ''hijacked an operator''; end';
create function %(schema)s.hostile_pair(%(vector)s, text) returns boolean language plpgsql as
  'begin perform pg_catalog.nextval(''hostile.called''::pg_catalog.regclass); raise ''hijacked an operator''; end';
"""
TYPES = ("text", "varchar", "int", "bigint", "numeric", "timestamptz", "interval", "jsonb", "uuid", "text[]")


def literal(values: object) -> str:
    return "array[" + ", ".join("'" + str(one).replace("'", "''") + "'" for one in sorted(values)) + "]"  # type: ignore[call-overload]


@pytest.fixture
async def hostile(database: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database with our objects in a schema where a stranger may CREATE, and has."""
    schema = request.param
    await service.migrate(Settings(INGEST_SCHEMA=schema), database)
    role = f"stranger_{database.rpartition('/')[2].partition('?')[0]}"
    words = {word for text in ALL.values() for word in re.findall(r"(\w+)\(", text)}
    words |= {word for path in STATEMENTS for word in re.findall(r"(\w+)\(", path.read_text(encoding="utf-8"))}
    async with session(database) as c:
        schemas = ", ".join(dict.fromkeys((schema, "public", "dbos" if schema == "public" else f"{schema}_dbos")))
        await c.execute(PREPARE % {"role": role, "schemas": schemas})
        for own in (True, False):
            about = {
                "schema": schema if own else "public",
                "vector": "public.vector",
                "looked_at": f"array['{schema}']" if own else "array['pg_catalog', 'public']",
                "own": own,
                "names": f"{literal(words if own else words - OURS)}::name[]",
                "types": f"{literal(TYPES)}::text[]",
            }
            if own or schema != "public":
                await c.execute(PAIR % about)
            await c.execute(PLANT % about)
            assert await c.fetchval("select last_value from hostile.planted") > 1000
    return database


async def was_called(c: Connection) -> bool:
    return bool(await c.fetchval("select is_called from hostile.called"))


@pytest.mark.parametrize("hostile", [pytest.param("public", marks=pytest.mark.long), "docs"], indirect=True)
async def test_the_main_paths_call_no_look_alike(hostile: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    schema = request.node.callspec.params["hostile"]
    folder = tmp_path / "documents"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n}.md").write_text(f"# Vents {n}\n\nThe vents of greenhouse {n} open when it is warm.\n")
    (folder / "broken.md").write_text("")
    process = ListenerProcess(
        hostile, tmp_path, schema=schema, file_roots=folder, batch_documents=2, heartbeat_seconds=0.2
    )
    process.ready()
    try:
        async with client.connect(hostile, schema=schema) as ingest:
            await carried_through(ingest, folder)
        async with session(hostile, schema) as c:
            await c.execute("set search_path = pg_catalog")
            await searched_with_an_index(c)
            assert not await was_called(c)
    finally:
        assert process.stop() == 0
    assert "hijacked" not in process.log()


async def carried_through(ingest: client.Ingest, folder: Path) -> None:
    first = await ingest.add(str(folder), dedupe_key="once")
    assert await ingest.add(str(folder), dedupe_key="once") == first
    assert (await ingest.wait(first)).status == "partially_succeeded"
    inline = [await ingest.add(content=f"Vents of house {n}.", uri=f"house {n}") for n in range(3)]
    assert {one.status for one in await ingest.wait_all(inline)} == {"succeeded"}
    assert [one.code for one in await ingest.failures(first)] == ["empty_document"]
    await ingest.retry(first)
    assert (await ingest.wait(first)).status == "partially_succeeded"
    for step in ("discover", "load", "chunk", "embed", "save"):
        assert (await ingest.wait(await ingest.fork(inline[0], step))).status == "succeeded"
    records = json.dumps({"body": "Vents are records too."})
    spec = {"record": {"text": "body"}}
    lines = await ingest.add(content=records, uri="lines.jsonl", media_type="application/x-ndjson", options=spec)
    assert (await ingest.wait(lines)).status == "succeeded"
    assert {hit.by for hit in await ingest.search("vents")} == {"both"}
    assert await ingest.search("vents", by="words")


async def searched_with_an_index(c: Connection) -> None:
    """A partial ANN index is used, and the typed view too; verbs that the client does not send."""
    dimensions = await c.fetchval("select s.dimensions from ingest.ingest_spaces s")
    await c.execute(
        f"create index on ingest.ingest_chunk_store using hnsw ((embedding::vectors.vector({dimensions})) vectors.vector_cosine_ops)"
        " where collection = 'default' and space_id = 1 and generation = 1"
    )
    vector = await c.fetchval("select embedding::text from ingest.ingest_chunks limit 1")
    wanted = (
        f"row(null, '{vector}', null, 'default', 3, '{{}}', null, null, null, null, null, null, 1, 1, false)"
        "::ingest.ingest_wanted_v1"
    )
    statement = await c.fetchval(f"select ingest.ingest_nearest_statement({wanted}, false)")
    statement = statement.replace("$1", wanted).replace("$2", "3")
    async with c.transaction():
        await c.execute("set local enable_seqscan = off; set local enable_sort = off")
        plan = "\n".join(row[0] for row in await c.fetch(f"explain {statement}"))
    assert "Order By" in plan, plan
    typed = f"select uri from ingest.ingest_chunks_default order by embedding operator(vectors.<=>) '{vector}'::vectors.vector limit 1"
    assert await c.fetchval(typed)
    later = "insert into ingest.ingest_requests (content, run_at) values ('later'::text, now() + '1 day'::interval) returning id"
    request = await c.fetchval(later)
    assert await c.fetchval("select ingest.ingest_cancel($1::uuid)", request) == "cancelled"
    assert await c.fetchval("select ingest.ingest_resume($1::uuid)", request) == "pending"
    await c.execute("select ingest.ingest_collection('default'::text, '{\"max_running\": 3}'::jsonb)")
    await c.execute("delete from ingest.ingest_documents where uri like '%4.md'::text")


@pytest.mark.parametrize("hostile", ["docs"], indirect=True)
async def test_a_look_alike_that_is_called_is_noticed(hostile: str) -> None:
    async with session(hostile, "docs") as c:  # along a path with public in it
        with pytest.raises(asyncpg.PostgresError, match="hijacked"):
            await c.execute("select cardinality('x'::text)")
        assert await was_called(c)
