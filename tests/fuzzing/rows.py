"""Rows of ingest_requests, whatever is in them: refused by a code, or ended by a listener, never with ``internal``.

The owner inserts some, a role that may submit to some collections the others. What was accepted is left to a real
listener; after each round all of it must have ended, with errors that are explained, and the listener must live.
"""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from hypothesis import strategies as st
from listener_process import ListenerProcess

from fuzzing.targets import KNOWN, TAKEN, Place, Target, Trial, Trouble, code_of
from fuzzing.values import COLLECTION, COLLECTIONS, HOSTILE, INTEGER_TEXT, JSON, JSON_TEXT, TIME, WORD, written

PATIENCE_SECONDS = 90.0
SAMPLES = Path(__file__).parents[1] / "documents"
SYSTEM = {
    "status": "running", "attempt": "1", "created_by": "postgres", "submitted_by": "postgres", "forked_from": str(uuid.UUID(int=1)),
    "fork_step": "save", "executor_id": "x", "read_seq": "1", "due": "false", "limited": "true", "settings": "{}", "error": "{}",
    "locator": "/", "resume_at": "now", "chunks_total": "1", "deadline_at": "now", "finished_at": "now",
}  # fmt: skip
TYPES = {
    "options": "jsonb", "metadata": "jsonb", "run_at": "timestamptz", "priority": "int", "id": "uuid", "settings": "jsonb",
    "error": "jsonb", "attempt": "int", "chunks_total": "int", "read_seq": "bigint", "due": "boolean", "limited": "boolean",
    "forked_from": "uuid", "resume_at": "timestamptz", "deadline_at": "timestamptz", "finished_at": "timestamptz",
}  # fmt: skip
MEDIA_TYPE = st.sampled_from([
    "text/html", "text/markdown", "text/csv", "application/x-ndjson", "message/rfc822", "application/pdf", "application/json",
    "text/html; charset=utf-7", "text/plain; charset=\"", "application/zip", "image/png", "text/x-python", "*/*", ";;;",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
]) | WORD  # fmt: skip
URI = (
    st.sampled_from(
        ["a.csv", "b.jsonl", "c.eml", "d.html", "e.docx", "f.md", "file:///etc/passwd", "x" * 2000, "x" * 2001]
    )
    | WORD
)
TEXTS = st.sampled_from([
    "# A\n\nThe valves open.\n", "<p>valves<p>" * 50, "id,text\n1,valves\n2,\"open\n", '{"id": 1, "text": "valves"}\n[]\n{"id":',
    "a" * 100_000, "\n" * 10_000, "From: a\nContent-Type: multipart/mixed; boundary=x\n\n--x\n--x--", "title: " + " " * 20_000,
    "[" * 20_000, '{"text": ' + "9" * 5000 + "}", "#" * 3000 + " a", "| a " * 3000, "`" * 9999, "- " * 5000, "&amp;" * 2000,
]) | WORD  # fmt: skip
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "text": WORD | st.lists(WORD, max_size=3) | st.just("text"),
        "id": WORD,
        "title": WORD,
        "metadata": st.lists(WORD),
    },
)
PATTERNS = st.sampled_from(["*.md", "**", "a/", "[", "?*?*?*?*?*?*?*?*!", ".*", "**/**/**/*", "x" * 1001, ""]) | WORD
OPTIONS = st.fixed_dictionaries({}, optional={
    "include": PATTERNS | st.lists(PATTERNS, max_size=4), "exclude": PATTERNS | st.lists(PATTERNS, max_size=4),
    "max_bytes": JSON | st.integers(1, 5000), "force": st.booleans() | JSON, "publish": st.sampled_from(["document", "request", "x"]),
    "record": st.just({"text": "text", "id": "id"}) | RECORD | JSON, "batch_documents": st.integers(-1, 5) | JSON,
    "timeout_seconds": st.floats(1, 100) | JSON, "principals": st.lists(WORD, max_size=3) | JSON, "principals_field": WORD | JSON,
}).map(written)  # fmt: skip
SOURCE = st.sampled_from(
    ["{root}", "{root}/a", "{root}/**/*.md", "{root}/none", "file://{root}/a", "{root}/[", "{root}/x\n.md"]
) | (HOSTILE.map("{{root}}/{}".format) | HOSTILE | WORD.map("/{}".format))
REST: dict[str, Any] = {
    "collection": COLLECTION, "options": OPTIONS | OPTIONS | JSON_TEXT, "metadata": JSON_TEXT | st.dictionaries(WORD, JSON).map(written),
    "priority": INTEGER_TEXT, "run_at": TIME, "dedupe_key": WORD, "id": st.uuids().map(str) | WORD,
}  # fmt: skip
ABOUT_CONTENT: dict[str, Any] = {"uri": URI, "media_type": MEDIA_TYPE}
CONTENT = st.fixed_dictionaries(
    {"content": TEXTS}, optional=ABOUT_CONTENT | {"options": OPTIONS, "metadata": REST["metadata"]}
)
BYTES = st.fixed_dictionaries({"content_bytes": st.binary(max_size=300)}, optional=ABOUT_CONTENT)
FOLDER = st.fixed_dictionaries(
    {"source": st.sampled_from(["{root}", "{root}/a", "{root}/**/*.md"]), "options": OPTIONS}
)
ANYTHING = st.fixed_dictionaries(
    {}, optional={"source": SOURCE, "content": TEXTS, "content_bytes": st.binary(max_size=50), **ABOUT_CONTENT, **REST}
)
SOURCES = st.fixed_dictionaries({"source": SOURCE}, optional=REST)
MEDDLING = st.tuples(CONTENT, st.sampled_from(sorted(SYSTEM))).map(lambda both: both[0] | {both[1]: SYSTEM[both[1]]})


class Row(NamedTuple):
    """Columns of a row, all as texts, and whether a role inserts it that may only submit."""

    columns: dict[str, Any]
    submitter: bool


INPUTS = st.builds(Row, CONTENT | BYTES | FOLDER | SOURCES | ANYTHING | MEDDLING, st.booleans())


class _Rows:
    def __init__(
        self, owner: asyncpg.Connection, submitter: asyncpg.Connection, root: Path, listener: ListenerProcess
    ) -> None:
        self._owner, self._submitter, self._root, self._listener = owner, submitter, root, listener
        self._accepted: dict[uuid.UUID, str] = {}
        self._said = 0

    async def case(self, row: Row) -> str:
        columns = {name: self._rooted(name, value) for name, value in row.columns.items()}
        try:
            request = await self._insert(self._submitter if row.submitter else self._owner, columns)
        except asyncpg.PostgresError as error:
            return code_of(error, allowed=frozenset({"not_permitted"} if row.submitter else ()))
        meddled = [name for name in columns if name in SYSTEM]
        if row.submitter:
            assert not meddled, f"a submitter set {meddled}"
            assert columns.get("collection", "default") in COLLECTIONS, f"submitted to {columns['collection']!r}"
        self._accepted[request] = repr(row)
        return TAKEN

    def _rooted(self, name: str, value: Any) -> Any:
        return value.replace("{root}", str(self._root)) if name == "source" else value

    async def _insert(self, connection: asyncpg.Connection, columns: dict[str, Any]) -> uuid.UUID:
        values = [f"${number}{_cast(name)}" for number, name in enumerate(columns, 1)]
        into = f"({', '.join(columns)}) values ({', '.join(values)})" if columns else "default values"
        found: uuid.UUID = await connection.fetchval(
            f"insert into ingest_requests {into} returning id", *columns.values()
        )
        return found

    async def after(self) -> list[Trouble]:
        """Wait until all that can end has ended; see how."""
        accepted, self._accepted = self._accepted, {}
        ids = list(accepted)
        await self._cancel_what_nobody_reads(ids)
        unfinished = await self._unfinished(ids)
        rows = [f"{row['id']} waits for {row['waiting_for']}" for row in unfinished]
        troubles = [
            Trouble(f"not ended: {row}", accepted[one["id"]]) for one, row in zip(unfinished, rows, strict=True)
        ]
        for request, error in await self._errors(ids):
            code = (error or {}).get("code")
            if code not in KNOWN:
                troubles.append(Trouble(f"ended with {json.dumps(error)}", accepted[request]))
        log = self._listener.log()
        new, self._said = log[self._said :], len(log)
        if self._listener.process.poll() is not None or "Traceback" in new:
            troubles.append(Trouble(f"the listener says: {new[-3000:]}", "the rows of this round"))
        return troubles

    async def _cancel_what_nobody_reads(self, ids: list[uuid.UUID]) -> None:
        """Cancel what is for later, or lies below no root: it would wait for good."""
        await self._owner.execute(
            "select ingest_cancel(id) from ingest_requests where id = any ($1) and status = 'pending'"
            " and (run_at > clock_timestamp() or (source is not null and locator is distinct from $2"
            " and not starts_with(coalesce(locator, ''), $2 || '/')))",
            ids, str(self._root),
        )  # fmt: skip

    async def _unfinished(self, ids: list[uuid.UUID]) -> list[asyncpg.Record]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            rows = await self._owner.fetch(
                "select id, waiting_for from ingest_status where id = any ($1) and status in ('pending', 'running')",
                ids,
            )
            if not rows or time.monotonic() > deadline or self._listener.process.poll() is not None:
                return list(rows)
            await asyncio.sleep(0.1)

    async def _errors(self, ids: list[uuid.UUID]) -> list[tuple[uuid.UUID, Any]]:
        rows = await self._owner.fetch(
            "select id, error::text from ingest_requests where id = any ($1) and status in ('failed', 'partially_succeeded')"
            " and error is not null union all select request_id, error::text from ingest_revisions"
            " where request_id = any ($1) and error is not null", ids,
        )  # fmt: skip
        return [(row["id"], json.loads(row["error"])) for row in rows]


def _cast(name: str) -> str:
    if name == "content_bytes":
        return ""
    return f"::text::{TYPES[name]}" if name in TYPES else "::text"


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Trial]:
    root = place.folder / "root"
    (root / "a").mkdir(parents=True, exist_ok=True)
    for name in ("one.md", "a/two.md", "a/three.html", "a/.hidden.md", "four.csv", "x\n.md"):
        (root / name).write_text("id,text\n1,The valves of house two open.\n")
    owner, submitter = await asyncpg.connect(place.dsn), await asyncpg.connect(place.dsn)
    role = f"fuzzing_{uuid.uuid4().hex[:12]}"
    await owner.execute(f"create role {role}")
    listener = ListenerProcess(
        place.dsn, place.folder / "listener", file_roots=root, heartbeat_seconds=0.5, parse_timeout_seconds=5,
        max_document_bytes=1_000_000, parse_workers=1,
    )  # fmt: skip
    try:
        for collection in COLLECTIONS:
            await owner.execute("select ingest_grant($1::text::name, 'submitter', $2)", role, collection)
        await submitter.execute(f"set role {role}")
        for connection in (owner, submitter):
            await connection.execute("set statement_timeout = '8s'")
        listener.ready()
        rows = _Rows(owner, submitter, root, listener)
        yield Trial(rows.case, rows.after)
    finally:
        listener.stop()
        await submitter.close()
        await owner.execute(f"drop owned by {role}; drop role {role}")
        await owner.close()


TARGET = Target("rows", INPUTS, opened, few=30, round=200, database=True)
