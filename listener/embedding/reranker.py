"""What a re-ranker is, and which one the settings mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.settings import Settings


class Reranker(Protocol):
    """Says how well texts answer a query. ``name``: scores of re-rankers with the same name can be compared."""

    name: str

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a finite score for each text, higher where it answers better.

        Raises SettingsError if none can be computed as configured, ServiceError if trying again later may help.
        """

    async def close(self) -> None:
        """Release connections and processes."""


def create_reranker(settings: Settings) -> Reranker | None:
    """Return the re-ranker of the settings, which has loaded nothing yet; None if there is none.

    Raises SettingsError ``embedder_not_installed``, ``reranker_model_missing``, ``weights_missing``,
    ``bad_reranker_url`` or ``api_key_refused``.
    """
    if settings.reranker == "neural":
        from listener.embedding.neural.cross_encoder import LocalCrossEncoder  # noqa: PLC0415 - as it is needed

        return LocalCrossEncoder(settings)
    if settings.reranker == "http":
        from listener.embedding.rerank_service import RerankService  # noqa: PLC0415 - imports httpx2

        return RerankService(settings)
    return None
