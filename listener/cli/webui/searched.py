"""A search as its address has it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, Json, ValidationError

from listener.cli.assistant.lookups import ContextAsked
from listener.cli.problems import UsageProblem
from listener.cli.search import Sought
from listener.cli.webui.page import PageAddress

HINTS = {
    "filter": 'Like {"lang": "en"}, or {"year": {"$gte": 2020}}.',
    "by": "words, meaning or both; without it: auto.",
}


class SearchAddress(ContextAsked):
    """The parameters of a search's address; ``filter`` is JSON in there."""

    filter: Json[dict[str, Any]] | None = None
    words_weight: float | None = Field(default=None, ge=0)
    vector_weight: float | None = Field(default=None, ge=0)

    @classmethod
    def of(cls, asked: PageAddress, collections: list[str]) -> SearchAddress:
        """Return it as it is asked for; raises UsageProblem ``usage``, which names the parameter."""
        given = {name: asked.get(name) for name in cls.model_fields if asked.get(name)}
        one_or_more = collections if len(collections) > 1 else collections[0]
        try:
            return cls.model_validate(given | {"query": asked.get("q"), "collection": one_or_more})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise UsageProblem("usage", f"{name}: {first['msg']}", HINTS.get(name, "")) from None

    def for_hits(self) -> Sought:
        """Return what finds chunks."""
        return self.sought(**self._weights())

    def for_context(self) -> Sought:
        """Return what gathers the context of a prompt."""
        return self.sought(**self._weights(), budget=self.budget)

    def _weights(self) -> dict[str, Any]:
        return {"words_weight": self.words_weight, "vector_weight": self.vector_weight}
