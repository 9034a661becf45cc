"""Collections by language: each document by the words of its own, a query read under all of them."""

from __future__ import annotations

from typing import Any

import pytest
from staging import Connection, claim, ingest, one

TEXTS = {
    "de": ("Die Rechnungen werden am Monatsende bezahlt.", {"language": "de-AT"}),
    "en": ("Paying invoices when the month ends.", {"lang": "eng"}),
    "fr": ("Les factures sont payées à la fin du mois.", {"language": "French"}),
    "ja": ("請求書は月末に支払われます。", {"language": "ja"}),
    "none": ("Paying of nothing in particular.", {}),
    "odd": ("Paying in cowries.", {"language": "tlh"}),
}


async def filled(c: Connection, setting: str = "auto") -> None:
    await c.execute("select from ingest_collection('mixed', jsonb_build_object('text_config', $1::text))", setting)
    for uri, (text, metadata) in TEXTS.items():
        await ingest(c, {uri: text}, collection="mixed", metadata=metadata)


async def found(c: Connection, query: str) -> set[str]:
    rows = await c.fetch("select uri from ingest_search($1, 'mixed', by => 'words')", query)
    return {row["uri"] for row in rows}


async def test_each_document_has_the_configuration_of_its_language(c: Connection) -> None:
    await filled(c)
    rows = await c.fetch("select d.uri, k.text_config::text as config from ingest_chunk_store k join ingest_documents d"
                         " using (revision_id)")  # fmt: skip
    assert {row["uri"]: row["config"] for row in rows} == {
        "de": "german", "en": "english", "fr": "french", "ja": "simple", "none": "english", "odd": "english",
    }  # fmt: skip


async def test_a_query_is_read_under_the_languages_that_are_there(c: Connection) -> None:
    expected: dict[str, set[str]] = {
        "Rechnung": {"de"},  # stemmed: Rechnungen
        "facture": {"fr"},
        "Monats": {"de"},  # as only German has it: Monatsende
        "moisies": {"fr"},  # as only French has it
        "bezahlt -Monatsende": set(),  # what one reading excludes, no other brings back
        "invoice": {"en"},
        "pay": {"en", "none", "odd"},
        "月末": {"ja"},
        "die Rechnung": {"de"},  # a stop word of one language only
        '"fin du mois"': {"fr"},
        "pay -month": {"none", "odd"},
        "bezahlt or factures": {"de", "fr"},
        "bezahlt -Rechnung": set(),  # excluded as German has it
    }
    await filled(c)
    assert {query: await found(c, query) for query in expected} == expected


async def test_what_a_fork_copies_is_searched_under_its_language_too(c: Connection) -> None:
    await c.execute("select from ingest_collection('mixed', '{\"text_config\": \"english\"}')")
    first = await ingest(c, {"de": TEXTS["de"][0]}, collection="mixed", metadata={"language": "de"})
    await c.execute("select from ingest_collection('mixed', '{\"text_config\": \"auto\"}')")
    fork = await c.fetchval("select ingest_fork($1, 'save')", first)
    assert await claim(c) == [fork]
    await c.execute("select ingest_copy_manifest($1, 'L1')", fork)
    rows = await c.fetch("select unnest(ingest_search_configs('mixed'))::text as config")
    assert {row["config"] for row in rows} == {"english", "german"}


async def test_without_auto_a_collection_has_one_configuration(c: Connection) -> None:
    await filled(c, "german")
    assert await c.fetchval("select count(*) from ingest_collection_configs") == 0
    assert await found(c, "Rechnung") == {"de"}
    assert await found(c, "pay") == set()


async def test_auto_stands_among_the_settings_and_another_configuration_ends_it(c: Connection) -> None:
    settings = "select settings ->> 'text_config' from ingest_inventory() where collection = 'mixed'"
    await c.execute("select from ingest_collection('mixed', '{\"text_config\": \"auto\"}')")
    assert await c.fetchval(settings) == "auto"
    await c.execute("select from ingest_collection('mixed', '{\"chunk_size\": 700}')")
    assert await c.fetchval(settings) == "auto"
    await c.execute("select from ingest_collection('mixed', '{\"text_config\": \"french\"}')")
    assert await c.fetchval(settings) == "french"


async def test_what_has_not_changed_is_cut_again_when_a_collection_becomes_one_by_language(c: Connection) -> None:
    hashes = (
        """select ingest_settings_hash(r) from ingest_requests r where r.collection = 'mixed' order by created_at"""
    )
    await c.execute("select from ingest_collection('mixed', '{\"text_config\": \"english\"}')")
    await ingest(c, {"de": "Rechnungen"}, collection="mixed", metadata={"language": "de"})
    await c.execute("select from ingest_collection('mixed', '{\"text_config\": \"auto\"}')")
    await ingest(c, {"de": "Rechnungen"}, collection="mixed", metadata={"language": "de"})
    first, second = (row[0] for row in await c.fetch(hashes))
    assert first != second
    assert await found(c, "Rechnung") == {"de"}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"language": "de"}, "german"), ({"language": "DE_de.UTF-8"}, "german"), ({"language": "pt-BR"}, "portuguese"),
        ({"language": " nb "}, "norwegian"), ({"language": "english"}, "english"), ({"lang": "ru"}, "russian"),
        ({"language": "zh-Hans"}, "simple"), ({"language": "dexterous"}, "swedish"), ({"language": ""}, "swedish"),
        ({"language": 7}, "swedish"), ({"language": ["de"]}, "swedish"), ({"language": None, "lang": "de"}, "german"),
        ({"language": "x' or true --"}, "swedish"), ({}, "swedish"),
    ],
)  # fmt: skip
async def test_the_language_is_read_from_metadata(c: Connection, metadata: dict[str, Any], expected: str) -> None:
    row = await one(c, "select ingest_language_config($1, 'swedish')::text as config", metadata)
    assert row["config"] == expected
