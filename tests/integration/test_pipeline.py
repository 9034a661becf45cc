"""From a row to searchable chunks: what a running listener makes of each kind of request."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listener_process import ListenerProcess
from pipeline import chunks, counted, ended, ingested, one, steps, until, uris
from staging import Connection, add, collection

from listener import embedding
from listener.settings import Settings

LONG = "".join(
    f"## Section {n}\n\nSentence {n} about the {n}th thing, 日本語 and 😀, told at length. More of {n}.\n\n"
    for n in range(30)
)


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


async def small_chunks(c: Connection, name: str) -> None:
    await collection(c, name, chunk_size=120, chunk_overlap=20)


async def test_inline_text_bytes_and_html(c: Connection, name: str) -> None:
    page = "<html><head><title>A page</title></head><body><h1>Größe</h1><p>Five metres.</p></body></html>"
    rows = await ended(
        c,
        await add(c, collection=name, content="# Hello\n\nA world of chunks.", uri="notes/hello.md"),
        await add(c, collection=name, content_bytes="Straße nach Süden".encode("latin-1"), uri="way.txt"),
        await add(c, collection=name, content_bytes=page.encode(), media_type="text/html", uri="page"),
        nameless := await add(c, collection=name, content="without a name"),
    )
    assert [row["status"] for row in rows] == ["succeeded"] * 4
    found = {row["uri"]: row for row in await chunks(c, name)}
    assert found.keys() == {"notes/hello.md", "way.txt", "page", str(nameless)}
    assert found["notes/hello.md"]["metadata"]["heading_path"] == ["Hello"]
    assert found["notes/hello.md"]["title"] == "Hello"
    assert found["way.txt"]["text"] == "Straße nach Süden"
    assert (found["page"]["title"], found["page"]["metadata"]["heading_path"]) == ("A page", ["Größe"])
    assert "Five metres." in found["page"]["text"]
    assert "<" not in found["page"]["text"]


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("{}", {}, {"a.md", "b.txt", "sub/c.md", "sub/deep/d.py"}),
        ("{}", {"include": "*.md"}, {"a.md", "sub/c.md"}),
        ("{}", {"include": ["*.md", "*.txt"], "exclude": "sub/**"}, {"a.md", "b.txt"}),
        ("{}/*.md", {}, {"a.md"}),
        ("{}/**/*.md", {}, {"a.md", "sub/c.md"}),
        ("file://{}/sub", {}, {"sub/c.md", "sub/deep/d.py"}),
        ("{}/sub/../b.txt", {}, {"b.txt"}),
    ],
)
async def test_local_sources(
    c: Connection, name: str, folder: Path, source: str, options: dict[str, Any], expected: set[str]
) -> None:
    write(folder, {path: f"This is {path}." for path in ("a.md", "b.txt", "sub/c.md", "sub/deep/d.py", ".git/config")})
    row = await ingested(c, source=source.format(folder), options=options, collection=name)
    assert (row["status"], row["documents_done"]) == ("succeeded", len(expected))
    assert await uris(c, name) == {f"file://{folder}/{path}" for path in expected}


async def test_a_request_of_many_batches_ends_with_complete_and_exact_chunks(
    c: Connection, name: str, folder: Path
) -> None:
    await small_chunks(c, name)
    write(folder, {f"{n}.md": f"# Title {n}\n\n{LONG}" for n in range(10)})
    row = await ingested(c, source=str(folder), collection=name)
    assert (row["status"], row["documents_total"], row["documents_done"]) == ("succeeded", 10, 10)
    query = "select workflow_uuid from dbos.workflow_status where workflow_uuid like $1 || ':%' and status = 'SUCCESS'"
    batches = {workflow[0] for workflow in await c.fetch(query, str(row["id"]))}
    assert batches == {f"{row['id']}:{batch}" for batch in (1, 2, 3)}
    found = await chunks(c, name)
    assert len(found) == row["chunks_total"] == 300
    for chunk in found:
        assert chunk["text"] == chunk["slice"]
    for n in range(10):
        of_one = [chunk for chunk in found if chunk["uri"].endswith(f"/{n}.md")]
        assert [chunk["ordinal"] for chunk in of_one] == list(range(len(of_one)))
        covered = {place for chunk in of_one for place in range(chunk["start_char"], chunk["end_char"])}
        text = of_one[0]["document"]
        assert not "".join(char for place, char in enumerate(text) if place not in covered).strip()
        assert of_one[-1]["metadata"]["heading_path"] == [f"Title {n}", "Section 29"]


async def test_what_is_unchanged_is_skipped_and_nothing_of_it_is_sent(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    write(folder, {f"{n}.md": f"Document {n} of {name}." for n in range(6)})
    first = await ingested(c, source=str(folder), collection=name)
    told = await counted(c, first["id"], "embed")
    assert told.pop("tokens") > 6
    assert told == {"documents": 6, "sent": 6, "copied": 0, "failed": 0}
    before = await c.fetch("select id, revision_id from ingest_documents where collection = $1 order by id", name)
    (folder / "3.md").write_text(f"Document 3 of {name}, edited.")
    (folder / "new.md").write_text(f"A new document of {name}.")
    second = await ingested(c, source=str(folder), collection=name)
    counts = ("succeeded", 7, 2, 5, 0)
    keys = ("status", "documents_total", "documents_done", "documents_skipped", "documents_failed")
    assert tuple(second[key] for key in keys) == counts
    assert (await counted(c, second["id"], "load"))["skipped"] == 5
    assert len(process.embedded(name)) == 8
    third = await ingested(c, source=str(folder), collection=name)
    assert (third["status"], third["documents_skipped"], third["chunks_total"]) == ("succeeded", 7, 0)
    assert len(process.embedded(name)) == 8
    after = await c.fetch("select id, revision_id from ingest_documents where collection = $1 order by id", name)
    assert len(set(map(tuple, before)) & set(map(tuple, after))) == 5


async def test_other_settings_or_metadata_make_a_document_new_and_force_does_too(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    await small_chunks(c, name)
    write(folder, {"a.md": f"# {name}\n\n{LONG}"})
    await ingested(c, source=str(folder), collection=name)
    sent = len(process.embedded(name))
    forced = await ingested(c, source=str(folder), collection=name, options={"force": True})
    assert (forced["documents_done"], forced["documents_skipped"]) == (1, 0)
    assert len(process.embedded(name)) == sent  # its texts are known to the space
    labelled = await ingested(c, source=str(folder), collection=name, metadata={"team": "blue"})
    assert labelled["documents_done"] == 1
    await collection(c, name, chunk_size=400)
    larger = await ingested(c, source=str(folder), collection=name)
    assert larger["documents_done"] == 1
    assert larger["chunks_total"] < labelled["chunks_total"]


async def test_readers_see_a_document_whole_while_it_is_replaced(
    c: Connection, other: Connection, name: str, process: ListenerProcess
) -> None:
    await small_chunks(c, name)
    texts = [LONG.replace("Sentence", word) for word in ("Monday", "Friday")]
    old = await ingested(c, collection=name, uri="d", content=texts[0])
    seen: set[tuple[int, int]] = set()
    process.hold("before:save_chunks", nth=2)
    request = await add(c, collection=name, uri="d", content=texts[1])
    replaced = asyncio.create_task(ended(c, request))
    await asyncio.to_thread(process.held, "before:save_chunks")
    query = (
        "select count(*) filter (where text like '%Monday%'), count(*) filter (where text like '%Friday%')"
        " from ingest_chunks where collection = $1"
    )
    seen.add(tuple(await one(other, query, name)))
    stored = "select count(*) > 0 from ingest_chunk_store where collection = $1 and text like '%Friday%'"
    await until(lambda: other.fetchval(stored, name))
    process.go()
    while not replaced.done():
        seen.add(tuple(await one(other, query, name)))
    new = (await replaced)[0]
    seen.add(tuple(await one(other, query, name)))
    assert len(seen) == 2
    assert {0 in pair for pair in seen} == {True}
    assert (await c.fetchval("select count(*) from ingest_chunks where collection = $1", name)) == new["chunks_total"]
    assert old["chunks_total"] == new["chunks_total"]


async def test_a_failed_document_leaves_what_is_live(c: Connection, name: str, folder: Path) -> None:
    write(folder, {"a.md": "The good old text.", "b.md": "Another."})
    await ingested(c, source=str(folder), collection=name)
    (folder / "a.md").write_bytes(b"MZ\x90\0\3\0\0\0" * 100)
    (folder / "b.md").write_text("Another, edited.")
    row = await ingested(c, source=str(folder), collection=name)
    assert (row["status"], row["documents_done"], row["documents_failed"]) == ("partially_succeeded", 1, 1)
    assert row["error"]["code"] == "documents_failed"
    assert {chunk["text"] for chunk in await chunks(c, name)} == {"The good old text.", "Another, edited."}


async def test_publish_request_makes_all_documents_live_in_one_transaction(
    c: Connection, other: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    write(folder, {f"{n}.md": f"Document {n}." for n in range(9)} | {"bad.md": ""})
    process.hold("before:publish_request", nth=1)
    request = await add(c, source=str(folder), collection=name, options={"publish": "request"})
    await asyncio.to_thread(process.held, "before:publish_request")
    assert await uris(other, name) == set()
    assert (
        await other.fetchval(
            "select count(*) from ingest_revisions where request_id = $1 and state = 'embedded'", request
        )
        == 9
    )
    process.go()
    row = (await ended(c, request))[0]
    assert (row["status"], row["documents_done"], row["documents_failed"]) == ("partially_succeeded", 9, 1)
    assert await c.fetchval("select count(distinct xmin::text) from ingest_documents where collection = $1", name) == 1
    assert [step for step, _ in await steps(c, request)].count("save") == 1


async def test_metadata_is_kept_with_each_chunk_and_filters_a_search(c: Connection, name: str) -> None:
    for team in ("blue", "red"):
        about = {"team": team, "tags": {"year": 2024}}
        await ingested(c, collection=name, uri=team, content=f"Holiday of the {team} team.", metadata=about)
    search = "select uri, metadata from ingest_search('holiday', $1, filter => $2)"
    assert {row["uri"] for row in await c.fetch(search, name, {})} == {"blue", "red"}
    (row,) = await c.fetch(search, name, {"team": "red", "tags": {"year": 2024}})
    assert row["uri"] == "red"
    assert row["metadata"].items() >= {"team": "red", "tags": {"year": 2024}}.items()


async def test_stored_vectors_are_those_of_the_embedder(c: Connection, name: str) -> None:
    await collection(c, name, passage_prefix="passage: ")
    await ingested(c, collection=name, uri="d.md", content="# Bees\n\n## Honey\n\nBees make honey in summer.")
    (chunk,) = [one for one in await chunks(c, name) if "make honey" in one["text"]]
    local = Settings(embedder="local")
    embedder = embedding.create(embedding.default_space(local), local)
    text = embedding.embedding_input(
        embedding.DEFAULT_TEMPLATE,
        "passage: ",
        title="Bees",
        heading_path=chunk["metadata"]["heading_path"],
        text=chunk["text"],
    )
    (expected,) = (await embedder.embed([text])).vectors
    await embedder.close()
    assert np.allclose(json.loads(chunk["embedding"]), expected, atol=1e-6)
    nearest = await one(
        c, "select uri, score from ingest_search($2::text::vector, $1, 1)", name, str(expected.tolist())
    )
    assert nearest["uri"] == "d.md"
    assert nearest["score"] == pytest.approx(1, abs=1e-5)


async def test_a_chunk_of_a_table_that_was_cut_is_embedded_with_its_header_and_found_by_it(
    c: Connection, name: str, process: ListenerProcess
) -> None:
    header = f"| parameter | unit | {name} |\n|---|---|---|"
    rows = "\n".join(f"| param{n} | ms | {n} |" for n in range(120))
    text = f"# Specs\n\nIntro.\n\n{header}\n{rows}\n"
    await ingested(c, collection=name, uri="t.md", content=text, metadata={"team": "blue"})
    found = await chunks(c, name)
    assert len(found) > 2
    for row in found:
        assert row["text"] == text[row["start_char"] : row["end_char"]]
        assert (row["metadata"].get("continues", header), row["metadata"]["team"]) == (header, "blue")
        assert (header in row["text"]) != ("continues" in row["metadata"])
    assert {header in said for said in process.embedded(name)} == {True}
    assert len(process.embedded(name)) == len(found)
    hits = await c.fetch("select text from ingest_search($1, $2, 1, by => 'words')", f"param119 {name}", name)
    assert ["param119" in hit["text"] for hit in hits] == [True]


async def test_a_text_that_documents_share_is_embedded_once(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    shared, alone = f"Shared by all in {name}.", f"Alone in {name}."
    write(folder, {f"{n}.txt": shared for n in range(3)} | {"alone.txt": alone})
    await ingested(c, source=str(folder), collection=name)
    assert sorted(process.embedded(name)) == sorted([shared, alone])
    again = await ingested(c, collection=f"{name}2", source=str(folder / "0.txt"))
    assert await counted(c, again["id"], "embed") == {"documents": 1, "sent": 0, "copied": 1, "tokens": 0, "failed": 0}
    same = await c.fetch("select distinct embedding::text from ingest_chunk_store where text = $1", shared)
    assert len(same) == 1


async def test_checkpoints_are_small_json_and_steps_have_the_names_of_the_design(
    c: Connection, name: str, folder: Path
) -> None:
    write(folder, {f"{n}.md": f"# Title {n}\n\n{LONG}" for n in range(9)} | {"bad.exe": "MZ\0\1\2\3" * 50})
    many = await ingested(c, source=str(folder), collection=name)
    one = await ingested(c, source=str(folder / "0.md"), collection=f"{name}2")
    assert [step for step, _ in await steps(c, one["id"])] == ["discover", "load", "chunk", "embed", "save"]
    assert [step for step, _ in await steps(c, many["id"])] == ["discover"] + ["load", "chunk", "embed", "save"] * 3
    stored = await c.fetch(
        "select workflow_uuid, inputs as value, serialization from dbos.workflow_status union all"
        " select workflow_uuid, output, serialization from dbos.workflow_status union all"
        " select workflow_uuid, output, serialization from dbos.operation_outputs"
    )
    ours = [
        row for row in stored if row["workflow_uuid"].startswith((str(one["id"]), str(many["id"]))) and row["value"]
    ]
    assert len(ours) > 20
    for row in ours:
        json.loads(row["value"])
        assert row["serialization"] == "portable_json"
        assert len(row["value"]) < 1024


async def test_the_newer_reading_wins(c: Connection, name: str, process: ListenerProcess) -> None:
    older = await add(
        c, collection=name, uri="d", content="older", run_at=await c.fetchval("select now() + interval '1 hour'")
    )
    process.hold("before:publish", key=older)
    await c.execute("update ingest_requests set run_at = now() where id = $1", older)
    await asyncio.to_thread(process.held, "before:publish", older)
    newer = await ingested(c, collection=name, uri="d", content="newer")
    process.go()
    late = (await ended(c, older))[0]
    assert (late["status"], late["documents_done"], late["documents_skipped"]) == ("succeeded", 0, 1)
    assert newer["documents_done"] == 1
    assert [chunk["text"] for chunk in await chunks(c, name)] == ["newer"]
    assert await c.fetchval("select reason from ingest_revisions where request_id = $1", older) == "superseded"


async def test_deleting_a_document_takes_all_of_it_and_a_reading_under_way_does_not_bring_it_back(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    write(folder, {"a.md": "First text.", "b.md": "Stays."})
    await ingested(c, source=str(folder), collection=name)
    (folder / "a.md").write_text("Second text.")
    process.hold("before:save_embedded")
    request = await add(c, source=str(folder), collection=name)
    await asyncio.to_thread(process.held, "before:save_embedded")
    await c.execute("delete from ingest_documents where collection = $1 and uri like '%/a.md'", name)
    process.go()
    row = (await ended(c, request))[0]
    assert (row["status"], row["documents_done"], row["documents_skipped"]) == ("succeeded", 0, 2)
    assert await uris(c, name) == {f"file://{folder}/b.md"}
    assert await c.fetchval("select count(*) from ingest_documents where collection = $1", name) == 1
    assert await c.fetchval("select count(*) from ingest_chunk_store where text = 'First text.'") == 0


async def test_search_finds_what_was_ingested(c: Connection, name: str) -> None:
    await ingested(c, collection=name, uri="a.md", content="# Leave\n\nEverybody has thirty days of holidays.")
    await ingested(c, collection=name, uri="b.md", content="# Wiring\n\nThe blue wire goes to ground.")
    assert [row["uri"] for row in await c.fetch("select uri from ingest_search('holiday', $1)", name)] == ["a.md"]
