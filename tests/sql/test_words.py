"""How words are ranked: the rarer, the more; titles first; with bounded work; also where no blanks part words."""

from __future__ import annotations

import asyncpg
import pytest
from staging import Connection, answer, ingest, titled

FEW = "create or replace function ingest_most_ranked() returns bigint language sql immutable return {}"
LATE = "insert into ingest_backfills (name, upto_id) select 'lexemes', max(id) from ingest_revisions"


async def found(c: Connection, query: str, k: int = 10, **more: object) -> list[str]:
    rows = await c.fetch(
        "select uri from ingest_search($1, k => $2, filter => $3, under => $4, by => 'words')",
        query, k, more.get("filter"), more.get("under"),
    )  # fmt: skip
    return [row["uri"] for row in rows]


async def many(c: Connection, number: int, common: str = "harbour", rare: str = "lighthouse") -> None:
    """Bring documents live that all have a common word; the last one has a rare word too, the others another one."""
    texts = {f"{n:04}": f"{common} {common} quay{n} pier{n}" for n in range(number - 1)}
    await ingest(c, {**texts, "rare": f"{common} {rare}"})


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_rare_word_counts_more_than_many_of_a_common_one(c: Connection, analyzed: bool) -> None:
    await ingest(
        c, {**{f"{n}": "ships and ships, with more ships" for n in range(30)}, "b": "a lighthouse, nothing else here"}
    )
    if analyzed:
        await c.execute("analyze ingest_chunk_store")
    assert (await found(c, "ships lighthouse"))[0] == "b"


async def test_what_has_more_of_the_words_comes_first_and_what_has_one_is_found(c: Connection) -> None:
    await ingest(c, {"one": "cats", "none": "birds", "two": "cats and dogs sleeping here", "other": "dogs"})
    hits = await found(c, "cats dogs")
    assert (hits[0], set(hits)) == ("two", {"one", "two", "other"})


@pytest.mark.parametrize("way", ["words", "both"])
async def test_a_page_that_is_asked_for_by_its_title_comes_first(c: Connection, way: str) -> None:
    await titled(c, ["a"], "Backup, restore, backup and restore: how to back up.", "Backup and restore of clusters")
    await titled(c, ["b"], "Nothing of the kind is said in here, but much else.", "Backup and restore", chunks=2)
    await titled(c, ["c"], "Backup and restore. Backup and restore.", "Backup")
    search = (
        "select uri from ingest_search($1, by => 'words')" if way == "words" else "select uri from ingest_search($1)"
    )
    for query in ("Backup and restore", "backup and Restore ", '"Backup and restore"'):
        await answer(c, query)
        assert (await c.fetch(search, query))[0]["uri"] == "b", query


async def test_a_title_that_is_everybody_s_decides_nothing(c: Connection) -> None:
    await titled(c, [f"{n:03}" for n in range(101)], "Nothing.", "Invoice")
    await titled(c, ["best"], "Invoice, invoice.", "Invoice number one")
    assert (await found(c, "invoice"))[0] == "best"


async def test_quotes_bind_what_stands_together_and_others_come_behind(c: Connection) -> None:
    await ingest(
        c,
        {
            "apart": "a cap, a filter, a filter and a cap of another kind",
            "together": "some text before and behind the filter cap which makes this chunk a longer one",
        },
    )
    assert await found(c, '"filter cap"') == ["together", "apart"]
    assert await found(c, "max_running") == []
    await ingest(c, {"name": "one more setting is max_running here", "words": "running at max, max at running"})
    assert await found(c, "set max_running") == ["name", "words"]


async def test_what_is_excluded_is_not_found(c: Connection) -> None:
    await ingest(c, {"a": "cats", "b": "cats and dogs", "c": "dogs", "d": "birds of prey"})
    assert await found(c, "cats -dogs") == ["a"]
    assert await found(c, '-"birds of prey" -dogs') == ["a"]
    assert set(await found(c, "birds or dogs")) == {"b", "c", "d"}


async def test_few_chunks_are_ranked_those_with_the_rarest_words_first(c: Connection) -> None:
    await c.execute(FEW.format(20))
    await many(c, 60)
    for analyze in (False, True):
        if analyze:
            await c.execute("analyze ingest_chunk_store")
        assert (await found(c, "harbour lighthouse"))[0] == "rare"
        assert (await found(c, "harbour quay7 pier9 lighthouse", 3)) == ["rare", "0007", "0009"]
        assert len(await found(c, "harbour lighthouse", 20)) == 20  # k when k are there


async def test_if_all_words_are_common_those_with_several_are_ranked(c: Connection) -> None:
    await c.execute(FEW.format(20))
    await ingest(c, {f"{n:03}": ["red boats", "green boats", "red sails"][n % 3] for n in range(90)})
    await ingest(c, {"z": "red boats with green sails"})
    for analyze in (False, True):
        if analyze:
            await c.execute("analyze ingest_chunk_store")
        assert (await found(c, "red green boats sails"))[0] == "z"


async def test_what_has_two_common_words_is_ranked_beside_what_has_the_rare_one(c: Connection) -> None:
    await c.execute(FEW.format(30))
    await ingest(c, {f"{n:03}": ["red boats", "green sails", "red sails, the old ones"][n % 3] for n in range(120)})
    await ingest(c, {"pair": "green boats", "rare": "a lighthouse of which much more is said in here than of others"})
    await c.execute("analyze ingest_chunk_store")
    assert set(await found(c, "lighthouse green boats", 2)) == {"pair", "rare"}


async def test_live_chunks_are_found_behind_any_number_of_better_ones_that_were_replaced(c: Connection) -> None:
    await ingest(c, {f"{n:03}": "a lighthouse" for n in range(250)})
    await ingest(c, {f"{n:03}": "replaced" for n in range(250)})
    await ingest(c, {f"live {n}": "a long text of harbours in which there is one lighthouse, too" for n in range(5)})
    assert await c.fetchval("select count(*) from ingest_chunk_store where text = 'a lighthouse'") == 250
    assert len(await found(c, "lighthouse", 5)) == 5


async def test_k_are_found_when_k_are_there_however_rare_what_the_filter_keeps(c: Connection) -> None:
    await c.execute(FEW.format(20))
    await many(c, 60)
    await ingest(c, {f"kept/{n}": "harbour" for n in range(5)}, metadata={"team": "red"})
    await c.execute("analyze ingest_chunk_store")
    assert len(await found(c, "harbour lighthouse", 5, filter={"team": "red"})) == 5
    assert len(await found(c, "harbour lighthouse", 5, under="kept/")) == 5


async def test_a_title_is_found_whose_words_are_too_common_to_be_ranked(c: Connection) -> None:
    await c.execute(FEW.format(10))
    await titled(c, [f"{n:03}" for n in range(40)], "Harbour, harbour.", "The harbour of all")
    await titled(c, ["title"], "Nothing of the kind, but much that is long and of no interest.", "Harbour")
    await c.execute("analyze ingest_chunk_store")
    assert (await found(c, "harbour", 3))[0] == "title"


async def test_very_long_queries_are_answered(c: Connection) -> None:
    await many(c, 30)
    query = " ".join(f"word{n}" for n in range(1500)) + " lighthouse quay3"
    assert (await found(c, query))[0] == "rare"
    assert await found(c, "'; -- \\ \"it''s %s %L $1") == []


SENTENCES = {
    "zh": "我们的数据库连接到服务器。用Python写程序。",
    "ja": "東京都の天気はデータベースに保存されます。",
    "th": "สวัสดีชาวโลกวันนี้อากาศดีมาก",
    "ko": "데이터베이스를 연결합니다",
}


@pytest.mark.parametrize(
    ("query", "uri"),
    [
        ("数据库", "zh"), ("数据库服务器", "zh"), ('"连接到"', "zh"), ("库", "zh"), ("器", "zh"), ("python", "zh"),
        ("天気", "ja"), ("データ", "ja"), ("京都", "ja"), ("ชาวโลก", "th"), ("อากาศ", "th"), ("데이터베이스", "ko"),
    ],
)  # fmt: skip
async def test_a_part_of_a_sentence_is_found_where_no_blanks_part_words(c: Connection, query: str, uri: str) -> None:
    await ingest(c, {**SENTENCES, "en": "Nothing of the kind."})
    assert (await found(c, query))[0] == uri


async def test_pairs_of_letters_that_are_quoted_must_stand_together(c: Connection) -> None:
    await ingest(c, {"apart": "数据很多，据库不多", "together": "这里有很多其他的文字，然后是一个数据库在这里"})
    assert (await found(c, '"数据库"'))[0] == "together"
    assert await found(c, "数据 -很多") == []


async def test_such_chunks_of_a_former_release_are_found_when_listeners_have_filled_them_in(c: Connection) -> None:
    await ingest(c, SENTENCES)
    await c.execute("update ingest_chunk_store set lexemes = to_tsvector(text_config, text)")
    await c.execute(f"delete from ingest_backfills; {LATE}")
    assert await found(c, "数据库") == []
    assert await c.fetchval("select ingest_fill_lexemes(200)") is True
    assert await found(c, "数据库") == ["zh"]


async def test_a_searcher_has_the_same_order_as_the_owner_and_the_statistics_are_the_owner_s(c: Connection) -> None:
    await many(c, 60)
    await c.execute(
        "analyze ingest_chunk_store; create role reader; select ingest_grant('reader', 'searcher', 'default')"
    )
    query = "harbour lighthouse quay7 pier9"
    rows = "select uri, score from ingest_search($1)"
    expected = await c.fetch(rows, query)
    known = "select chunks, rare > 0 as is_analyzed from ingest_words_known('default', '{''harbour''}')"
    await c.execute("set role reader")
    assert await c.fetch(rows, query) == expected
    assert await c.fetchval("select count(*) from pg_stats where attname = 'lexemes'") == 0
    assert tuple(await c.fetchrow(known) or ()) == (60, True)
    await c.execute("reset role; drop owned by reader; drop role reader; create role stranger")
    await c.execute("set role stranger")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await c.fetchrow(known)
    await c.execute("reset role; drop role stranger")


async def test_a_query_of_hundreds_of_phrases_costs_no_more_than_one_of_some(c: Connection) -> None:
    """All of them took half a minute over five chunks."""
    await ingest(c, {str(n): f"words p{100 + n} q{100 + n} and more" for n in range(5)})
    query = " or ".join(f'"p{n} q{n}"' for n in range(400))
    asked = "select phrases from ingest_words_query($1, '{english}')"
    assert len(await c.fetchval(asked, query)) == 32
    assert {row["uri"] for row in await c.fetch("select uri from ingest_search($1)", query)} == set("01234")


async def test_statistics_say_of_no_rare_word_that_it_is_somewhere(c: Connection) -> None:
    await ingest(c, {str(n): f"common words of document {n}" for n in range(120)} | {"x": "zyxxyword in secret"})
    await c.execute("analyze ingest_chunk_store")
    words = ["'common'", "'zyxxyword'", "'nothere'"]
    common, secret, nowhere = await c.fetchval("select shares from ingest_words_known('default', $1)", words)
    assert common > 0.9
    assert secret is None
    assert nowhere is None


@pytest.mark.parametrize("query", ["", "   ", "the", '"" -- -"" or or'])
async def test_a_query_without_words_finds_nothing_and_only_its_reader_says_so(c: Connection, query: str) -> None:
    await ingest(c, {"a": "the words"})
    said: list[str] = []
    c.add_log_listener(lambda _, message: said.append(message.message))
    assert await c.fetch("select uri from ingest_search($1)", query) == []
    assert len(said) <= 1  # websearch_to_tsquery's own; each row that was compared said it once more
