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
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from listener.client.passages import Passage
from listener.client.retrieving import described, retrieved, retrieved_at_once
from listener.errors import RequestError

_OPERATORS = {
    FilterOperator.EQ: "$eq", FilterOperator.NE: "$ne", FilterOperator.GT: "$gt", FilterOperator.GTE: "$gte",
    FilterOperator.LT: "$lt", FilterOperator.LTE: "$lte", FilterOperator.IN: "$in", FilterOperator.NIN: "$nin",
    FilterOperator.ANY: "$in", FilterOperator.CONTAINS: "$eq",  # one value of an array is enough
}  # fmt: skip


class LlamaIndexRetriever(BaseRetriever):
    """Gathers passages as ``Ingest.context`` does: ``collection``, ``k``, ``budget`` and so on are its arguments.

    ``k`` chunks are found; passages that touch are one node, so there may be fewer. ``database`` and ``schema`` are
    those of ``listener.connect``. ``filters`` are LlamaIndex's own, besides ``filter``. Raises IngestError; at once
    ``wrong_filter``, for an operator that we do not have.
    """

    def __init__(
        self,
        database: str | None = None,
        *,
        schema: str | None = None,
        filters: MetadataFilters | None = None,
        **how: Any,
    ) -> None:
        if filters and filters.filters:
            how["filter"] = {"$and": [_filter(filters), *([how["filter"]] if how.get("filter") else [])]}
        self._database, self._schema, self._how = database, schema, how
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = retrieved_at_once(self._database, self._schema, query_bundle.query_str, self._how)
        return list(map(_node, found))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = await retrieved(self._database, self._schema, query_bundle.query_str, self._how)
        return list(map(_node, found))


def _filter(given: MetadataFilters | MetadataFilter) -> dict[str, Any]:
    """Return LlamaIndex's filters as ours."""
    if isinstance(given, MetadataFilters):
        each = [_filter(one) for one in given.filters]
        if given.condition is FilterCondition.NOT:
            return {"$not": {"$or": each}}
        return {"$or" if given.condition is FilterCondition.OR else "$and": each}
    if given.operator is FilterOperator.ALL:
        values = given.value if isinstance(given.value, list) else [given.value]
        return {"$and": [{given.key: {"$eq": value}} for value in values]}
    if given.operator is FilterOperator.IS_EMPTY:
        return {given.key: {"$in": [None, ""]}}
    if given.operator not in _OPERATORS:
        raise RequestError("wrong_filter", f"there is no operator {given.operator.value}", "Search for words instead.")
    return {given.key: {_OPERATORS[given.operator]: given.value}}


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
