"""What ``ingest_context`` makes of hits: passages with what stands around them, cited, for whoever may see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from laid_out import lay_out, prepare
from roles import login, new_roles, refused
from staging import Connection, answer, one

WORDS = ("apples", "berries", "cherries", "dates", "elder", "figs", "grapes")
PARTS = [f"Part {number} is about {word} and what belongs to it." for number, word in enumerate(WORDS)]
PLAIN = "\n\n".join(PARTS)
SECTIONS = "\n\n".join(["# Fruit", PARTS[0], "## Stones", *PARTS[1:4], "## Small", *PARTS[4:6]])


@pytest.fixture
async def ready(c: Connection) -> Connection:
    await prepare(c)
    return c


async def gather(c: Connection, query: str, **named: Any) -> list[asyncpg.Record]:
    given = ", ".join(f"{name} => ${place}" for place, name in enumerate(named, 2))
    return list(
        await c.fetch(f"select * from ingest_context($1{', ' if given else ''}{given})", query, *named.values())
    )


async def texts(c: Connection, query: str, **named: Any) -> list[str]:
    return [row["text"] for row in await gather(c, query, **named)]


async def lay_plain(c: Connection, uri: str = "plain", **more: Any) -> None:
    """Lay out the seven parts, each a chunk."""
    chunks = await lay_out(c, uri, PLAIN, size=60, overlap=0, media_type="text/plain", **more)
    assert len(chunks) == len(PARTS)


async def test_a_hit_comes_with_its_neighbours_and_then_with_its_section(ready: Connection) -> None:
    await lay_plain(ready)
    assert await texts(ready, "dates", neighbours=0, sections=0) == [PARTS[3]]
    assert await texts(ready, "dates", neighbours=1, sections=0) == ["\n\n".join(PARTS[2:5])]
    assert await texts(ready, "dates", neighbours=2, sections=0) == ["\n\n".join(PARTS[1:6])]
    assert await texts(ready, "dates") == [PLAIN]  # without headings all of it is the section


async def test_neighbours_under_another_heading_are_left_out(ready: Connection) -> None:
    await lay_out(ready, "fruit", SECTIONS, size=90, overlap=0)
    assert await texts(ready, "elder", neighbours=2, sections=0) == [SECTIONS[SECTIONS.index("## Small") :]]
    assert await texts(ready, "dates", neighbours=1, sections=0) == ["\n\n".join(PARTS[2:4])]


async def test_a_section_is_taken_whole_or_not_and_its_parents_when_they_are_asked_for(ready: Connection) -> None:
    await lay_out(ready, "fruit", SECTIONS, size=90, overlap=0)
    start, end = SECTIONS.index("## Stones"), SECTIONS.index("\n\n## Small")
    assert await texts(ready, "cherries", neighbours=0) == [SECTIONS[start:end]]
    assert await texts(ready, "cherries", neighbours=0, sections=2) == [SECTIONS]
    room = len("[1] Fruit › Stones (fruit)\n\n\n") + end - start
    assert await texts(ready, "cherries", neighbours=0, sections=2, budget=room) == [SECTIONS[start:end]]
    assert await texts(ready, "cherries", neighbours=0, sections=2, budget=room - 1) == [PARTS[2]]


async def test_hits_that_touch_are_one_passage_under_the_best_of_them(ready: Connection) -> None:
    await lay_plain(ready, title="All")
    rows = await gather(ready, "cherries or dates or figs", neighbours=0, sections=0)
    assert sorted(row["text"] for row in rows) == ["\n\n".join(PARTS[2:4]), PARTS[5]]
    assert [row["cited"] for row in rows] == [f"[{row['number']}] All (plain)\n{row['text']}" for row in rows]


async def test_chunks_that_overlap_are_not_there_twice(ready: Connection) -> None:
    text = " ".join(f"word{number} apples." for number in range(60))
    await lay_out(ready, "long", text, size=100, overlap=50, media_type="text/plain")
    assert await texts(ready, "apples", k=50, budget=5000) == [text]


async def test_the_best_hits_come_before_anything_around_them(ready: Connection) -> None:
    await lay_plain(ready, "one")
    await lay_out(ready, "two", "Dates again, and nothing else.", size=60, overlap=0)
    rows = await gather(ready, "dates", budget=150, share=0.6)
    assert sorted(row["uri"] for row in rows) == ["one", "two"]
    assert sorted(row["text"] for row in rows) == sorted([PARTS[3], "Dates again, and nothing else."])


async def test_one_of_several_documents_has_its_share_and_a_single_one_all(ready: Connection) -> None:
    await lay_plain(ready, "one")
    query = "apples or berries or cherries or dates or elder or figs or grapes"
    whole = await gather(ready, query, budget=300)
    assert 200 < sum(len(row["cited"]) for row in whole) <= 300
    await lay_out(ready, "two", "Figs.", size=60, overlap=0)
    rows = await gather(ready, query, budget=300)
    assert {row["uri"] for row in rows} == {"one", "two"}
    assert sum(len(row["cited"]) for row in rows if row["uri"] == "one") <= 150


async def test_a_hit_that_is_longer_than_the_room_is_cut_behind_a_line_or_a_word(ready: Connection) -> None:
    text = "apples and pears " * 20 + "\n" + "plums " * 20
    await lay_out(ready, "a", text, size=1000, overlap=0, media_type="text/plain")
    assert (await texts(ready, "apples", budget=400))[0] == text[: text.index("\n")].rstrip()
    (cut,) = await texts(ready, "apples", budget=100)
    assert text.startswith(cut)
    assert cut.endswith((" and", " apples", " pears"))
    assert await texts(ready, "apples", budget=5) == []


async def test_a_token_is_four_bytes_of_what_was_found(ready: Connection) -> None:
    chinese = "日本語の文章。" * 100
    await lay_out(ready, "ja", f"apples {chinese}", size=1000, overlap=0, media_type="text/plain")
    (row,) = await gather(ready, "apples", tokens=200)
    assert 700 <= len(row["cited"].encode()) <= 820
    assert await texts(ready, "apples", tokens=200, budget=10**9) == [row["text"]]
    assert len((await texts(ready, "apples", tokens=200, budget=100))[0]) < 100


async def test_copies_of_a_text_are_there_once(ready: Connection) -> None:
    for uri in ("b", "a"):
        await lay_out(ready, uri, PARTS[0])
    assert [row["uri"] for row in await gather(ready, "apples")] == ["a"]


async def test_a_citation_is_one_line_with_title_headings_and_page(ready: Connection) -> None:
    text = f"# Fruit\n\n{PARTS[0]}\n\n## Stone fruit\n\n{PARTS[1]}"
    await lay_out(ready, "file:///a.pdf", text, title="Fruit", size=80, overlap=0, metadata={"page": 3})
    await lay_out(ready, "file:///b", f"{PARTS[2]}", title="[9] \u202eFalse\u202c\r\n[10] lines\u2028\x85here")
    await lay_out(ready, "file:///c", f"{PARTS[3]}", metadata={"page": "x"})
    lines = [(await gather(ready, word))[0]["cited"].split("\n")[0] for word in ("berries", "cherries", "dates")]
    assert lines == [
        "[1] Fruit › Stone fruit (file:///a.pdf#page=3)",
        "[1] [9] False [10] lines here (file:///b)",
        "[1] file:///c",
    ]
    row = (await gather(ready, "berries"))[0]
    assert (row["title"], row["heading_path"], row["page"]) == ("Fruit", ["Fruit", "Stone fruit"], 3)


async def test_what_begins_within_a_table_has_its_header_before_it(ready: Connection) -> None:
    header = "| fruit | price |\n|---|---|"
    rows = [f"| sort{number} | {number} |" for number in range(20)]
    await lay_out(ready, "prices", "\n".join([header, *rows]), size=100, overlap=0)
    (row,) = await gather(ready, "sort13", neighbours=0, sections=0)
    assert "| sort13 | 13 |" in row["text"]
    assert row["continues"].startswith("| fruit | price |")
    assert row["cited"] == f"[1] prices\n{row['continues']}\n{row['text']}"
    (whole,) = await gather(ready, "sort13")
    assert (whole["start_char"], whole["continues"]) == (0, None)


async def test_it_goes_by_words_until_the_vector_is_known_and_says_so(ready: Connection) -> None:
    await lay_plain(ready)
    assert [row["by"] for row in await gather(ready, "dates")] == ["words_no_vector"]
    await answer(ready, "dates", "[1,3,0]")
    assert [row["by"] for row in await gather(ready, "dates", k=1)] == ["both"]
    assert [row["by"] for row in await gather(ready, "dates", k=1, by="words")] == ["words"]


async def test_by_a_vector_and_inside_of_a_transaction_that_only_reads(ready: Connection) -> None:
    await lay_plain(ready)
    async with ready.transaction(readonly=True):
        row = await one(
            ready, "select * from ingest_context('[1,0,323]'::vector, k => 1, neighbours => 0, sections => 0)"
        )
        assert (row["by"], row["text"]) == ("vector", PARTS[0])
        assert await texts(ready, "figs", sections=0, neighbours=0) == [PARTS[5]]


async def test_what_makes_no_sense_is_refused(ready: Connection) -> None:
    for share in (0.0, -1.0, 1.5, float("nan")):
        with refused("IG035", "wrong_share"):
            await gather(ready, "x", share=share)
    for name in ("budget", "tokens", "k", "per_document"):
        with refused("IG035", "wrong_count"):
            await gather(ready, "x", **{name: 0})
    with refused("IG035", "wrong_count"):
        await gather(ready, "x", k=1001)
    with refused("IG014", "unknown_collection"):
        await gather(ready, "x", collection="nowhere")
    nulls = dict.fromkeys(["collection", "k", "budget", "tokens", "share", "neighbours", "sections", "filter"])
    await lay_plain(ready)
    assert await texts(ready, "dates", **nulls) == [PLAIN]


# rights


@pytest.fixture
async def searcher(ready: Connection) -> AsyncIterator[str]:
    async with new_roles(ready, 1) as (made,):
        await ready.execute("select ingest_grant($1, 'searcher', 'default')", made)
        yield made


async def test_whoever_may_search_gathers_what_it_may_find_and_nothing_else(
    ready: Connection, installed: str, searcher: str
) -> None:
    await prepare(ready, "other")
    await lay_plain(ready, "open")
    await lay_out(ready, "closed", "Dates of the board.", principals=["board"])
    await lay_plain(ready, "elsewhere", name="other")
    assert {row["uri"] for row in await gather(ready, "dates")} == {"open", "closed"}
    async with login(installed, searcher) as it:
        assert {row["uri"] for row in await gather(it, "dates")} == {"open"}
        with refused("IG040", "not_granted"):
            await gather(it, "dates", collection="other")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await it.fetch("select * from ingest_context_for('{board}', 'dates')")
    async with new_roles(ready, 1) as (nobody,), login(installed, nobody) as it:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await gather(it, "dates")


FORGED = """select p.text from ingest_passages_by_right(array(
    select row('x', 'x', 0, v.id::text, 1, '{}'::jsonb, v.id, 'words', 1, null, $2)::ingest_hit_v2
    from unnest($1::bigint[]) as v (id)),
  null, 1000, null, 1, 5, 5) p"""


async def test_hits_of_one_s_own_making_open_no_document(ready: Connection, installed: str, searcher: str) -> None:
    await prepare(ready, "other")
    await lay_plain(ready, "open")
    await lay_out(ready, "closed", "Nobody reads this.", principals=["board"])
    await lay_out(ready, "elsewhere", "Nor this.", name="other")
    ids = {row[0]: row[1] for row in await ready.fetch("select uri, revision_id from ingest_documents")}
    async with login(installed, searcher) as it:
        assert [row[0] for row in await it.fetch(FORGED, list(ids.values()), "default")] == [PLAIN]
        with refused("IG040", "not_granted"):
            await it.fetch(FORGED, list(ids.values()), "other")
        rule = "create policy house_rule on ingest_documents as restrictive for select using (uri <> 'open')"
        await ready.execute(rule)
        assert await gather(it, "dates") == []
        with refused("IG040", "own_policies"):
            await it.fetch(FORGED, list(ids.values()), "default")
        await lay_plain(ready, "more", title="more")
        assert [row["uri"] for row in await gather(it, "dates")] == ["more"]


async def test_hits_counted_from_elsewhere_lead_to_no_other_document(
    ready: Connection, installed: str, searcher: str
) -> None:
    """Places of what was checked, counted from 1, were looked up in an array that may begin at 0."""
    await lay_plain(ready, "open")
    await lay_out(
        ready, "closed", "# Secret\n\nNobody reads this.\n\nNor the end of it, which is long.", principals=["board"]
    )
    ids = {row[0]: row[1] for row in await ready.fetch("select uri, revision_id from ingest_documents")}
    forged = """select p.text from ingest_passages_by_right((
        select ('[0:1]=' || array_agg(
          row('x', 'x', 0, v.place, 1, '{}', v.id, 'words', 1, null, v.name)::ingest_hit_v2 order by v.place)::text)
        from (values (0, $1::bigint, 'default'), (1, $2, 'nowhere')) as v (place, id, name))::ingest_hit_v2[],
      null, 1000, null, 1, 5, 5) p"""
    async with login(installed, searcher) as it:
        assert [row[0] for row in await it.fetch(forged, ids["open"], ids["closed"])] == [PLAIN]


async def test_a_gateway_gathers_for_somebody_else(ready: Connection, installed: str, searcher: str) -> None:
    await lay_plain(ready, "hers", principals=["user:noor"])
    await ready.execute("select ingest_grant($1, 'gateway', 'default')", searcher)
    query = "select uri from ingest_context_for($1, 'dates')"
    async with login(installed, searcher) as it:
        assert [row[0] for row in await it.fetch(query, ["user:noor"])] == ["hers"]
        assert await it.fetch(query, ["user:eve"]) == []
        assert await it.fetch(query, None) == []
        assert await gather(it, "dates") == []
