"""A retriever for LlamaIndex. Needs the extra ``llama-index``.

::

    from listener.client.llama_index import LlamaIndexRetriever

    retriever = LlamaIndexRetriever(collection="handbook", k=5)
    nodes = retriever.retrieve("who pays for my train ticket?")
"""

from __future__ import annotations

from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from listener.client.passages import Passage
from listener.client.retrieving import described, retrieved, retrieved_at_once


class LlamaIndexRetriever(BaseRetriever):
    """Gathers passages as ``Ingest.context`` does: ``collection``, ``k``, ``budget`` and so on are its arguments.

    ``k`` chunks are found; passages that touch are one node, so there may be fewer. ``database`` and ``schema`` are
    those of ``listener.connect``. Raises IngestError.
    """

    def __init__(self, database: str | None = None, *, schema: str | None = None, **how: Any) -> None:
        self._database, self._schema, self._how = database, schema, how
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = retrieved_at_once(self._database, self._schema, query_bundle.query_str, self._how)
        return list(map(_node, found))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = await retrieved(self._database, self._schema, query_bundle.query_str, self._how)
        return list(map(_node, found))


def _node(passage: Passage) -> NodeWithScore:
    about = described(passage)
    hidden = [name for name in about if name != "citation"]  # a model reads the citation and the text
    node = TextNode(
        id_=f"{passage.uri}:{passage.start_char}-{passage.end_char}",
        text=passage.whole,
        metadata=about,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=list(about),
    )
    return NodeWithScore(node=node, score=passage.score)
