"""Own steps through whole listeners: what is stored, embedded and searched; what is paid, waited for, forgotten."""

from __future__ import annotations

import re
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from distribution import distribution, documented
from embedding_service import EmbeddingService, Received, Reply, chat, failing, limited, plainly
from listener_process import ListenerProcess
from pipeline import chunks, ended, ingested, until
from staging import Connection, add, collection, one

from listener.documents import step_registry

if sys.version_info >= (3, 11):
    import tomllib
else:  # comes with pytest there
    import tomli as tomllib

Start = Callable[..., ListenerProcess]

MODULE = """
import os, time
from dataclasses import replace
from listener.documents.steps import ChunkStep, DocumentStep, Dropped, StepRefused, answered, used

def shout(document, options):
    if "boom" in document.text:
        raise RuntimeError("it says boom")
    if "refuse" in document.text:
        raise StepRefused("not this one", "Leave it out.")
    if "spin" in document.text:
        while True: pass
    if "die" in document.text:
        os._exit(3)
    if "endless" in document.text:
        return replace(document, metadata={"n": float("inf")})
    if "bytes" in document.text:
        return replace(document, metadata={"n": b"x"})
    if "private" in document.text:
        return Dropped("it is private")
    return replace(document, text=document.text.upper(), metadata={"lines": document.text.count("\\\\n")})

def note(document, options):
    with open(os.environ["NOTED"], "a") as file:
        file.write(document.text.split()[-1] + "\\\\n")
    used(7)
    return document

def gloss(chunks, options):
    became = []
    for place, chunk in enumerate(chunks):
        with open(os.environ["NOTED"], "a") as file:
            file.write(chunk.text.split()[-1] + "\\n")
        if "fatal" in chunk.text:
            os._exit(3)
        used(5)
        became.append(chunk.text.upper())
        answered(place, became[-1])
    return became

SHOUT = DocumentStep(version="1", run=shout)
NOTE = DocumentStep(version="1", run=note, network=True, environment=["NOTED"], paid=True)
GLOSS = ChunkStep(version="1", run=gloss, network=True, environment=["NOTED"], paid=True)
""".replace("\\\\n", "\\n")
POINTS = {step_registry.GROUP: {"shout": "acme:SHOUT", "note": "acme:NOTE", "gloss": "acme:GLOSS"}}


@pytest.fixture
async def model() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService() as service:
        service.always(chat)
        yield service


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    (tmp_path / "packages").mkdir()
    return distribution(tmp_path / "packages", "acme-steps", {"acme": MODULE}, POINTS)


@pytest.fixture
def start(
    ready: str, model: EmbeddingService, tmp_path: Path, listeners: list[ListenerProcess], packages: Path
) -> Start:
    """Starts listeners that have our steps and acme's."""

    def start(**settings: Any) -> ListenerProcess:
        given: dict[str, Any] = {
            "file_roots": tmp_path, "heartbeat_seconds": 0.2, "lease_seconds": 4, "safety_poll_seconds": 600,
            "contextual_url": model.url, "contextual_key": "k-secret", "step_workers": 2, "path": packages,
        }  # fmt: skip
        listeners.append(ListenerProcess(ready, tmp_path / f"l {uuid.uuid4().hex}", **given | settings))
        return listeners[-1].ready()

    return start


def asked(model: EmbeddingService) -> Counter[str]:
    """Return what the model was asked about, each excerpt's last word."""
    return Counter(_excerpt(one).split()[-1] for one in model.requests if "<excerpt>" in str(one.body))


def _excerpt(one: Received) -> str:
    return str(one.body["messages"][-1]["content"]).partition("<excerpt>")[2].partition("</excerpt>")[0]


async def test_a_redacted_document_is_all_that_remains_of_it(own: Connection, start: Start, tmp_path: Path) -> None:
    start()
    await collection(own, "docs", steps=[{"name": "redact", "options": {"patterns": ["email", "iban"]}}])
    (tmp_path / "a.md").write_text("# Ann\n\nWrite to ann@example.org, or pay to DE89 3704 0044 0532 0130 00.\n")
    row = await ingested(own, source=str(tmp_path / "a.md"), collection="docs")
    assert (row["status"], row["error"]) == ("succeeded", None)
    assert [one["text"] for one in await chunks(own, "docs")] == ["# Ann\n\nWrite to [EMAIL], or pay to [IBAN]."]
    for table in await own.fetch(
        "select tablename from pg_tables where schemaname = 'public' and tablename ~ '^ingest_'"
    ):
        kept = await own.fetch(f'select t::text as row from "{table["tablename"]}" t')
        assert not [one["row"] for one in kept if re.search(r"ann@example|\b3704\b", one["row"])], table
    again = await ingested(own, source=str(tmp_path / "a.md"), collection="docs")
    assert again["documents_skipped"] == 1
    await collection(own, "docs", steps=[{"name": "redact", "options": {"patterns": ["email"]}}])
    changed = await ingested(own, source=str(tmp_path / "a.md"), collection="docs")
    assert (changed["documents_done"], changed["documents_skipped"]) == (1, 0)
    assert "DE89" in (await chunks(own, "docs"))[0]["text"]


@pytest.mark.long
async def test_a_step_of_others_changes_drops_and_fails_documents_and_nothing_else(
    own: Connection, start: Start, tmp_path: Path
) -> None:
    listener = start(step_timeout_seconds=1)
    await collection(own, "docs", steps=[{"name": "shout"}])
    (tmp_path / "docs").mkdir()
    for word in ("fine", "boom", "refuse", "spin", "die", "private", "endless", "bytes"):
        (tmp_path / "docs" / f"{word}.txt").write_text(f"This is {word}.\nYes.")
    row = await ingested(own, source=str(tmp_path / "docs"), collection="docs")
    assert (row["status"], row["documents_done"], row["documents_skipped"]) == ("partially_succeeded", 1, 1)
    errors = {
        one["uri"].rpartition("/")[2]: (one["error"]["code"], one["error"]["step"])
        for one in await own.fetch("select uri, error from ingest_revisions where state = 'failed'")
    }
    assert errors == {
        "boom.txt": ("step_failed", "load"), "refuse.txt": ("step_refused", "load"),
        "spin.txt": ("step_timeout", "load"), "die.txt": ("step_crashed", "load"),
        "endless.txt": ("step_failed", "load"), "bytes.txt": ("step_failed", "load"),
    }  # fmt: skip
    dropped = await one(own, "select reason, warning, text from ingest_revisions where state = 'skipped'")
    assert (dropped["reason"], dropped["warning"]["code"], dropped["text"]) == ("dropped", "dropped", None)
    assert "it is private" in dropped["warning"]["message"]
    assert [one["text"] for one in await chunks(own, "docs")] == ["THIS IS FINE.\nYES."]
    (tmp_path / "docs" / "fine.txt").write_text("Now it is private.")
    await ingested(own, source=str(tmp_path / "docs" / "fine.txt"), collection="docs")
    assert await own.fetchval("select count(*) from ingest_documents") == 0
    assert listener.process.poll() is None


@pytest.mark.long
async def test_a_context_is_embedded_and_searched_and_the_text_stays(
    own: Connection, start: Start, model: EmbeddingService, tmp_path: Path
) -> None:
    start(group_texts=8)
    await collection(
        own, "docs", chunk_size=60, chunk_overlap=0, steps=[{"name": "contextual", "options": {"model": "m"}}]
    )
    (tmp_path / "a.md").write_text(
        "# Home\n\nPipes leak in winter often, says Ann.\n\nRoofs leak in spring, says Bob.\n"
    )
    row = await ingested(own, source=str(tmp_path / "a.md"), collection="docs")
    assert (row["status"], row["error"]) == ("succeeded", None)
    stored = await chunks(own, "docs")
    assert all(one["text"] == one["slice"] for one in stored)
    found = await own.fetch("select text, metadata from ingest_search('roofsness', 'docs')")
    assert [one["text"] for one in found] == ["Roofs leak in spring, says Bob."]
    assert found[0]["metadata"]["searched_as"] == "It is about roofsness.\n\nRoofs leak in spring, says Bob."
    assert model.requests[0].headers["authorization"] == "Bearer k-secret"
    assert "Pipes leak" in model.requests[0].body["messages"][1]["content"]  # the document's opening
    paid = len(model.requests)
    await own.execute("select ingest_price('m', 2)")
    (tmp_path / "b.md").write_text((tmp_path / "a.md").read_text())
    await ingested(own, source=str(tmp_path / "b.md"), collection="docs")
    await collection(
        own, "more", chunk_size=60, chunk_overlap=0, steps=[{"name": "contextual", "options": {"model": "m"}}]
    )
    await ingested(own, source=str(tmp_path / "a.md"), collection="more")
    assert len(model.requests) == paid
    used = await own.fetch("select texts, tokens from ingest_usage where step = 'contextual'")
    assert sum(one["texts"] for one in used) == paid
    assert sum(one["tokens"] for one in used) == 10 * paid
    await own.execute("select ingest_delete_documents('docs'), ingest_delete_documents('more')")
    assert await own.fetchval("select count(*) from ingest_step_results") == 0


@pytest.mark.long
async def test_a_service_of_a_step_that_is_away_is_waited_for_and_nothing_is_paid_twice(
    own: Connection, start: Start, model: EmbeddingService, tmp_path: Path
) -> None:
    start(step_workers=1)
    await collection(own, "docs", steps=[{"name": "contextual"}])
    (tmp_path / "docs").mkdir()
    for n in range(20):
        (tmp_path / "docs" / f"{n}.txt").write_text(f"Note number{n}")
    model.next(*[chat] * 10, limited(3), failing(500))
    request = await add(own, source=str(tmp_path / "docs"), collection="docs")
    waits = await until(lambda: own.fetchval("select waiting_for from ingest_status where id = $1", request))
    assert "own step contextual" in waits
    assert "Rate limit reached" in waits
    (row,) = await ended(own, request)
    assert (row["status"], row["documents_done"], row["error"]) == ("succeeded", 20, None)
    counts = asked(model)
    assert len(counts) == 20
    assert sum(counts.values()) == 22  # the two that were refused, again
    assert await own.fetchval("select count(*) from ingest_circuits") == 0


@pytest.mark.long
async def test_what_waits_for_the_service_of_a_step_goes_on_as_the_generation_that_it_is_brought_into_stops(
    own: Connection, start: Start, model: EmbeddingService
) -> None:
    running = start(step_workers=1)
    await collection(own, "docs", steps=[{"name": "contextual"}])
    await ingested(own, content="Note one.", collection="docs")
    running.hold("before:list_standing")
    making = await own.fetchval("select ingest_reembed('docs', '{\"chunk_size\": 200, \"chunk_overlap\": 0}')")
    running.held("before:list_standing")
    model.next(chat)  # for the live one
    model.always(failing(500))
    meanwhile = await add(own, content="A note of many words. " * 20, collection="docs")
    waits = "select waiting_for like '%own step contextual%' from ingest_status where id = $1"
    await until(lambda: own.fetchval(waits, meanwhile))
    await own.execute("select ingest_cancel($1)", making)
    (row,) = await ended(own, meanwhile)
    assert (row["status"], row["error"]) == ("succeeded", None)
    running.go()


@pytest.mark.long
async def test_a_listener_that_dies_while_a_step_runs_has_paid_what_was_answered(
    own: Connection, start: Start, model: EmbeddingService, tmp_path: Path
) -> None:
    first = start(step_workers=1)
    await collection(own, "docs", steps=[{"name": "contextual"}])
    (tmp_path / "docs").mkdir()
    for n in range(12):
        (tmp_path / "docs" / f"{n}.txt").write_text(f"Note number{n}")
    model.next(*[chat] * 8)
    model.always(plainly(Reply(stall=True, cut=0)))
    request = await add(own, source=str(tmp_path / "docs"), collection="docs")
    await model.until(lambda service: len(service.requests) == 12)
    await until(lambda: own.fetchval("select count(*) = 8 from ingest_step_results"))
    first.kill()
    model.always(chat)
    start(step_workers=1)
    (row,) = await ended(own, request)
    assert (row["status"], row["documents_done"]) == ("succeeded", 12)
    assert sorted(asked(model).values()) == [1] * 8 + [2] * 4  # only what had no answer, again


async def test_caps_hold_for_what_steps_send(
    own: Connection, start: Start, model: EmbeddingService, tmp_path: Path
) -> None:
    start()
    await collection(own, "docs", steps=[{"name": "contextual"}])
    (tmp_path / "docs").mkdir()
    for n in range(20):
        (tmp_path / "docs" / f"{n}.txt").write_text(f"Note number{n}")
    row = await ingested(own, source=str(tmp_path / "docs"), collection="docs", options={"max_texts": 10})
    assert row["error"]["code"] == "cap_reached"
    assert len(asked(model)) == 10
    await own.execute("select ingest_retry($1, '{\"max_texts\": 40}')", row["id"])
    (row,) = await ended(own, row["id"])
    assert (row["status"], row["documents_done"]) == ("succeeded", 20)
    assert set(asked(model).values()) == {1}
    assert len(asked(model)) == 20
    assert await own.fetchval("select count(*) from ingest_reservations") == 0


async def test_a_paid_step_is_run_once_for_a_text_whoever_brings_it_and_not_by_a_plan(
    own: Connection, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "noted"
    monkeypatch.setenv("NOTED", str(noted))
    start()
    await collection(own, "docs", steps=[{"name": "note"}])
    plan = await ingested(own, content="A text of one", uri="a", collection="docs", options={"plan": True})
    assert [(step["name"], step["known_texts"], step["new_texts"]) for step in plan["plan"]["steps"]] == [
        ("note", 0, 1)
    ]
    assert not noted.exists()
    first = await ingested(own, content="A text of one", uri="a", collection="docs")
    assert (first["status"], first["error"]) == ("succeeded", None)
    await ingested(own, content="A text of one", uri="b", collection="docs")
    await ingested(own, content="A text of two", uri="a", collection="docs")
    assert noted.read_text().split() == ["one", "two"]
    again = await ingested(own, content="A text of two", uri="c", collection="docs", options={"plan": True})
    assert [(step["known_texts"], step["new_texts"], step["cost"]) for step in again["plan"]["steps"]] == [(1, 0, 0)]
    await own.execute("select * from ingest_forget(uri => 'b', collection => 'docs')")
    assert await own.fetchval("select count(*) from ingest_step_results") == 2  # a's, as it was and as it is
    assert await own.fetchval("select sum(tokens) from ingest_usage where step = 'note'") == 14


async def test_what_a_call_answered_before_its_process_died_is_not_sent_again_and_all_counts_under_the_cap(
    own: Connection, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "noted"
    monkeypatch.setenv("NOTED", str(noted))
    start()
    await collection(own, "docs", steps=[{"name": "gloss"}])
    (tmp_path / "docs").mkdir()
    for n, word in enumerate(("one", "two", "three", "fatal", "five", "six")):
        (tmp_path / "docs" / f"{n}.txt").write_text(f"Note {word}")
    request = {"source": str(tmp_path / "docs"), "collection": "docs"}
    plan = await ingested(own, **request, options={"plan": True})
    assert [(step["known_texts"], step["new_texts"]) for step in plan["plan"]["steps"]] == [(0, 6)]
    row = await ingested(own, **request, options={"max_texts": 20})
    assert (row["status"], row["documents_done"]) == ("partially_succeeded", 5)
    failed = await own.fetch("select uri, error ->> 'code' as code from ingest_revisions where state = 'failed'")
    assert [(one["uri"].rpartition("/")[2], one["code"]) for one in failed] == [("3.txt", "step_crashed")]
    assert Counter(noted.read_text().split()) == {"one": 1, "two": 1, "three": 1, "fatal": 2, "five": 1, "six": 1}
    # What died over three texts may have sent all of them: then each went alone.
    assert await own.fetchval("select sum(texts) from ingest_usage where step = 'gloss'") == 3 + 3 + 3
    assert await own.fetchval("select count(*) from ingest_reservations") == 0
    plan = await ingested(own, **request, options={"plan": True, "force": True})
    assert [(step["known_texts"], step["new_texts"]) for step in plan["plan"]["steps"]] == [(5, 1)]


async def test_a_text_that_stands_in_several_documents_of_a_listener_is_sent_once(
    own: Connection, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "noted"
    monkeypatch.setenv("NOTED", str(noted))
    start(batch_documents=4)
    await collection(own, "docs", steps=[{"name": "note"}, {"name": "gloss"}])
    (tmp_path / "docs").mkdir()
    for n in range(16):  # in four batches
        (tmp_path / "docs" / f"{n:02}.txt").write_text(f"Note {('same', 'alike')[n % 2]}")
    row = await ingested(own, source=str(tmp_path / "docs"), collection="docs")
    assert (row["status"], row["documents_done"]) == ("succeeded", 16)
    assert Counter(noted.read_text().split()) == {"same": 2, "alike": 2}  # once by each step
    kept = "select count(*), count(distinct key) as keys from ingest_step_results"
    assert tuple(await one(own, kept)) == (32, 4)


async def test_what_no_listener_has_waits_and_says_what_to_do(
    own: Connection, start: Start, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    await collection(own, "docs", steps=[{"name": "shout"}])  # nobody runs, so nobody knows
    listeners.append(ListenerProcess(ready, tmp_path / "without", file_roots=tmp_path, heartbeat_seconds=0.2).ready())
    request = await add(own, content="some words", uri="a", collection="docs")
    waits = await own.fetchval("select waiting_for from ingest_status where id = $1", request)
    assert waits.startswith('step: no running listener has the own step "shout" of collection "docs"')
    start()
    (row,) = await ended(own, request)
    assert row["status"] == "succeeded"
    assert [one["text"] for one in await chunks(own, "docs")] == ["SOME WORDS"]


async def test_the_steps_of_the_page_do_what_it_says(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    points = tomllib.loads(documented("own-steps.md", "toml"))["project"]["entry-points"]
    modules = {"house_steps": documented("own-steps.md", "python")}
    packages = distribution(tmp_path, "house-steps", modules, points)
    listeners.append(ListenerProcess(ready, tmp_path / "one", path=packages).ready())
    glossary = {"name": "glossary", "options": {"meanings": {"VPN": "virtual private network"}}}
    await collection(own, "docs", steps=[{"name": "drafts"}, glossary])
    (draft, kept) = await ended(
        own,
        await add(own, content="DRAFT of nothing", uri="a", collection="docs"),
        await add(own, content="Use the VPN here", uri="b", collection="docs"),
    )
    assert (draft["documents_skipped"], kept["documents_done"]) == (1, 1)
    found = await own.fetch("select text, metadata from ingest_search('virtual', 'docs')")
    assert [one["text"] for one in found] == ["Use the VPN here"]
    assert found[0]["metadata"]["words"] == 4
    assert found[0]["metadata"]["searched_as"] == "Use the VPN (virtual private network) here"
