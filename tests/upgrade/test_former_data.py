"""What the former release has stored: a migration changes none of it, and this release goes on with all of it.

One story: a listener of the former release ingests every kind of thing, some of it fails, is cancelled, waits or is
under way when the listener dies; then comes the migration, and a listener of this release.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from embedding_service import EmbeddingService, vector
from former_listener import Release, ReleasedListener, present, with_service
from pipeline import cloned, ended, until
from staging import Connection, add, collection, session
from traffic import DIMENSIONS, write_folder

from listener import embedded

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]  # long: see pyproject.toml; the first test's time is all

PDF = Path(__file__).parents[1] / "documents" / "handbook.pdf"
REFUSED = "REFUSED-BY-THE-SERVICE"
RECORD = {"record": {"text": "body", "id": "id"}}
STEPS = ("load", "chunk", "embed", "save")
DONE = "finished"  # ended before the migration, and goes through again unchanged

# What a person reads; columns that depend on the moment are left out. percent was another share, 0 where it is null.
READ = {
    "ingest_status": "select id::text as key, to_jsonb(t) - '{waiting_for,eta,documents_per_second}'::text[]"
    " - case percent when 100 then '' else 'percent' end as row from ingest_status t",
    "ingest_requests": "select id::text as key, to_jsonb(t) as row from ingest_requests t",
    "ingest_failures": "select revision_id::text as key, to_jsonb(t) as row from ingest_failures t",
    "ingest_documents": "select id::text as key, to_jsonb(t) as row from ingest_documents t",
    "ingest_revisions": "select id::text as key, to_jsonb(t) as row from ingest_revisions t",
    "ingest_chunks": "select id as key, to_jsonb(t) as row from ingest_chunks t",
    "ingest_chunk_store": "select revision_id || '-' || ordinal as key, to_jsonb(t) as row from ingest_chunk_store t",
    "ingest_collections": "select name as key, to_jsonb(t) as row from ingest_collections t",
    "ingest_commands": "select id::text as key, to_jsonb(t) as row from ingest_commands t",
    "ingest_queries": "select hash::text as key, to_jsonb(t) as row from ingest_queries t",
}
Rows = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Kept:
    """The rows before and after the migration, and what became of each request, by what it is an example of."""

    before: Rows = field(default_factory=dict)
    after: Rows = field(default_factory=dict)
    requests: dict[str, uuid.UUID] = field(default_factory=dict)
    ends: dict[str, asyncpg.Record] = field(default_factory=dict)
    again: list[asyncpg.Record] = field(default_factory=list)
    sent: dict[str, list[str]] = field(default_factory=dict)  # texts, by what was going on
    hits: dict[str, list[str]] = field(default_factory=dict)
    live: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # chunks of each collection, in the end
    purged: int = 0
    chunks_left: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def kept(
    server: embedded.Server, former: Release, former_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Kept:
    return asyncio.run(_kept(server, former, former_template, tmp_path_factory.mktemp("kept")))


async def _kept(server: embedded.Server, former: Release, template: str, folder: Path) -> Kept:
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(cloned(server, template))
        service = await stack.enter_async_context(EmbeddingService(dimensions=DIMENSIONS))
        c = await stack.enter_async_context(session(dsn))
        story = Story(Kept(), dsn, folder, service)
        stack.callback(story.clear_away)
        await story.of_former(c, former)
        await story.migrated(c)
        await story.of_present(c)
        return story.kept


@dataclass
class Story:
    """Carries what is stored over the migration."""

    kept: Kept
    dsn: str
    folder: Path
    service: EmbeddingService
    started: list[ReleasedListener] = field(default_factory=list)
    noted: int = 0

    async def of_former(self, c: Connection, release: Release) -> None:
        """Store everything, and die in the middle of a request."""
        listener = await self._listener(release, "former")
        for name, settings in COLLECTIONS.items():
            await collection(c, name, **settings)
        self.service.marker = REFUSED
        await self._ingest_what_ends(c)
        await self._stop_one(c)
        await self._leave_one_under_way(c, listener)
        self._note("former")

    async def _ingest_what_ends(self, c: Connection) -> None:
        self._write_files()
        for name, columns in self._examples().items():
            await self._add(c, name, **columns)
        for number in range(20):
            await self._add(c, f"small {number}", content=f"Small text {number}.", uri=f"small {number}")
        for number in range(4):
            await self._add(
                c, f"limited {number}", content=f"Limited {number}.", uri=f"l{number}", collection="limited"
            )
        await ended(c, *self.kept.requests.values(), within=120)
        for name in ("replaced", "forked"):
            await self._add_after(c, name)
        await ended(c, *self.kept.requests.values(), within=120)
        await c.execute("delete from ingest_documents where uri = 'deleted'")
        await c.execute("call ingest_embed_query('a question of before', 'files')")
        later = datetime.now(timezone.utc) + timedelta(days=1)
        await self._add(c, "scheduled", content="Scheduled text.", uri="scheduled", run_at=later)

    def _examples(self) -> dict[str, dict[str, Any]]:
        root = self.folder / "root"
        return {
            "files": {"source": str(root / "files"), "collection": "files"},
            "a mail": {"source": str(root / "mail.eml"), "collection": "mail"},
            "at once": {"source": str(root / "at once"), "collection": "at once", "options": {"publish": "request"}},
            "lines": {"source": str(root / "lines.jsonl"), "collection": "records", "options": RECORD},
            "rows": {"source": str(root / "rows.csv"), "collection": "records", "options": RECORD},
            "failed": {"source": str(root / "broken"), "collection": "broken"},
            "first reading": {"content": "The first reading.", "uri": "replaced"},
            "deleted": {"content": "A text that is deleted.", "uri": "deleted"},
            "by the other embedder": {"content": "A local text.", "uri": "local", "collection": "local"},
        }

    async def _add_after(self, c: Connection, name: str) -> None:
        if name == "replaced":
            await self._add(c, name, content="The second reading.", uri="replaced")
        else:
            original = self.kept.requests["files"]
            fork = "select ingest_fork($1, 'chunk', collection => 'forked')"
            self.kept.requests[name] = await c.fetchval(fork, original)

    async def _stop_one(self, c: Connection) -> None:
        """Cancel a request in the middle of its embedding, and one that is pending."""
        self.service.hold()
        write_folder(self.folder / "root" / "cancelled", 6, "cancelled")
        await self._add(c, "cancelled", source=str(self.folder / "root" / "cancelled"), collection="cancelled")
        await self.service.until(lambda service: service.running > 0)
        await c.execute("select ingest_cancel($1)", self.kept.requests["cancelled"])
        await self.service.until(lambda service: service.running == 0)
        self.service.release()

    async def _leave_one_under_way(self, c: Connection, listener: ReleasedListener) -> None:
        """Kill the listener when some of a request's batches are through and others wait for the service."""
        write_folder(self.folder / "root" / "left", 12, "left")
        self.service.latency = 0.3
        await self._add(c, "left", source=str(self.folder / "root" / "left"), collection="left")
        query = "select count(*) > 0 from ingest_batches where request_id = $1 and finished_at is not null"
        await until(lambda: c.fetchval(query, self.kept.requests["left"]))
        self.service.hold()
        listener.kill()
        self.service.release()
        self.service.latency = 0
        self.kept.errors += listener.records("ERROR", "CRITICAL")

    async def migrated(self, c: Connection) -> None:
        self.kept.before = await _read(c)
        ended = await present().command(self.folder, self.dsn)("migrate")
        assert ended.status == 0, ended.err
        self.kept.after = await _read(c)

    async def of_present(self, c: Connection) -> None:
        """Go on with everything."""
        kept = self.kept
        listener = await self._listener(present(), "present")
        await ended(c, kept.requests["left"], within=120)
        self._note("goes on")
        await self._mend_and_go_on(c)
        self._note("mended")
        for step in STEPS:
            fork = "select ingest_fork($1, $2, collection => $3)"
            kept.requests[f"fork {step}"] = await c.fetchval(fork, kept.requests["files"], step, f"fork {step}")
        kept.ends = dict(zip(kept.requests, await ended(c, *kept.requests.values(), within=120), strict=True))
        self._note("forked")
        await self._search(c)
        kept.live = {name: await _live(c, name) for name in ("files", "forked", *(f"fork {step}" for step in STEPS))}
        await self._again(c)
        kept.purged = await c.fetchval("select ingest_purge_replaced('0 hours', 500)")
        kept.chunks_left = await c.fetchval(
            "select count(*) - (select count(*) from ingest_chunks) from ingest_chunk_store"
        )
        await listener.stop()
        kept.errors += listener.records("ERROR", "CRITICAL")

    async def _mend_and_go_on(self, c: Connection) -> None:
        kept = self.kept
        self.service.marker = None
        (self.folder / "root" / "broken" / "no.pdf").write_bytes(PDF.read_bytes())
        await c.execute("select ingest_retry($1)", kept.requests["failed"])
        await c.execute("select ingest_resume($1)", kept.requests["cancelled"])
        await c.execute("update ingest_requests set run_at = now() where id = $1", kept.requests["scheduled"])
        await ended(c, *(kept.requests[name] for name in ("failed", "cancelled", "scheduled")), within=120)

    async def _search(self, c: Connection) -> None:
        hits, query = self.kept.hits, "select uri from ingest_search($1, 'default', 5, by => $2)"
        before = self.noted
        await c.execute("call ingest_embed_query('a question of before', 'files')")
        hits["asked again"] = [text for call in self.service.requests[before:] for text in call.texts]
        hits["words"] = [row["uri"] for row in await c.fetch(query, "second reading", "words")]
        numbers = str(vector("The second reading.", DIMENSIONS).tolist())
        rows = await c.fetch("select uri from ingest_search($1::text::vector, 'default', 1)", numbers)
        hits["vector"] = [row["uri"] for row in rows]
        await c.execute("call ingest_embed_query('second reading')")
        rows = await c.fetch("select uri from ingest_search('second reading', 'default', 5)")
        hits["both"] = [row["uri"] for row in rows]
        self._note("searched")

    async def _again(self, c: Connection) -> None:
        """Ingest once more what is live, as it was ingested before."""
        gone = ("first reading", "deleted", "forked", *(f"fork {step}" for step in STEPS))
        ids = [id for name, id in self.kept.requests.items() if name not in gone]
        made = (
            "insert into ingest_requests (source, content, uri, collection, options, metadata)"
            " select source, content, uri, collection, options, metadata from ingest_requests where id = any ($1)"
            " returning id"
        )
        self.kept.again = await ended(c, *[row["id"] for row in await c.fetch(made, ids)], within=120)
        self._note("again")

    async def _add(self, c: Connection, name: str, **columns: Any) -> None:
        self.kept.requests[name] = await add(c, **columns)

    def _note(self, what: str) -> None:
        """Note which texts were sent since the last time."""
        self.kept.sent[what] = [text for call in self.service.requests[self.noted :] for text in call.texts]
        self.noted = len(self.service.requests)

    async def _listener(self, release: Release, name: str) -> ReleasedListener:
        one = with_service(
            release, self.dsn, self.folder, self.service, name, embedding_call_texts=4, embedding_calls=2,
            batch_documents=2, batch_concurrency=2,
        )  # fmt: skip
        self.started.append(one)
        return await one.ready()

    def _write_files(self) -> None:
        root = self.folder / "root"
        write_folder(root / "files", 3, "files")
        (root / "files" / "plain.txt").write_bytes("Grüße aus Köln.".encode("latin-1"))
        (root / "files" / "page.html").write_text("<title>A page</title><h1>Head</h1><p>What it says.</p>")
        (root / "files" / "handbook.pdf").write_bytes(PDF.read_bytes())
        write_folder(root / "at once", 5, "at once")
        (root / "broken").mkdir()
        (root / "broken" / "no.pdf").write_bytes(b"%PDF-1.7\nnone")
        (root / "broken" / "refused.txt").write_text(f"The text is {REFUSED}.")
        (root / "broken" / "good.txt").write_text("A text between failures.")
        (root / "mail.eml").write_bytes(_mail().as_bytes())
        lines = [json.dumps({"id": n, "body": f"Line {n} of the file."}) for n in range(5)]
        (root / "lines.jsonl").write_text("\n".join(lines) + "\n")
        (root / "rows.csv").write_text("id,body\n" + "".join(f"r{n},Row {n} of the table.\n" for n in range(5)))

    def clear_away(self) -> None:
        for one in self.started:
            if one.runs:
                one.kill()


COLLECTIONS: dict[str, dict[str, Any]] = {
    "files": {"chunk_size": 300, "chunk_overlap": 30},
    "forked": {"chunk_size": 200, "chunk_overlap": 20},
    "limited": {"max_running": 1},
    "local": {"embedder": "local", "model": "wordllama-l2-supercat-256", "dimensions": 64},
    **{f"fork {step}": {"chunk_size": 300, "chunk_overlap": 30} for step in STEPS},
}


def _mail() -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "About the harbour", "ann@example.org", "bob@example.org"
    message.set_content("Hello, see what is attached.")
    for name in ("first", "second"):
        message.add_attachment(f"The {name} attachment.".encode(), "text", "plain", filename=f"{name}.txt")
    return message


async def _read(c: Connection) -> Rows:
    return {name: {row["key"]: row["row"] for row in await c.fetch(query)} for name, query in READ.items()}


async def _live(c: Connection, name: str) -> list[dict[str, Any]]:
    query = (
        "select uri, ordinal, title, text, start_char, end_char, metadata, embedding::text as embedding"
        " from ingest_chunks where collection = $1 order by uri, ordinal"
    )
    return [dict(row) for row in await c.fetch(query, name)]


def _hash(text: str) -> str:
    return "\\x" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", READ)
def test_a_migration_changes_no_row_that_was_there(kept: Kept, name: str) -> None:
    before, after = kept.before[name], kept.after[name]
    assert len(before) > 0
    assert after.keys() == before.keys()
    changed = {
        (key, column): (value, after[key].get(column))
        for key, row in before.items()
        for column, value in row.items()
        if after[key].get(column) != value
    }
    assert changed == {}


def test_every_kind_of_thing_was_there(kept: Kept) -> None:
    statuses = {
        name: kept.before["ingest_requests"][str(id)]["status"]
        for name, id in kept.requests.items()
        if str(id) in kept.before["ingest_requests"]
    }
    special = {"failed": "partially_succeeded", "cancelled": "cancelled", "scheduled": "pending", "left": "running"}
    assert {name: status for name, status in statuses.items() if status != "succeeded"} == special
    states = {row["state"] for row in kept.before["ingest_revisions"].values()}
    assert states >= {"discovered", "published", "failed"}


def test_what_was_under_way_failed_stopped_or_waiting_is_finished(kept: Kept) -> None:
    wrong = {
        name: dict(row) for name, row in kept.ends.items() if row["status"] != "succeeded" or row["documents_failed"]
    }
    assert wrong == {}
    assert kept.errors == []


def test_a_text_that_was_stored_is_not_paid_again(kept: Kept) -> None:
    stored = {row["hash"] for row in kept.before["ingest_chunk_store"].values()}
    resent = [text for sent in ("goes on", "mended") for text in kept.sent[sent] if _hash(text) in stored]
    assert resent == []
    assert len(kept.sent["goes on"]) > 0
    assert len(set(kept.sent["goes on"])) == len(kept.sent["goes on"])


def test_forks_of_the_former_release_s_requests_send_nothing_and_are_the_same(kept: Kept) -> None:
    assert kept.sent["forked"] == []
    for step in STEPS:
        assert kept.live[f"fork {step}"] == kept.live["files"]
    assert len(kept.live["forked"]) > len(kept.live["files"]) > 10


def test_searches_find_what_the_former_release_stored(kept: Kept) -> None:
    assert kept.hits["asked again"] == []
    assert kept.hits["words"] == ["replaced"]
    assert kept.hits["vector"] == ["replaced"]
    assert "replaced" in kept.hits["both"]


def test_ingested_again_all_is_unchanged_and_nothing_is_sent(kept: Kept) -> None:
    changed = [dict(row) for row in kept.again if (row["status"], row["documents_done"]) != ("succeeded", 0)]
    assert changed == []
    assert all(row["documents_skipped"] == row["documents_total"] > 0 for row in kept.again)
    assert kept.sent["again"] == []


def test_what_the_former_release_replaced_is_purged(kept: Kept) -> None:
    assert kept.purged > 0
    assert kept.chunks_left == 0
