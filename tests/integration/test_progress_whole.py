"""``percent`` of real requests, looked at twenty times a second: it never falls, and moves while work is done."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import asyncpg
import pytest
from embedding_service import EmbeddingService
from listener_process import ListenerProcess
from made_files import workbook
from pipeline import ended, ingested, until
from staging import Connection, add, session

LOOK_SECONDS = 0.05
MOST_WITHOUT_MOVEMENT = 2.0
DIMENSIONS = 8
FIELDS = "status, percent::float8, documents_found, documents_total, documents_done, eta, attempt, current_step"


@dataclass
class Looks:
    """What was seen of a request, and when."""

    rows: list[tuple[float, asyncpg.Record]] = field(default_factory=list)

    @property
    def percents(self) -> list[float]:
        return [row["percent"] for _, row in self.rows if row["percent"] is not None]

    @property
    def longest(self) -> float:
        """The longest time for which it ran and percent stood still."""
        longest, since, last = 0.0, None, None
        for at, row in self.rows:
            if row["percent"] is None or row["status"] != "running":
                continue
            if since is None or row["percent"] != last:
                since, last = at, row["percent"]
            longest = max(longest, at - since)
        return longest


@asynccontextmanager
async def looking(dsn: str, request: uuid.UUID) -> AsyncIterator[Looks]:
    """Look at a request again and again while the block runs, and once more at its end."""
    looks, query = Looks(), f"select {FIELDS} from ingest_status where id = $1"
    over = asyncio.Event()

    async def look() -> None:
        async with session(dsn) as c:
            while True:
                was_over = over.is_set()
                looks.rows += [(time.monotonic(), row) for row in await c.fetch(query, request)]
                if was_over:
                    return
                await asyncio.sleep(LOOK_SECONDS)  # how often a person could look

    looker = asyncio.create_task(look())
    try:
        yield looks
    finally:
        over.set()
        await looker


def assert_true(looks: Looks) -> None:
    """Percent never fell, took many values, was 100 at last and not before all was through."""
    percents = looks.percents
    assert percents == sorted(percents)
    assert len(set(percents)) > 5
    assert percents[-1] == 100
    for _, row in looks.rows:
        if row["percent"] is None:
            assert row["documents_total"] is None
        elif row["percent"] == 100:
            assert row["documents_done"] == looks.rows[-1][1]["documents_done"]


def mail(subject: str, attachments: int) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "a@example.org", "b@example.org"
    message.set_content(f"What {subject} is about.")
    for n in range(attachments):
        message.add_attachment(f"Attachment {n} of {subject}. " * 30, filename=f"{n}.txt")
    return message.as_bytes()


def write_documents(folder: Path) -> None:
    folder.mkdir()
    for n in range(30):
        (folder / f"{n}.md").write_text(f"# Page {n}\n\n" + f"Sentence of page {n}. " * (3 * n))
    for n in range(6):
        (folder / f"{n}.eml").write_bytes(mail(f"letter {n}", 1 + 2 * n))
    (folder / "book.txt").write_text("\n\n".join(f"Paragraph {n} of a long book. " * 20 for n in range(400)))
    (folder / "empty.md").write_text("")


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS, latency=0.05) as service:
        service.max_batch = 8
        yield service


def listener(dsn: str, folder: Path, root: Path, service: EmbeddingService) -> ListenerProcess:
    return ListenerProcess(
        dsn, folder, heartbeat_seconds=0.2, lease_seconds=2, safety_poll_seconds=600, file_roots=root,
        embedder="openai", embedding_model="test", embedding_dimensions=DIMENSIONS,
        openai_base_url=service.url, openai_api_key="sk-test",
        batch_documents=10, batch_records=40, group_texts=8,
    ).ready()  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_documents(tmp_path / "root")
    return tmp_path / "root"


@pytest.mark.long
async def test_percent_rises_steadily_over_mail_with_attachments_and_files(
    own: Connection, ready: str, tmp_path: Path, root: Path, service: EmbeddingService, listeners: list[ListenerProcess]
) -> None:
    listeners.append(listener(ready, tmp_path / "it", root, service))
    await ingested(own, content="The first call of a service takes longer.", uri="warm")
    request = await add(own, source=str(root))
    async with looking(ready, request) as looks:
        (row,) = await ended(own, request)
    assert (row["status"], row["documents_failed"]) == ("partially_succeeded", 1)
    assert (row["documents_found"], row["documents_total"]) == (38, 38 + 36)
    assert_true(looks)
    print(f"{len(set(looks.percents))} values, at most {looks.longest:.2f} s without movement")
    assert looks.longest < MOST_WITHOUT_MOVEMENT
    assert any(seen["eta"] for _, seen in looks.rows)


async def test_percent_rises_steadily_over_records(
    own: Connection, ready: str, tmp_path: Path, root: Path, service: EmbeddingService, listeners: list[ListenerProcess]
) -> None:
    for name, count in (("many", 400), ("few", 5)):
        lines = [json.dumps({"body": f"Record {n} of {name}. " * 10}) for n in range(count)]
        (root / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    listeners.append(listener(ready, tmp_path / "it", root, service))
    await ingested(own, content="The first call of a service takes longer.", uri="warm")
    request = await add(own, source=str(root), options={"record": {"text": "body"}})
    async with looking(ready, request) as looks:
        (row,) = await ended(own, request)
    assert (row["documents_done"], row["documents_failed"]) == (405, 38)  # what holds no records is refused
    assert_true(looks)
    print(f"{len(set(looks.percents))} values, at most {looks.longest:.2f} s without movement")
    assert looks.longest < MOST_WITHOUT_MOVEMENT


async def test_percent_moves_within_one_long_document(
    own: Connection, ready: str, tmp_path: Path, service: EmbeddingService, listeners: list[ListenerProcess]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    rows = ("".join(f"<c><v>{n * (n + place)}</v></c>" for place in range(50)) for n in range(8000))
    (root / "long.xlsx").write_bytes(workbook({"a": "".join(f"<row>{row}</row>" for row in rows)}))
    listeners.append(listener(ready, tmp_path / "it", root, service))
    await ingested(own, content="The first call of a service takes longer.", uri="warm")
    request = await add(own, source=str(root))
    async with looking(ready, request) as looks:
        is_read = "select percent > 20 from ingest_status where id = $1"
        await until(lambda: own.fetchval(is_read, request), within=100)
        await own.execute("select ingest_cancel($1)", request)
    read = {one for one in looks.percents if 0 < one < 20}
    print(f"{sorted(read)}, at most {looks.longest:.2f} s without movement")
    assert looks.percents == sorted(looks.percents)
    assert len(read) >= 2


@pytest.mark.long
async def test_percent_stays_where_a_cancel_came_and_a_resume_counts_what_is_kept(
    own: Connection, ready: str, tmp_path: Path, root: Path, service: EmbeddingService, listeners: list[ListenerProcess]
) -> None:
    listeners.append(listener(ready, tmp_path / "it", root, service))
    request = await add(own, source=str(root))
    query = "select percent::float8 from ingest_status where id = $1"
    await until(lambda: own.fetchval(f"select percent > 30 from ({query}) as s", request))
    await own.execute("select ingest_cancel($1)", request)
    stopped = await own.fetchval(query, request)
    assert 30 < stopped < 100
    done = "select done_at is not null from ingest_commands where request_id = $1 and verb = 'cancel'"
    await until(lambda: own.fetchval(done, request))
    assert await own.fetchval(query, request) == stopped
    listeners[0].hold("before:own")
    await own.execute("select ingest_resume($1)", request)
    assert await own.fetchval(query, request) > 10  # what is kept is not done again
    async with looking(ready, request) as looks:
        listeners[0].go()
        (row,) = await ended(own, request)
    assert (row["attempt"], row["percent"]) == (2, 100)
    assert looks.percents == sorted(looks.percents)


@pytest.mark.long
async def test_percent_does_not_fall_when_a_listener_is_killed_and_another_one_goes_on(
    own: Connection, ready: str, tmp_path: Path, root: Path, service: EmbeddingService, listeners: list[ListenerProcess]
) -> None:
    listeners.append(listener(ready, tmp_path / "first", root, service))
    request = await add(own, source=str(root))
    async with looking(ready, request) as looks:
        await until(lambda: own.fetchval("select percent > 30 from ingest_status where id = $1", request))
        listeners[0].kill()
        listeners.append(listener(ready, tmp_path / "second", root, service))
        (row,) = await ended(own, request)
    assert row["attempt"] == 1
    assert_true(looks)


async def test_documents_of_one_batch_count_one_by_one_while_it_is_on_its_way(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    root = tmp_path / "pages"
    root.mkdir()
    for n in range(100):
        (root / f"{n}.md").write_text(f"# Page {n}\n\nText of page {n}.")
    async with EmbeddingService(dimensions=DIMENSIONS, latency=0.5) as service:
        service.max_batch = 2
        process = ListenerProcess(
            ready, tmp_path / "it", heartbeat_seconds=0.2, lease_seconds=2, safety_poll_seconds=600, file_roots=root,
            embedder="openai", embedding_model="test", embedding_dimensions=DIMENSIONS, openai_base_url=service.url,
            openai_api_key="sk-test", batch_documents=200, group_texts=2,
        )  # fmt: skip
        listeners.append(process.ready())
        request = await add(own, source=str(root))
        seen: set[tuple[int, int]] = set()

        async def look() -> bool:
            query = "select documents_embedded, documents_done, status from ingest_status where id = $1"
            row = await own.fetchrow(query, request)
            assert row is not None
            seen.add((row["documents_embedded"] or 0, row["documents_done"] or 0))
            return bool(row["status"] == "succeeded")

        await until(look)
    assert {done for _, done in seen} <= {0, 100}  # all go live at once
    counts = sorted({embedded for embedded, _ in seen} - {0, 100})
    print(counts)
    assert len(counts) >= 2
    times = await own.fetch("select embed_seconds, read_seconds, parse_seconds from ingest_times")
    assert len(times) == 100
    assert all(row["embed_seconds"] >= 0.4 for row in times)
    assert all(row["read_seconds"] is not None and row["parse_seconds"] is not None for row in times)
