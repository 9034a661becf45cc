"""Retrievers for LangChain and LlamaIndex, on a real listener; LangChain's own standard suite. Skipped without them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from listener_process import ListenerProcess

import listener
from listener.errors import RequestError

NEEDS = "it is not installed, which only programs that use it need"
WORDS = ("tickets", "desks", "pumps", "invoices")
QUERY = "who pays for tickets, desks, pumps and invoices?"
DESKS, PUMPS = ({"key": "team", "value": word} for word in ("desks", "pumps"))
FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"filters": [DESKS]}, ["desks"]),
    ({"filters": [DESKS, PUMPS]}, []),
    ({"filters": [DESKS, PUMPS], "condition": "or"}, ["desks", "pumps"]),
    ({"filters": [DESKS, PUMPS], "condition": "not"}, ["invoices", "tickets"]),
    ({"filters": [{**DESKS, "operator": "!="}, {**PUMPS, "operator": ">="}]}, ["pumps", "tickets"]),
    ({"filters": [{"key": "team", "value": ["desks", "x"], "operator": "in"}]}, ["desks"]),
    ({"filters": [{"key": "team", "value": ["desks"], "operator": "all"}, {"filters": [DESKS, PUMPS]}]}, []),
    ({"filters": [{"key": "nothing", "value": None, "operator": "is_empty"}, DESKS]}, ["desks"]),
]


@pytest.fixture(scope="module")
def handbook(server: Any, ready_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with a collection of four documents, and a listener."""
    name = "retrieved"
    asyncio.run(server.create_database(name, ready_template))
    process = ListenerProcess(server.dsn(name), tmp_path_factory.mktemp("retrieved"))
    try:
        process.ready()
        asyncio.run(_ingest(server.dsn(name)))
        yield server.dsn(name)
    finally:
        process.stop()
        asyncio.run(server.drop_database(name))


async def _ingest(dsn: str) -> None:
    async with listener.connect(dsn) as ingest:
        requests = [
            await ingest.add(content=f"# About {word}\n\nThe company pays for {word}.", uri=f"{word}.md",
                             collection="handbook", metadata={"team": word})
            for word in WORDS
        ]  # fmt: skip
        for ended in await ingest.wait_all(requests, timeout=60):
            ended.raise_unless_succeeded()


@pytest.mark.skipif(not find_spec("langchain_core"), reason=f"langchain_core: {NEEDS}")
async def test_langchain_gets_passages_with_where_they_stand(handbook: str) -> None:
    from listener.client.langchain import LangChainRetriever  # noqa: PLC0415

    retriever = LangChainRetriever(database=handbook, collection="handbook", k=2)
    first, second = await retriever.ainvoke("who pays for desks?")
    assert "pays for desks" in first.page_content
    assert first.metadata["citation"] == "[1] About desks (desks.md)"
    assert (first.metadata["uri"], first.metadata["team"], first.metadata["by"]) == ("desks.md", "desks", "both")
    assert first.id == f"desks.md:0-{first.metadata['end_char']}"
    assert second.metadata["number"] == 2
    for kept in ({"team": "pumps"}, {"team": {"$in": ["pumps", "x"]}}, {"$not": {"team": {"$ne": "pumps"}}}):
        (found,) = retriever.invoke("who pays for desks?", filter=kept)
        assert found.metadata["uri"] == "pumps.md"


@pytest.mark.skipif(not find_spec("llama_index"), reason=f"llama_index: {NEEDS}")
async def test_llama_index_gets_passages_with_where_they_stand(handbook: str) -> None:
    from llama_index.core.vector_stores import MetadataFilters  # noqa: PLC0415

    from listener.client.llama_index import LlamaIndexRetriever  # noqa: PLC0415

    retriever = LlamaIndexRetriever(handbook, collection="handbook", k=1)
    (awaited,) = await retriever.aretrieve("who pays for desks?")
    (found,) = retriever.retrieve("who pays for desks?")
    assert found.node.node_id == awaited.node.node_id
    assert found.score == awaited.score
    assert found.node.metadata["uri"] == "desks.md"
    for filters, uris in FILTERS:
        kept = LlamaIndexRetriever(handbook, collection="handbook", filters=MetadataFilters(**filters), sections=0)
        assert sorted(node.metadata["uri"][:-3] for node in await kept.aretrieve(QUERY)) == uris, filters
    with pytest.raises(RequestError) as refused:
        LlamaIndexRetriever(filters=MetadataFilters(filters=[{"key": "team", "value": "x", "operator": "text_match"}]))
    assert refused.value.code == "wrong_filter"
    said = found.node.get_content(metadata_mode="llm")
    assert "[1] About desks (desks.md)" in said
    assert "pays for desks" in said
    assert "start_char" not in said


@pytest.mark.skipif(not find_spec("langchain_tests"), reason=f"langchain_tests: {NEEDS}")
def test_langchain_s_standard_suite_passes(handbook: str) -> None:
    """Each of its tests. The class is made here: elsewhere there may be nothing to inherit from."""
    from langchain_tests.integration_tests import RetrieversIntegrationTests  # noqa: PLC0415

    from listener.client.langchain import LangChainRetriever  # noqa: PLC0415

    class Ours(RetrieversIntegrationTests):  # type: ignore[misc]
        retriever_constructor = LangChainRetriever
        retriever_constructor_params = {"database": handbook, "collection": "handbook"}  # noqa: RUF012
        retriever_query_example = QUERY

    suite = Ours()
    tests = [name for name in dir(suite) if name.startswith("test_")]
    assert len(tests) >= 4
    for name in tests:
        asks = getattr(suite, name)
        given = {"retriever": LangChainRetriever(database=handbook, collection="handbook")}
        wanted = {key: value for key, value in given.items() if key in asks.__code__.co_varnames}
        result = asks(**wanted)
        if asyncio.iscoroutine(result):
            asyncio.run(result)
