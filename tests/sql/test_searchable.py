"""Words are found as people see them, and with what a chunk continues; SQL and Python make the same of a text."""

from __future__ import annotations

import asyncio
import re
import sys
import uuid
from collections.abc import Sequence
from typing import Any
from unicodedata import combining, decomposition, normalize

import pytest
from how_many import how_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staging import Connection, carry, claim, digest, ingest, own, publish, settle, start

from listener.database.sql_files import sql_files
from listener.documents.markdown.searchable import searchable
from listener.embedding import text_hash

PIECES = [
    "*", "**", "***", "~", "~~", "^", "`", "_", " ", "\n", "a", "b", "Z", "7", "é", "e\u0301", "語", "(", "[", ".", ",",
    "-", "'", "\u2019", "\u2014", "\u00ad", "\u200b", "\u200d", "\u200f", "\ufeff", "ខ", "\u034f", "\u0338", "word",
    "|", "<b>", "</b>", "<sub>", "</sub>", "&shy;", "&#173;", "<wbr>", "<wbr />", "$_", "$^{", "}$", "$",
    "\ufe0f", "\u061c", "\u2062", "\U000e0101",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=24).map("".join) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cn"]), max_size=40
)
FORMER = "update ingest_chunk_store set lexemes = to_tsvector(text_config, text)"
AGAIN = "update ingest_backfills set after_id = 0, upto_id = (select max(id) from ingest_revisions), done_at = null"


@pytest.mark.examples
async def test_sql_and_python_make_the_same_of_every_text(c: Connection) -> None:
    made: list[str] = []

    @settings(max_examples=how_many(3000), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(TEXTS)
    def collect(text: str) -> None:
        made.append(text)

    await asyncio.to_thread(collect)
    query = "select t, ingest_searchable(t) as searchable from unnest($1::text[]) t"
    different = {row["t"]: row["searchable"] for row in await c.fetch(query, made)}
    assert len(different) > how_many(1000)
    assert {text: (said, searchable(text)) for text, said in different.items() if said != searchable(text)} == {}


def test_letters_that_are_not_looked_at_need_no_composing_whatever_stands_beside_them() -> None:
    """Those that end a composition are none of them; Unicode keeps that for all letters that it has."""
    source = next(file.text for file in sql_files() if file.name == "ingest_searchable.sql")
    said = re.search(r"v_composed constant text :=\n((?: +(?:\|\| )?E'[^']+';?\n)+)", source)
    assert said is not None
    letters = "".join(re.findall("'([^']+)'", said[1])).replace("\\\\", "\\")
    composed = re.compile(f"[{letters}]")
    pairs = [decomposition(chr(code)).split() for code in range(sys.maxunicode + 1)]
    second = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    taken = [chr(code) for code in range(sys.maxunicode + 1) if composed.match(chr(code))]
    assert len(taken) > 30_000
    assert [one for one in taken if combining(one) or one in second or normalize("NFC", one) != one] == []


async def cut_into(c: Connection, uri: str, chunks: Sequence[tuple[str, dict[str, Any]]]) -> uuid.UUID:
    """Bring a document live that has these chunks: texts and metadata."""
    request = await start(c, [uri])
    fence = ([request], 0, await own(c, request))
    row = await c.fetchrow("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    assert row is not None
    loaded = (row["id"], row["read_seq"], digest(uri), 9, "text", *[None] * 10)
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, array[$2::ingest_loaded_v2])", fence, loaded)
    places = list(range(len(chunks)))
    leads = [place for _ in chunks for place in (0, 1)]
    paths = [about.get("heading_path", []) for _, about in chunks]
    cut = (row["id"], places, [place + 1 for place in places], paths, None, leads)
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, array[$2::ingest_cut_v2])", fence, cut)
    assert await c.fetchval("select leads from ingest_to_embed($1::ingest_fence_v1)", fence) == leads
    for place, (text, about) in enumerate(chunks):
        await c.execute(
            "select ingest_save_chunks($1::ingest_fence_v1, array["
            "($2, $3, $3, $3 + 1, $4, $5, $6, '[1,0,0]'::vector)::ingest_chunk_v1])",
            fence, row["id"], place, text, digest(text), {"heading_path": []} | about,
        )  # fmt: skip
    ended = "select ingest_save_embedded($1::ingest_fence_v1, array[($2, null, null)::ingest_outcome_v2])"
    await c.execute(ended, fence, row["id"])
    await publish(c, request, 0, fence[2])
    assert await settle(c, request) == "succeeded"
    return request


async def found(c: Connection, query: str, collection: str = "default") -> list[tuple[str, int]]:
    rows = await c.fetch("select uri, ordinal from ingest_search($1, $2) order by uri, ordinal", query, collection)
    return [(row["uri"], row["ordinal"]) for row in rows]


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("The **P**ersonal computer", ["personal", "**P**ersonal"]),
        ("Drink H~2~O daily", ["H2O", "H~2~O"]),
        ("Wir ko\u00adope\u00adrieren gern", ["kooperieren", "koope\u00adrieren"]),
        ("A cafe\u0301 at the quay", ["café", "cafe\u0301"]),
        ("zero\u200bwidth words", ["zerowidth"]),
        ("สวัสดี\u200bชาว", ["สวัสดี", "ชาว"]),
        ("call foo_bar_ now", ["foo_bar", "foo_bar_"]),
    ],
)
async def test_a_word_is_found_however_it_is_written_in_the_document_or_the_query(
    c: Connection, text: str, queries: list[str]
) -> None:
    await ingest(c, {"a": text, "b": "Nothing of the kind."})
    assert await c.fetchval("select text from ingest_search($1)", queries[0]) == text
    for query in queries:
        assert await found(c, query) == [("a", 0)], query


async def test_titles_and_headings_are_found_the_same_way(c: Connection) -> None:
    await cut_into(c, "a", [("text", {"heading_path": ["Cafe\u0301 **P**lan", 'a "quoted" \\ one']})])
    for query in ("café", "plan", "quoted"):
        assert await found(c, query) == [("a", 0)], query


async def test_a_chunk_is_found_by_what_it_continues(c: Connection) -> None:
    header = "| parameter | torque |\n|---|---|"
    await cut_into(c, "a", [("| x | 1 |", {}), ("| y | 2 |", {"continues": header})])
    assert await found(c, "torque y") == [("a", 1)]
    assert await c.fetchval("select metadata ->> 'continues' from ingest_search('torque')") == header
    assert await c.fetchval("select text from ingest_search('torque')") == "| y | 2 |"


async def test_a_fork_keeps_what_chunks_continue(c: Connection) -> None:
    original = await cut_into(c, "a", [("| y | 2 |", {"continues": "| torque |"})])
    made = await c.fetchval("select ingest_fork($1, 'save', collection => 'other')", original)
    assert await claim(c) == [made]
    await c.execute("select ingest_copy_manifest($1, 'L1')", made)
    await c.execute("select ingest_complete_manifest($1, 'L1')", made)
    assert await c.fetchval("select leads from ingest_revisions where request_id = $1", made) == [0, 1]
    await carry(c, made)
    assert await found(c, "torque", "other") == [("a", 0)]


async def test_what_was_there_before_is_found_again_when_listeners_have_filled_it_in(c: Connection) -> None:
    await ingest(c, {"a": "A cafe\u0301 and **P**lans", "b": "plain words", "c": "H~2~O"})
    await c.execute(f"{FORMER}; {AGAIN}")
    before = {row["uri"]: row["ctid"] for row in await c.fetch(STORED)}
    assert await found(c, "café") == []
    assert await c.fetchval("select ingest_fill_lexemes(200)") is True
    assert (await found(c, "café"), await found(c, "H2O")) == ([("a", 0)], [("c", 0)])
    after = {row["uri"]: row["ctid"] for row in await c.fetch(STORED)}
    assert {uri for uri in after if after[uri] != before[uri]} == {"a", "c"}  # no row is written in vain
    await c.execute(AGAIN)
    assert await c.fetchval("select ingest_fill_lexemes(200)") is True
    assert {row["uri"]: row["ctid"] for row in await c.fetch(STORED)} == after


STORED = "select v.uri, c.ctid::text from ingest_chunk_store c join ingest_revisions v on v.id = c.revision_id"


async def test_a_query_is_embedded_as_it_is_searched_and_a_normal_one_keeps_its_vector(c: Connection) -> None:
    await ingest(c, {"a": "text"})
    await c.execute("update ingest_collections set query_prefix = 'query: '")
    keys = "select k.text, k.hash from ingest_query_key($1, 'default') k"
    for query, text in (("cafe\u0301 **P**lan", "query: café Plan"), ("how do I *pay*?", "query: how do I *pay*?")):
        row = await c.fetchrow(keys, query)
        assert row is not None
        assert (row["text"], row["hash"]) == (text, text_hash(text))
