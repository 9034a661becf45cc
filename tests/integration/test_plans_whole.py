"""What a plan says of five kinds of sources is what they then take; and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import ended, ingested, one
from s3_server import S3Server, s3_server
from staging import Connection, add
from web_server import Told, WebServer, page

KINDS = ("folder", "records", "archive", "site", "bucket")
TRACES = ("documents", "document_origins", "chunk_store", "archives", "usage", "planned_texts", "seen")
KEPT = "select count(*) from ingest_revisions where text is not null and document_id is null"
LIVE = """
select d.*, o.seen_by from ingest_documents d left join ingest_document_origins o on o.document_id = d.id
order by d.id"""


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def texts(count: int, word: str) -> dict[str, str]:
    """Return documents: one has the same text as another, one has several chunks, one will fail."""
    made = {f"{n}.md": f"# House {n}\n\nThe {word} of house {n} opens at noon.\n" for n in range(count)}
    made["copy.md"] = made["0.md"]
    made["long.md"] = "# Long\n\n" + "\n\n".join(f"Paragraph {n} tells of a {word}. " * 20 for n in range(30))
    return made | {"empty.md": ""}


def folder(path: Path) -> dict[str, Any]:
    (path / "deep").mkdir(parents=True)
    for name, text in texts(30, "vent").items():
        (path / "deep" / name).write_text(text)
    (path / "page.html").write_text("<h1>Frost</h1><p>The boiler starts below three degrees.</p>")
    (path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing else")
    return {"source": str(path)}


def records(path: Path) -> dict[str, Any]:
    rows = [{"id": n, "body": f"Valve {n % 40} of the harbour closes."} for n in range(50)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"source": str(path), "options": {"record": {"text": "body", "id": "id"}}}


def archive(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path, "w") as members:
        for name, text in texts(10, "gate").items():
            members.writestr(f"manual/{name}", text)
    return {"source": str(path)}


def web_site(site: WebServer) -> dict[str, Any]:
    names = [f"{n}.html" for n in range(8)]
    site.pages |= {"/guide/": Told(page("Guide", *names, "gone.html"), etag='"1"')}
    site.pages |= {f"/guide/{name}": Told(page(name, text=f"Page {name} tells of frost.")) for name in names}
    return {"source": site.url("/guide/"), "options": {"crawl": {}}}


def bucket(s3: S3Server) -> dict[str, Any]:
    name = f"b{uuid.uuid4().hex[:12]}"
    store = s3.bucket(name)
    for key, text in texts(10, "lock").items():
        obstore.put(store, f"docs/{key}", text.encode())
    return {"source": f"s3://{name}/docs/"}


@pytest.fixture
def sources(tmp_path: Path, site: WebServer, s3: S3Server) -> dict[str, dict[str, Any]]:
    (root := tmp_path / "root").mkdir()
    return {
        "folder": folder(root / "folder"), "records": records(root / "valves.jsonl"),
        "archive": archive(root / "manual.zip"), "site": web_site(site), "bucket": bucket(s3),
    }  # fmt: skip


@pytest.fixture
def start(
    ready: str, tmp_path: Path, site: WebServer, s3: S3Server, listeners: list[ListenerProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> ListenerProcess:  # fmt: skip
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    roots = "\n".join([str(tmp_path / "root"), site.url("/"), "s3:"])
    it = ListenerProcess(
        ready, tmp_path / "listener", roots=roots, http_requests_per_second=10_000, http_patience=0, batch_documents=8,
        batch_concurrency=1, heartbeat_seconds=0.2, price_per_million_tokens="0.02",
    )  # fmt: skip
    listeners.append(it)
    return it.ready()


def plan_of(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return source | {"options": source.get("options", {}) | {"plan": True}} | more


async def spent(c: Connection, name: str) -> tuple[int, int, float]:
    row = await one(
        c,
        "select coalesce(sum(texts), 0)::int as texts, coalesce(sum(tokens), 0)::int as tokens,"
        " coalesce(sum(cost), 0)::float8 as cost from ingest_usage where collection = $1",
        name,
    )
    return row["texts"], row["tokens"], row["cost"]


async def left(c: Connection) -> dict[str, int]:
    return {table: await c.fetchval(f"select count(*) from ingest_{table}") for table in TRACES}


@pytest.mark.usefixtures("start")
async def test_what_a_plan_says_is_what_is_then_paid(own: Connection, sources: dict[str, dict[str, Any]]) -> None:
    for kind in KINDS:
        source = sources[kind]
        before = await left(own)
        planned = await ingested(own, **plan_of(source, collection=kind))
        assert planned["status"] == "succeeded", planned["error"]
        assert await left(own) == before
        assert (
            await own.fetchval("select count(*) from ingest_revisions where text is not null and document_id is null")
            == 0
        )
        plan = planned["plan"]
        real = await ingested(own, collection=kind, **source | {
            "options": source.get("options", {}) | {"planned": str(planned["id"])}})  # fmt: skip
        texts_, tokens, cost = await spent(own, kind)
        print(f"\n{kind:8} planned {plan}\n         paid texts {texts_} tokens {tokens} cost {cost:.6f}")
        said = ("found", "documents", "failed", "chunks")
        came = ("documents_total", "documents_done", "documents_failed", "chunks_total")
        assert [plan[key] for key in said] == [real[key] for key in came]
        assert (plan["new_texts"], plan["tokens"], plan["tokens_are"]) == (texts_, tokens, "counted")
        assert plan["cost"] == pytest.approx(cost, abs=1e-6)
        assert plan["new_texts"] > 0
        again = (await ingested(own, **plan_of(source, collection=kind)))["plan"]
        assert (again["documents"], again["new_texts"], again["tokens"], again["cost"]) == (0, 0, 0, 0)
        assert again["unchanged"] == real["documents_done"]
        status = await one(own, "select plan, documents_total from ingest_status where id = $1", real["id"])
        assert status["plan"] == plan


@pytest.mark.long
async def test_a_plan_goes_on_after_its_listener_is_killed_and_counts_nothing_twice(
    own: Connection, sources: dict[str, dict[str, Any]], start: ListenerProcess, ready: str, tmp_path: Path,
    listeners: list[ListenerProcess],
) -> None:  # fmt: skip
    calm = await ingested(own, **plan_of(sources["folder"], collection="calm"))
    start.hold("before:save_planned", 3)
    request = await add(own, **plan_of(sources["folder"], collection="killed"))
    await asyncio.to_thread(start.held, "before:save_planned")
    start.kill()
    other = ListenerProcess(ready, tmp_path / "other", roots=str(tmp_path / "root"), heartbeat_seconds=0.2)
    listeners.append(other)
    (row,) = await ended(own, request)
    assert row["status"] == "succeeded"
    same = ("found", "documents", "by_type", "failed", "failures", "chunks", "new_texts", "known_texts", "tokens")
    assert {key: row["plan"][key] for key in same} == {key: calm["plan"][key] for key in same}
    assert (row["plan"]["cost"], calm["plan"]["cost"] > 0) == (None, True)
    assert "ingest_price" in row["plan"]["hint"]  # the other listener knows no price
    assert (await left(own))["planned_texts"] == 0


@pytest.mark.usefixtures("start")
async def test_a_plan_moves_nothing_that_is_live(own: Connection, sources: dict[str, dict[str, Any]]) -> None:
    source = sources["folder"]
    await ingested(own, collection="kept", **source | {"options": {"principals": ["staff"]}})
    files = Path(source["source"])
    (files / "deep" / "1.md").unlink()
    (files / "deep" / "2.md").write_text("# House 2\n\nThe doors of house 2 are new.\n")
    before = await own.fetch(LIVE)
    options = {"plan": True, "mirror": True, "principals": ["others"]}
    row = await ingested(own, collection="kept", **source | {"options": options})
    assert (row["status"], row["plan"]["documents"], row["plan"]["new_texts"]) == ("succeeded", 1, 1)
    assert row["plan"]["gone"] == 1
    assert await own.fetch(LIVE) == before
    failing = await own.fetch("select uri from ingest_list_documents('kept', '', true)")
    assert len(failing) == 2  # of the first request
    other = await ingested(own, collection="kept2", **plan_of(source))
    assert other["plan"]["gone"] is None  # no mirror
    assert await own.fetchval("select failing from ingest_inventory('kept2')") == 0
    real = await ingested(own, collection="kept", **source | {"options": {"mirror": True}})
    assert real["documents_deleted"] == row["plan"]["gone"]


@pytest.mark.usefixtures("start")
async def test_the_command_shows_a_plan_and_how_to_have_it_done(
    own: Connection, sources: dict[str, dict[str, Any]], ready: str, tmp_path: Path
) -> None:
    call = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    source = sources["folder"]["source"]
    planned = await call("plan", source, "-c", "docs")
    assert planned.status == 0, planned.err
    lines = dict(line.split("\t", 1) for line in planned.out.splitlines() if "\t" in line)
    assert lines["documents"] == "33\t32 md, 1 html"
    assert lines["would fail"] == "2\t1 empty_document, 1 parser_failed"
    assert lines["tokens"].endswith("\tcounted")
    assert lines["cost"].startswith("0.000")
    done = planned.out.partition("to have it done: ingest ")[2].partition(", with")[0].split()
    added = await call(*done, "--wait")
    assert added.status == 3, added.err  # two documents fail
    found = (await call("plan", source, "-c", "docs", "--json")).json
    assert (found["documents"], found["unchanged"], found["new_texts"], found["cost"]) == (0, 33, 0, 0)
    (Path(source) / "page.html").unlink()
    mirrored = await call("plan", source, "-c", "docs", "-o", "mirror=true")
    assert "gone\t1\t" in mirrored.out
    used = await call("usage", "-c", "docs")
    assert used.out.splitlines()[0] == "day\tcollection\tmodel\ttexts\ttokens\tcost"
    assert used.out.splitlines()[1].split("\t")[3] == lines["texts to send"].split("\t")[0]
    nothing = await call("plan", str(tmp_path / "root" / "nowhere"), "-c", "docs")
    assert (nothing.status, "not_found" in nothing.err + nothing.out) == (1, True)
