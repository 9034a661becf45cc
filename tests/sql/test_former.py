"""What listeners of the former release call with arrays does what this one's functions do with rows.

Goes with ``sql/former``, in the next release.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pgvector import Vector
from pgvector.asyncpg import register_vector
from staging import SPACE, Connection, add, add_listener, claim, digest, ingest, own, publish, settle, start

from listener.database.sql_files import sql_files

ERROR = {"code": "broken", "message": "it is broken", "hint": "", "step": "load", "retryable": False}
FENCE = "($1::ingest_fence_v1).requests, ($1::ingest_fence_v1).batch"
# By function: the type of its rows now, and what its arrays were.
WRITES = {
    "skip_unchanged": ("ingest_unchanged_v2", "revision read_seq hash"),
    "save_loaded": (
        "ingest_loaded_v2",
        "revision read_seq hash bytes text title media_type metadata error to_jsonb(x.pages) part",
    ),
    "save_chunked": ("ingest_cut_v1", "revision x.starts::text x.ends::text headings error"),
    "copy_known": ("ingest_chunk_v1", "revision ordinal start_char end_char text hash metadata"),
    "save_chunks": ("ingest_chunk_v1", "revision ordinal start_char end_char text hash metadata embedding"),
    "note_embedded": ("ingest_count_v1", "request_id chunks tokens"),
    "save_embedded": ("ingest_outcome_v2", "revision error"),
}
TIMES = {
    "skip_unchanged": 2,
    "save_loaded": 2,
    "save_embedded": 1,
}  # how long it took, which the former release does not say
FOUND = "position batch uri locator media_type bytes error container range_start range_hash line"
RENAMED = {"path": "locator", "hash": "range_hash", "root_uri": "whole_uri"}
PICTURE = {
    "revisions": """
        select to_jsonb(v) - '{id,request_id,collection,document_id,parent_id,read_seq}'::text[]
                 - '{created_at,loaded_at,published_at,failed_at}'::text[],
               (select w.uri from ingest_revisions w where w.id = v.parent_id)
        from ingest_revisions v where v.request_id = $1 order by v.position, v.uri""",
    "batches": """
        select to_jsonb(b) - '{request_id,owner,alone,next_attempt_at,waiting_since,finished_at}'::text[]
                 - '{begun_at,moved_at}'::text[], b.next_attempt_at is null, b.waiting_since is null,
               (select v.uri from ingest_revisions v where v.id = b.alone)
        from ingest_batches b where b.request_id = $1 order by b.batch""",
    "chunks": """
        select to_jsonb(k) - '{revision_id,collection,hash}'::text[], v.uri, k.hash = sha256(v.collection::bytea)
        from ingest_chunk_store k join ingest_revisions v on v.id = k.revision_id
        where v.request_id = $1 order by v.uri, k.ordinal""",
    "documents": """
        select to_jsonb(d) - '{id,collection,revision_id,live_seq,created_at,updated_at}'::text[]
        from ingest_documents d join ingest_revisions v on v.id = d.revision_id
        where v.request_id = $1 order by d.uri""",
}  # fmt: skip


def arrays(kind: str, columns: str) -> str:
    """Return the columns of the rows in ``$2``, each as an array."""
    names = [column if "." in column else f"x.{column}" for column in columns.split()]
    rows = f"unnest($2::{kind}[]) with ordinality as x"
    return ", ".join(f"array(select {name} from {rows} order by x.ordinality)" for name in names)


@dataclass
class Story:
    """Carries a request through all steps and tells what the functions returned, and what they left in the tables."""

    c: Connection
    former: bool
    request: uuid.UUID
    owner: uuid.UUID | None = None
    told: list[Any] = field(default_factory=list)

    @property
    def fence(self) -> tuple[list[uuid.UUID], int, uuid.UUID | None]:
        return [self.request], 0, self.owner

    async def find(self, *rows: tuple[Any, ...]) -> None:
        given = f"{arrays('ingest_found_v1', FOUND)}, 1" if self.former else "1, $2::ingest_found_v1[]"
        await self.c.execute(f"select ingest_add_found($1, 'L1', {given})", self.request, rows)
        await self.c.execute("select ingest_complete_manifest($1, 'L1', 1)", self.request)
        self.owner = await own(self.c, self.request)

    async def read(self, name: str) -> dict[str, int]:
        """Tell what a step has to do; return the revisions by URI, and the number of reading of each."""
        given = FENCE if self.former else "$1::ingest_fence_v1"
        rows = await self.c.fetch(
            f"select v.uri as of, v.text as in_revision, f.* from ingest_{name}({given}) with ordinality f"
            " join ingest_revisions v on v.id = f.id order by f.ordinality", self.fence,
        )  # fmt: skip
        for row in rows:
            about = {RENAMED.get(key, key) if name == "to_load" else key: value for key, value in row.items()}
            for new in ("leads", "version", "live_bytes", "live_version", "live_modified_at"):
                about.pop(new, None)  # the former release knows of none
            if self.former and name != "to_load":
                assert about.pop("text") == about["in_revision"]
            about["uri"] = about["of"]
            if self.former and name == "to_load":
                assert (about.pop("content"), about.pop("content_bytes")) == (
                    None,
                    None,
                )
            gone = ("id", "request_id", "read_seq")
            self.told.append({key: value for key, value in about.items() if key not in gone})
        return {row["of"]: row["id"] for row in rows}

    async def write(self, name: str, *rows: tuple[Any, ...]) -> None:
        kind, columns = WRITES[name]
        rows = tuple((*row, *[None] * TIMES.get(name, 0)) for row in rows)
        call = f"ingest_{name}($1::ingest_fence_v1, $2::{kind}[])"
        if self.former:
            call = f"ingest_{name}({FENCE}, ($1::ingest_fence_v1).owner, {arrays(kind, columns)})"
            call = f"array(select {call})" if name == "copy_known" else call
        result = await self.c.fetchval(f"select {call}", self.fence, rows)
        if name == "skip_unchanged":
            result = [await self.c.fetchval("select uri from ingest_revisions where id = $1", one) for one in result]
        self.told.append((name, result))

    async def say(self, call: str, *values: Any) -> None:
        """Call ``try_alone`` or ``note_retry``."""
        given = f"{FENCE}, ($1::ingest_fence_v1).owner" if self.former else "$1::ingest_fence_v1"
        await self.c.execute(f"select ingest_{call}({given}, $2, $3)", self.fence, *values)

    async def look(self) -> None:
        for what, query in PICTURE.items():
            self.told.append((what, [tuple(row) for row in await self.c.fetch(query, self.request)]))


async def told(c: Connection, collection: str, *, former: bool) -> list[Any]:
    await ingest(c, {"same": "same"}, collection=collection, metadata={"team": "x"})
    request = await add(c, collection=collection, metadata={"team": "x"})
    assert await claim(c) == [request]
    story = Story(c, former, request)
    await discover(story)
    await load(story)
    await cut(story)
    await embed(story, collection)
    await story.say("note_retry", ERROR, 30.0)
    await story.look()
    await publish(c, request, 0, story.owner)
    assert await settle(c, request) == "partially_succeeded"
    await story.look()
    return story.told


async def discover(story: Story) -> None:
    await story.find(
        (0, 0, "a", "/srv/a", "text/plain", 5, None, *[None] * 6),
        (1, None, "lost", None, None, None, ERROR, *[None] * 6),
        (2, 0, "r#1", None, None, 9, None, 1, 7, digest("r"), 3, None, None),
        (3, 0, "mail", "/srv/mail", None, 8, None, *[None] * 6),
        (4, 0, "same", None, None, 4, None, *[None] * 6),
        (5, 0, "refused", None, None, 4, None, *[None] * 6),
    )


async def load(story: Story) -> None:
    ids = await story.read("to_load")
    await story.write("skip_unchanged", (ids["same"], 1000, digest("same")), (ids["a"], 1001, digest("other")))
    none, unsupported = [None] * 8, {**ERROR, "code": "unsupported"}
    markdown = ("Words of a.", "Title", "text/markdown", {"k": 1}, [0, 6])
    await story.write(
        "save_loaded",
        (ids["a"], 1001, digest("a"), 5, *markdown, *none[:4]),
        (ids["r#1"], 1002, None, 9, *none[:5], ERROR, *none[:3]),
        (ids["mail"], 1003, digest("m"), 8, "A letter.", *none),
        (ids["mail"], 1003, digest("p"), 3, "A part.", "Part", "text/plain", {}, None, None, "mail#1", None, None),
        (ids["mail"], 1003, None, 3, *none[:5], unsupported, "mail#2", None, None),
        (ids["refused"], 1004, digest("r"), 4, "Refused.", *none),
    )


async def cut(story: Story) -> None:
    ids = await story.read("to_chunk")
    await story.say("try_alone", ids["mail"], "chunk")
    await story.write(
        "save_chunked",
        (ids["mail"], None, None, None, ERROR),
        (ids["a"], [0, 6], [5, 11], [["Head"], []], None),
        *((ids[uri], [0], [6], [[]], None) for uri in ("mail#1", "refused")),
    )


async def embed(story: Story, collection: str) -> None:
    ids = await story.read("to_embed")
    known, new = digest("same"), digest(collection)
    chunks = [
        (ids["a"], 0, 0, 5, "Words", known, {"heading_path": ["Head"]}),
        (ids["a"], 1, 6, 11, "of a.", new, {"heading_path": []}),
        (ids["mail#1"], 0, 0, 6, "A part", new, {}),
    ]
    await story.write("copy_known", *((*chunk, None) for chunk in chunks[:2]))
    await story.write("save_chunks", *((*chunk, Vector([0, n, 1])) for n, chunk in enumerate(chunks[1:])))
    await story.read("to_embed")
    await story.write("note_embedded", (story.request, 3, 0, 42))
    await story.write("save_embedded", (ids["refused"], ERROR), *((ids[uri], None) for uri in ("a", "mail#1")))


async def test_a_request_that_is_carried_by_arrays_gets_what_one_gets_by_rows(c: Connection) -> None:
    await register_vector(c)
    by_rows = await told(c, "rows", former=False)
    by_arrays = await told(c, "arrays", former=True)
    assert len(by_rows) > 20
    for expected, found in zip(by_rows, by_arrays, strict=True):
        assert found == expected


def test_each_function_that_stays_for_the_former_release_is_called_here() -> None:
    called = {
        *WRITES,
        "add_found",
        "to_load",
        "to_chunk",
        "to_embed",
        "try_alone",
        "note_retry",
        "register",
        "begin",
        "claim",
        "purge",
    }
    stays = {file.name for file in sql_files() if file.name.endswith("_former.sql")}
    # Called by bodies of before that wait for a migration.
    within = {
        "check_owner", "check_writer", "search_words", "search_both", "search_statement", "ask_query", "await_query",
        "pick", "progress",
    }  # fmt: skip
    assert stays == {f"ingest_{name}_former.sql" for name in called | within}


async def test_a_listener_of_before_purges_what_was_replaced(c: Connection) -> None:
    await ingest(c, {"a": "old"})
    await ingest(c, {"a": "new"}, source="/srv/again")
    assert await c.fetchval("select ingest_purge($1)", timedelta(0)) == 1


async def test_a_search_of_before_that_waits_for_a_migration_finds_what_it_called(c: Connection) -> None:
    await ingest(c, {"a": "vents open"})
    found = await c.fetch("select uri from ingest_search_words('vents', 'default', 5, '{}', 5)")
    assert [row["uri"] for row in found] == ["a"]
    both = "select uri from ingest_search_both('vents', '[1,0,0]'::vector, 'default', 5, '{}')"
    assert [row["uri"] for row in await c.fetch(both)] == ["a"]
    statement = await c.fetchval("select ingest_search_statement('default', 3)")
    nearest = await c.fetch(statement.replace("$1", "'[1,0,0]'::vector").replace("$2", "'{}'").replace("$3", "5"))
    assert [row["uri"] for row in nearest] == ["a"]


async def test_a_listener_of_before_registers_without_saying_how_large_documents_may_be(c: Connection) -> None:
    before = await c.fetchval("select max_document_bytes from ingest_limits where role = ''")
    await c.execute("select ingest_register('old', 'here', 1, '0', '0', '{}', '', 1, '10 s', null, '1 s')")
    assert await c.fetchval("select max_document_bytes from ingest_limits where role = ''") == before
    await c.execute("select ingest_register('new', 'here', 1, '0', '0', '{}', '', 1, '10 s', null, '1 s', 1000, null)")
    assert await c.fetchval("select max_document_bytes from ingest_limits where role = ''") == 1000


async def test_a_listener_of_before_claims_from_the_front_of_the_line(c: Connection) -> None:
    await add_listener(c)
    later, urgent = await add(c), await add(c, priority=-1, content="a")
    query = "select id, share is not null from ingest_claim('L1', $1, '{/}', $2, 5, now())"
    assert [tuple(row) for row in await c.fetch(query, 1, SPACE)] == [(urgent, True)]
    assert [tuple(row) for row in await c.fetch(query, 5, SPACE)] == [(later, False)]
    assert not await c.fetchval("select ingest_left_locked('{/}')")


async def test_a_claim_of_before_that_waits_for_a_migration_finds_nothing(c: Connection) -> None:
    await add(c)
    assert await c.fetchval("select ingest_pick(5, '{/}', 0, now())") == []
    assert await c.fetchval("select ingest_pick_limited('{c}', 5, '{/}', 0, now())") == []


async def test_a_workflow_of_before_begins_with_the_whole_request(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    assert await claim(c) == [request]
    begun = await c.fetchrow("select id, status, begun from ingest_begin($1, 'L1', 1)", request)
    assert tuple(begun or ()) == (request, "running", 1)


async def test_a_listener_of_before_gets_a_request_s_own_content_with_what_it_has_to_load(c: Connection) -> None:
    requests = [
        await start(c, ["a"], content="Text."),
        await start(c, ["b"], content_bytes=b"\x00"),
        await start(c, ["c"], source="/c"),
    ]
    rows = await c.fetch("select request_id, content, content_bytes from ingest_to_load($1::uuid[], 0)", requests)
    found = {row["request_id"]: tuple(row)[1:] for row in rows}
    assert found == dict(zip(requests, [("Text.", None), (None, b"\x00"), (None, None)], strict=True))
