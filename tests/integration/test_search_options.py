"""What the command and Python say of a search reaches SQL: collections, filters, times, similarity, weights, order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import staging
from ingest_command import Ingest
from roles import new_roles

import listener
from listener import embedded
from listener.errors import RequestError


@pytest.fixture
def ingest(tmp_path: Path, installed: str) -> Ingest:
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


@pytest.fixture
async def c(installed: str) -> AsyncIterator[staging.Connection]:
    """Two collections; the vectors of "cats" are known, and no listener is there."""
    async with staging.session(installed) as connection:
        await staging.collection(connection, "mail", **staging.SPACE)
        for uri, vector in {"near": "[1,0,0]", "far": "[0,1,0]"}.items():
            request = await staging.start(connection, [uri], metadata={"year": 2020 if uri == "near" else 2024})
            await staging.carry(connection, request, texts={uri: "cats" if uri == "far" else uri}, vectors=[vector])
        await staging.ingest(connection, {"letter": "cats"}, collection="mail")
        await connection.execute("update ingest_documents set modified_at = '2020-01-01' where uri = 'far'")
        await connection.execute("delete from ingest_listeners")
        for name in ("default", "mail"):
            await staging.answer(connection, "cats", collection=name)
        yield connection


@pytest.mark.parametrize(
    ("options", "uris"),
    [
        (["-c", "mail"], ["letter"]),
        (["-c", "mail", "-c", "default"], ["letter", "far", "near"]),
        (["--filter", '{"year": {"$gte": 2021}}'], ["far"]),
        (["--since", "7d"], ["near"]),
        (["--since", "2019-12-31", "--words-weight", "3"], ["far", "near"]),
        (["--vector-weight", "100"], ["near", "far"]),
        (["--min-similarity", "0.5", "--by", "meaning"], ["near"]),
        (["--min-similarity", "0.5", "--by", "vector"], ["near"]),
        (["--rerank", "--by", "words"], ["far"]),
    ],
)
async def test_the_command_finds_what_its_options_say(
    ingest: Ingest, c: staging.Connection, options: list[str], uris: list[str]
) -> None:
    assert [row["uri"] for row in (await ingest("search", "cats", "--json", *options)).json] == uris
    gathered = (await ingest("context", "cats", "--json", "--sections", "0", *options)).json
    assert sorted(row["uri"] for row in gathered) == sorted(uri for uri in uris if uri != "far" or "letter" not in uris)


async def test_rows_of_several_collections_say_which_and_words_are_marked_in_each(
    ingest: Ingest, c: staging.Connection
) -> None:
    lines = (await ingest("search", "cats", "-c", "mail", "-c", "default")).out.splitlines()
    assert "collection mail · chunk 0 · found by words (place 2) and meaning (place 1)" in lines[1]
    assert lines[2] == "    cats", "in a pipe, nothing stands beside what is in the documents"
    assert "collection default" in lines[5]


async def test_what_can_t_be_asked_is_refused_with_a_code(ingest: Ingest, c: staging.Connection) -> None:
    for options, code in {
        ("--filter", '{"year": {"$gt": true}}'): "wrong_filter",
        ("--since", "never"): "wrong_since",
        ("-c", "mail", "-c", "nowhere"): "unknown_collection",
        ("--words-weight", "0", "--vector-weight", "0"): "wrong_weight",
        ("--min-similarity", "2"): "usage",
    }.items():
        assert (await ingest("search", "cats", *options)).code() == code, options


async def test_python_finds_the_same(c: staging.Connection) -> None:
    ago = timedelta(days=7)
    async with listener.connect(c) as ingest:

        async def found(**how: object) -> list[str]:
            return [hit.uri for hit in await ingest.search("cats", timeout=None, **how)]  # type: ignore[arg-type]

        assert await found(collection=["mail", "default"], k=2) == ["letter", "far"]
        assert await found(filter={"year": {"$lt": 2021}}) == ["near"]
        for since in (ago, datetime.now(timezone.utc) - ago, "7d"):
            assert await found(since=since) == ["near"]
        assert await found(min_similarity=0.5, by="vector", words_weight=2, vector_weight=1, rerank=True) == ["near"]
        assert await found(by="both", k=1) == await found(k=1)
        passages = await ingest.context("cats", ["mail", "default"], since=ago, timeout=None)
        assert {(one.collection, one.uri) for one in passages} == {("mail", "letter"), ("default", "near")}
        with pytest.raises(RequestError) as refused:
            await found(collection=[])
        assert refused.value.code == "wrong_collections"


async def test_eval_compares_weights_and_says_what_no_re_ranker_has_seen(
    ingest: Ingest, c: staging.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text('{"query": "cats", "expected": ["far"]}\n', encoding="utf-8")
    by_vector = [(await ingest("eval", str(file), "--by", way, "--json")).json for way in ("meaning", "vector")]
    assert [one["way"] for one in by_vector[0]] == ["vector"]
    assert by_vector[0] == by_vector[1]
    ended = await ingest("eval", str(file), "--by", "both", "--weights", "1:100", "--weights", "3", "--rerank")
    assert [line.split()[1:4] for line in ended.out.splitlines() if line.startswith("default")] == [
        ["both", "1.000", "1.000"],
        ["both", "1:100", "0.000"],
        ["both", "3:1", "1.000"],
        ["reranked", "1.000", "1.000"],
    ]
    assert "of 1 of 1 queries no re-ranker's score is known" in ended.err
    kept = await c.fetch("select way, words_weight, vector_weight, reranked, ndcg, judged from ingest_evaluations")
    assert [tuple(row) for row in kept[2:]] == [
        ("both", None, None, False, 1, "judged.jsonl"),
        ("both", 1, 100, False, pytest.approx(0.63, abs=0.01), "judged.jsonl"),
        ("both", 3, 1, False, 1, "judged.jsonl"),
        ("both", None, None, True, 1, "judged.jsonl"),
    ]
    async with listener.connect(c) as connected:
        newest, *_ = await connected.evaluations("default", limit=2)
        assert (newest.asked, newest.model, newest.queries) == ("reranked", "test", 1)
        assert (await connected.last_evaluations(["mail", "default"]))["default"] == newest
    assert (await ingest("eval", str(file), "--weights", "a:b")).code() == "wrong_weight"


async def test_an_evaluation_is_not_kept_if_that_is_said_or_the_role_may_not(
    ingest: Ingest, installed: str, c: staging.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text('{"query": "cats", "expected": ["far"]}\n', encoding="utf-8")
    assert (await ingest("eval", str(file), "--by", "words", "--no-save")).status == 0
    async with new_roles(c, 1) as (searcher,):
        await c.execute("select ingest_grant($1, 'searcher')", searcher)
        keeps = await c.fetchval("select oid::regprocedure::text from pg_proc where proname = 'ingest_save_evaluation'")
        await c.execute(f"revoke execute on function {keeps} from {searcher}")
        own = installed.replace(f"//{embedded.server.SUPERUSER}@", f"//{searcher}@")
        ended = await ingest("eval", str(file), "--by", "words", INGEST_DATABASE_URL=own)
    assert (ended.status, "1.000" in ended.out) == (0, True), ended.err
    assert "note: the figures are not kept: permission denied for function ingest_save_evaluation" in ended.err
    assert await c.fetchval("select count(*) from ingest_evaluations") == 0


async def test_an_evaluation_that_expects_nothing_of_what_is_there_is_refused(
    ingest: Ingest, c: staging.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text('{"query": "cats", "expected": ["docs/far"]}\n', encoding="utf-8")
    ended = await ingest("eval", str(file), "-c", "mail", "--by", "words")
    assert (ended.status, ended.code()) == (2, "not_in_collection")
    assert "--base" in ended.err
    assert (await ingest("eval", str(file), "-c", "nowhere", "--by", "words")).code() == "unknown_collection"
    async with listener.connect(c) as connected:
        for judged in ([{"query": "cats", "expected": ["far"]}], ["cats"]):
            with pytest.raises(RequestError) as refused:
                await connected.evaluate(judged, ways=["words"])  # type: ignore[arg-type]
            assert refused.value.code == "bad_judgement"
            assert "judging.read" in (refused.value.hint or "")
