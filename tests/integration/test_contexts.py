"""``ingest context`` and the client's ``context``: what they send, and what they make of the rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ingest_command import Ingest
from laid_out import lay_out, prepare
from staging import session

import listener

TEXT = "# Fruit\n\nApples are paid for.\n\n## Stones\n\nCherries are not.\n\x1b[31mred"


@pytest.fixture
async def laid(installed: str) -> str:
    async with session(installed) as c:
        await prepare(c)
        await lay_out(c, "file:///a/fruit.md", TEXT, title="Fruit", size=60, overlap=0, metadata={"team": "red"})
        await lay_out(c, "file:///b/copy.md", "Apples elsewhere.", metadata={"team": "blue"})
    return installed


async def test_the_command_prints_a_prompt_and_says_that_it_went_by_words(laid: str, tmp_path: Path) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=laid)
    ended = await ingest("context", "cherries", "--neighbours", "0")
    assert (ended.status, ended.out) == (
        0, "[1] Fruit › Stones (file:///a/fruit.md)\n## Stones\n\nCherries are not.\n\x1b[31mred\n",
    )  # fmt: skip
    assert "searched by words only: no listener is running" in ended.err
    (row,) = (await ingest("context", "cherries", "--by", "words", "--json", "--sections", "2")).json
    assert row["text"] == TEXT
    assert (row["number"], row["uri"], row["heading_path"], row["by"]) == (
        1, "file:///a/fruit.md", ["Fruit", "Stones"], "words",
    )  # fmt: skip
    short = (await ingest("context", "apples", "--by", "words", "--budget", "60", "--json")).json
    assert sum(len(one["cited"]) for one in short) <= 60
    assert [one["uri"] for one in (await ingest("context", "apples", "--under", "/b", "--json")).json] == [
        "file:///b/copy.md"
    ]


async def test_the_command_says_when_nothing_is_found_and_what_is_wrong(laid: str, tmp_path: Path) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=laid)
    ended = await ingest("context", "zebra", "--by", "words")
    assert (ended.status, ended.out) == (0, "")
    assert "nothing found" in ended.err
    assert (await ingest("context", "zebra", "--by", "words", "--json")).json == []
    assert (await ingest("context", " ")).code() == "empty_query"
    assert (await ingest("context", "x", "--budget", "0")).code() == "usage"
    assert (await ingest("context", "x", "-c", "nowhere", "--by", "words")).code() == "unknown_collection"
    shown = await ingest("context", "apples", "--by", "words", "--show-sql")
    assert "ingest_context('apples'" in shown.err


async def test_the_client_returns_passages_also_inside_of_a_transaction(laid: str) -> None:
    async with listener.connect(laid) as ingest, ingest.transaction() as together:
        (passage,) = await together.context("cherries", filter={"team": "red"}, neighbours=0, sections=0)
    assert passage == listener.Passage(
        number=1, uri="file:///a/fruit.md", title="Fruit", heading_path=["Fruit", "Stones"], page=None,
        start_char=TEXT.index("## Stones"), end_char=len(TEXT), text=TEXT[TEXT.index("## Stones") :], continues=None,
        score=passage.score, by="words_no_vector", metadata={"team": "red", "heading_path": ["Fruit", "Stones"]},
        cited=passage.cited, collection=passage.collection,
    )  # fmt: skip
    assert passage.citation == "[1] Fruit › Stones (file:///a/fruit.md)"
    assert passage.whole == passage.text


async def test_a_wrong_share_is_an_error_with_its_code(laid: str) -> None:
    async with listener.connect(laid) as ingest:
        with pytest.raises(listener.RequestError) as refused:
            await ingest.context("x", share=2, timeout=None)
    assert refused.value.code == "wrong_share"
    assert json.dumps(refused.value.hint)
