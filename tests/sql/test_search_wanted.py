"""Since when, how similar, with which weights and in whose order a search finds; in several collections at once."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from roles import login, new_roles, refused
from staging import SPACE, Connection, answer, carry, collection, ingest, start

NEAR = {"near": "[1,0,0]", "apart": "[1,1,0]", "across": "[0,1,0]"}


async def near(c: Connection) -> None:
    """Bring documents live whose vectors lie in directions: similarities to [1,0,0] of 1, 0.71 and 0."""
    for uri, vector in NEAR.items():
        await carry(c, await start(c, [uri]), texts={uri: f"{uri} cats" if uri == "across" else uri}, vectors=[vector])


async def found(c: Connection, arguments: str, *values: object) -> list[str]:
    return [row["uri"] for row in await c.fetch(f"select uri from ingest_search({arguments})", *values)]


async def test_without_a_query_nothing_is_found_and_nothing_said(c: Connection) -> None:
    await ingest(c, {"a": "cats"})
    said: list[object] = []
    c.add_log_listener(lambda _, message: said.append(message))
    assert await found(c, "null") == []
    assert await found(c, "null, by => 'words'") == []
    assert said == []


async def test_since_is_when_the_source_says_it_was_changed_or_when_it_was_published(c: Connection) -> None:
    await ingest(c, dict.fromkeys(["file", "old", "inline"], "cats"))
    await c.execute("update ingest_documents set modified_at = '2020-01-01' where uri = 'old'")
    await c.execute("update ingest_documents set modified_at = '2026-01-01', updated_at = now() where uri = 'file'")
    await c.execute("update ingest_documents set updated_at = '2026-06-01' where uri = 'inline'")
    for search in ("'cats', by => 'words'", "'[1,0,0]'::vector"):
        for since, uris in {"2026-01-01": ["file", "inline"], "2026-01-02": ["inline"], "infinity": []}.items():
            assert await found(c, f"{search}, since => '{since}'") == uris
        assert len(await found(c, f"{search}, since => null")) == 3


async def test_what_is_less_similar_is_not_found_by_vector(c: Connection) -> None:
    await near(c)
    await carry(c, await start(c, ["zero"]), vectors=["[0,0,0]"])
    assert await found(c, "'[1,0,0]'::vector, min_similarity => 0.5") == ["near", "apart"]
    assert await found(c, "'[1,0,0]'::vector, min_similarity => 0.9, per_document => 1") == ["near"]
    assert await found(c, "'[1,0,0]'::vector, min_similarity => -1") == ["near", "apart", "across"]
    await answer(c, "cats")
    assert await found(c, "'cats', by => 'vector', min_similarity => 0.9") == ["near"]
    rows = await c.fetch("select uri, by from ingest_search('cats', min_similarity => 0.9)")
    assert {row["uri"]: row["by"] for row in rows} == {"near": "vector", "across": "words"}
    assert await found(c, "'cats', by => 'words', min_similarity => 0.9") == ["across"]


async def test_weights_say_how_much_words_and_vector_count(c: Connection) -> None:
    await near(c)
    await answer(c, "cats")
    assert await found(c, "'cats', words_weight => 3, k => 1") == ["across"]
    assert await found(c, "'cats', vector_weight => 100") == ["near", "apart", "across"]
    assert await found(c, "'cats', words_weight => 0") == ["near", "apart", "across"]
    assert (await found(c, "'cats', words_weight => null, vector_weight => 0"))[0] == "across"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("words_weight => -1", "wrong_weight"),
        ("words_weight => 'NaN'", "wrong_weight"),
        ("vector_weight => 'infinity'", "wrong_weight"),
        ("words_weight => 0, vector_weight => 0", "wrong_weight"),
        ("words_weight => 1e308, vector_weight => 1e308", "wrong_weight"),
        ("collections => '{{default,default},{default,default}}'", "wrong_collections"),
        ("min_similarity => 1.1", "wrong_similarity"),
        ("min_similarity => 'NaN'", "wrong_similarity"),
        ("collections => '{}'", "wrong_collections"),
        ("collections => '{default,null}'", "wrong_collections"),
        ("collections => array_fill('x'::text, '{101}')", "wrong_collections"),
    ],
)
async def test_what_makes_no_sense_is_refused(c: Connection, wrong: str, code: str) -> None:
    await ingest(c, {"a": "cats"})
    for function in ("ingest_search", "ingest_context"):
        with refused("IG035", code):
            await c.fetch(f"select from {function}('cats', {wrong})")


async def test_a_vector_that_is_null_is_called_that(c: Connection) -> None:
    await ingest(c, {"a": "cats"})
    for function in ("ingest_search", "ingest_context"):
        with pytest.raises(asyncpg.PostgresError, match="the vector is null") as raised:
            await c.fetch(f"select from {function}((select embedding from ingest_chunks where uri = 'nowhere'))")
        assert getattr(raised.value, "constraint_name", None) == "query_not_embedded"


# re-ranked

SCORES = """
create or replace function ingest_rerank_scores(p_query text, p_collection text, p_revisions bigint[], p_ordinals int[])
returns table (revision_id bigint, ordinal int, score float8) language sql stable as $$
  select d.revision_id, u.ordinal, s.score
  from unnest(p_revisions, p_ordinals) as u (revision_id, ordinal)
  join public.ingest_documents d on d.revision_id = u.revision_id and d.collection = p_collection
  join (values {}) as s (uri, score) on s.uri = d.uri
  where p_query = 'cats'
$$"""


async def reranked(c: Connection, **more: Any) -> list[tuple[str, str]]:
    named = "".join(f", {name} => {value}" for name, value in more.items())
    rows = await c.fetch(f"select uri, by from ingest_search('cats', by => 'words', rerank => true{named})")
    return [(row["uri"], row["by"]) for row in rows]


async def test_known_scores_order_the_first_hits_and_what_has_none_keeps_its_place(c: Connection) -> None:
    await ingest(c, {f"{n}": " ".join(["cats"] * (9 - n)) for n in range(5)})
    ordinary = [(f"{n}", "words") for n in range(5)]
    assert await reranked(c) == ordinary  # nothing is known
    await c.execute(SCORES.format("('4', 0.9), ('2', -0.5), ('0', 0.1)"))
    assert await reranked(c) == [
        ("4", "reranked"), ("1", "words"), ("0", "reranked"), ("3", "words"), ("2", "reranked")
    ]  # fmt: skip
    assert await reranked(c, k=1) == [("4", "reranked")]
    row = await c.fetchrow(
        "select score, words_place from ingest_search('cats', by => 'words', rerank => true, k => 1)"
    )
    assert row is not None
    assert tuple(row) == (0.9, 5)
    assert (await c.fetchval("select by from ingest_context('cats', rerank => true, sections => 0)")) == "reranked"


# several collections


async def test_several_collections_are_searched_at_once_and_rows_say_which(c: Connection) -> None:
    await collection(c, "other", **SPACE, text_config="german")
    await ingest(c, {"a": "cats", "same": "cats and dogs and birds"})
    await ingest(c, {"b": "cats cats", "same": "Katzen"}, collection="other")
    both = "collections => '{default,other,default}'"
    rows = await c.fetch(f"select collection, uri, words_place from ingest_search('cats', {both})")
    assert {(row["collection"], row["uri"]) for row in rows} == {("default", "a"), ("default", "same"), ("other", "b")}
    assert [row["words_place"] for row in rows] == sorted(row["words_place"] for row in rows)
    assert await found(c, f"'Katze', {both}") == ["same"]  # in its own language
    rows = await c.fetch(f"select collection, vector_place, by from ingest_search('[1,0,0]'::vector, {both})")
    assert sorted(tuple(row) for row in rows) == [
        ("default", 1, "vector"), ("default", 1, "vector"), ("other", 1, "vector"), ("other", 1, "vector")
    ]  # fmt: skip
    assert await c.fetchval("select collection from ingest_search('cats', collection => 'other')") == "other"


async def test_in_one_space_the_nearest_come_first_wherever_they_are(c: Connection) -> None:
    await collection(c, "other", **SPACE)
    await near(c)
    await carry(c, await start(c, ["more"], collection="other"), vectors=["[1,0.5,0]", "[1,0.2,0]"])
    rows = await c.fetch("select uri, ordinal from ingest_search('[1,0,0]'::vector, collections => '{default,other}')")
    assert [tuple(row) for row in rows] == [("near", 0), ("more", 1), ("more", 0), ("apart", 0), ("across", 0)]


async def test_of_different_spaces_the_best_of_each_come_first(c: Connection) -> None:
    await collection(c, "other", **{**SPACE, "model": "another"})
    await near(c)
    await carry(c, await start(c, ["more"], collection="other"), vectors=["[0,1,0]", "[0,0.5,1]"])
    search = "select uri, by from ingest_search('cats', collections => '{default,other}', by => 'vector')"
    await answer(c, "cats")
    with refused("IG035", "query_not_embedded"):
        await c.fetch(search)
    await answer(c, "cats", "[1,1,0]", "other")
    assert [row["uri"] for row in await c.fetch(search)] == ["more", "near", "apart", "more", "across"]


async def test_where_one_collection_has_no_vector_its_rows_say_so(c: Connection) -> None:
    await collection(c, "other", **{**SPACE, "model": "another"})
    await ingest(c, {"a": "cats"})
    await ingest(c, {"b": "cats"}, collection="other")
    await answer(c, "cats")
    rows = await c.fetch("select uri, by from ingest_search('cats', collections => '{default,other}')")
    assert [tuple(row) for row in rows] == [("a", "both"), ("b", "words_no_vector")]


async def test_each_collection_asks_for_its_own_right(c: Connection, installed: str) -> None:
    await collection(c, "other", **SPACE)
    await ingest(c, {"a": "cats"}, options={"principals": ["board"]})
    await ingest(c, {"b": "cats"}, collection="other")
    both = "select uri from ingest_search('cats', collections => $1)"
    gather = "select uri, collection from ingest_context('cats', collections => $1)"
    async with new_roles(c, 1) as (role,):
        await c.execute("select ingest_grant($1, 'searcher', 'other')", role)
        async with login(installed, role) as it:
            for statement in (both, gather):
                with refused("IG040", "not_granted"):
                    await it.fetch(statement, ["other", "default"])
                assert [row[0] for row in await it.fetch(statement, ["other"])] == ["b"]
            await c.execute("select ingest_grant($1, 'searcher', 'default')", role)
            assert [row[0] for row in await it.fetch(both, ["other", "default"])] == ["b"]
            assert [tuple(row) for row in await it.fetch(gather, ["other", "default"])] == [("b", "other")]
            with refused("IG014", "unknown_collection"):
                await c.fetch(both, ["other", "nowhere"])
