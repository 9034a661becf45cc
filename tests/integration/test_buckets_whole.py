"""Buckets from end to end: a listener reads from a server of S3, again, after edits, and while that goes wrong."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import obstore
import pytest
from documented import blocks, in_psql, rough
from ingest_command import Ingest
from listener_process import ListenerProcess
from object_service import Answer, Kept, ObjectService, refused, running
from obstore.store import S3Store
from pipeline import chunks, counted, ended, ingested, one, uris
from s3_server import S3Server, put, s3_server
from staging import Connection, add

from listener import embedded

PAGE = "docs/source-objects.md"
OBJECTS = 300


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server) -> S3Store:
    """A bucket of the test's own."""
    return s3.bucket(f"b{uuid.uuid4().hex[:12]}")


@asynccontextmanager
async def listening(
    dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: str
) -> AsyncIterator[ListenerProcess]:
    """Run a listener that may read all buckets."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    process = ListenerProcess(dsn, folder, roots="s3:", safety_poll_seconds=600, heartbeat_seconds=0.2)
    try:
        yield process.ready()
        assert process.stop() == 0
    finally:
        process.stop()


@pytest.mark.long
async def test_a_prefix_is_ingested_again_edited_and_emptied(
    ready: str, own: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3Server, bucket: S3Store
) -> None:
    name = bucket.config["bucket"]
    for number in range(OBJECTS):
        put(bucket, f"docs/part {number % 7}/{number}.md", f"# Number {number}\n\nWords of number {number}.")
    put(bucket, "docs/table#1.csv", "a,b\n1,2\n", "text/csv")
    put(bucket, "docs/page", "<h1>A page</h1><p>Known by its type.</p>", "text/html; charset=utf-8")
    put(bucket, "other/secret.md", "not asked for")
    async with listening(ready, tmp_path, monkeypatch, **s3.environment) as process:
        first = await ingested(own, source=f"s3://{name}/docs/", collection="bucket")
        assert (first["status"], first["documents_total"]) == ("succeeded", OBJECTS + 2), first["error"]
        found = await uris(own, "bucket")
        assert f"s3://{name}/docs/table%231.csv" in found
        assert f"s3://{name}/docs/part%203/3.md" in found
        assert len(found) == OBJECTS + 2
        pages = [row["text"] for row in await chunks(own, "bucket") if row["uri"].endswith("/page")]
        assert "Known by its type." in pages[0]
        assert "<p>" not in pages[0]
        versions = "select count(*) as n from ingest_revisions where version is not null and modified_at is not null"
        assert (await one(own, versions))["n"] == OBJECTS + 2

        sent = len(process.embedded())
        again = await ingested(own, source=f"s3://{name}/docs/", collection="bucket")
        assert again["status"] == "succeeded"
        assert len(process.embedded()) == sent
        assert (await counted(own, again["id"], "load")).get("loaded", 0) == 0

        put(bucket, "docs/part 0/0.md", "# Number 0\n\nOther words.")
        put(bucket, "docs/new.md", "# New\n\nNew words.")
        obstore.delete(bucket, "docs/part 1/1.md")
        edited = await ingested(own, source=f"s3://{name}/docs/", collection="bucket")
        assert (edited["status"], edited["documents_total"]) == ("succeeded", OBJECTS + 2)
        assert len(process.embedded()) == sent + 2
        assert f"s3://{name}/docs/new.md" in await uris(own, "bucket")

        gone = await ingested(own, source=f"s3://{name}/docs/part 1/1.md", collection="bucket")
        assert gone["error"]["code"] == "not_found"


@pytest.mark.long
async def test_records_are_read_by_ranges(
    ready: str, own: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3Server, bucket: S3Store
) -> None:
    name = bucket.config["bucket"]
    lines = "".join(f'{{"id": {number}, "body": "The text of record {number}."}}\n' for number in range(500))
    put(bucket, "data/rows.jsonl", lines, "application/x-ndjson")
    async with listening(ready, tmp_path, monkeypatch, **s3.environment):
        row = await ingested(
            own, source=f"s3://{name}/data/", collection="rows", options={"record": {"text": "body", "id": "id"}}
        )
        assert (row["status"], row["documents_total"]) == ("succeeded", 500), row["error"]
        assert f"s3://{name}/data/rows.jsonl#7" in await uris(own, "rows")


async def test_a_service_that_goes_wrong_loses_nothing(
    ready: str, own: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holdings = Kept()
    for number in range(60):
        holdings.put(f"docs/{number:02}.md", f"# Number {number}\n\nWords of number {number}.".encode())
    holdings.put("docs/odd//name.md", b"words")
    service = ObjectService(holdings)
    cut = Answer(200, b"# " * 100, {"ETag": '"x"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}, cut=50)
    gone = refused(404, "NoSuchKey")
    service.fail(refused(503, "SlowDown"), cut, cut, gone, when=lambda asked: asked.key == "docs/07.md")
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    async with running(service), listening(ready, tmp_path, monkeypatch, AWS_ENDPOINT_URL=service.url, **keys):
        row = await ingested(own, source="s3://bucket/docs/", collection="faulty")
        assert row["status"] == "partially_succeeded"
        failures = await own.fetch("select uri, code, retryable from ingest_failures order by uri")
        assert [tuple(failure) for failure in failures] == [
            ("s3://bucket/docs/07.md", "not_found", False), ("s3://bucket/docs/odd%2F%2Fname.md", "odd_name", False)
        ]  # fmt: skip
        assert len(await uris(own, "faulty")) == 59

        service.fail(*[cut] * 99, when=lambda asked: asked.key == "docs/08.md")
        holdings.put("docs/08.md", b"# Number 8\n\nOther words.")
        await ended(own, await add(own, source="s3://bucket/docs/08.md", collection="faulty"))
        failing = await one(own, "select code, retryable from ingest_failures where uri like '%08.md'")
        assert tuple(failing) == ("store_away", True)

        service.fail(*[refused(403, "AccessDenied")] * 9)
        row = await ingested(own, source="s3://bucket/docs/", collection="faulty")
        assert row["error"]["code"] == "access_denied"
        assert "AWS_ACCESS_KEY_ID" in row["error"]["hint"]
        service.fail()
        assert (await ingested(own, source="s3://bucket/docs/09.md", collection="faulty"))["status"] == "succeeded"


async def test_the_page_shows_what_happens(
    server: embedded.Server, ready: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    bucket = s3.bucket("handbook")
    for name in ("heating", "keys", "mooring"):
        put(bucket, f"docs/{name}.md", f"# {name.title()}\n\nWhat there is to know about {name}.")
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    async with listening(ready, tmp_path, monkeypatch, **s3.environment):
        shown = blocks(PAGE)
        first, second = shown[: len(shown) // 2], shown[len(shown) // 2 :]
        told = await in_psql(ingest, first)
        put(bucket, "docs/keys.md", "# Keys\n\nThe keys hang in the office now.")
        put(bucket, "docs/waste.md", "# Waste\n\nWhere it goes.")
        obstore.delete(bucket, "docs/mooring.md")
        told += await in_psql(ingest, second)
    for block, out, state in told:
        assert state == block.state, out
        if block.out is not None:
            assert rough(out) == rough(block.out)


async def test_the_database_and_the_listener_agree_on_what_lies_below_a_root(ready: str, own: Connection) -> None:
    """A claim compares texts; the source decodes them."""
    query = "select ingest_has_root($1, ingest_locate($2))"
    roots = ["s3://bucket/my docs", "s3://bucket/my%20docs/"]
    for source, below in (
        ("S3://Bucket/my docs/a.md", True), ("s3://bucket/my%20docs/**/*.md", True), ("s3://bucket/my docs", True),
        ("s3://bucket/my docs2/", False), ("s3://bucket/", False), ("s3://bucket2/my docs/", False),
    ):  # fmt: skip
        assert await own.fetchval(query, roots, source) is below, source
    assert await own.fetchval(query, ["s3:"], "s3://any/thing")
