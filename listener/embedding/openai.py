"""The embedder for any OpenAI-compatible service, as the entry point leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.embedding import openai_space

if TYPE_CHECKING:
    from listener.embedding.embedder import Embedder, Space
    from listener.settings import Settings

space = openai_space.space


def create(space: Space, settings: Settings) -> Embedder:
    """Return the embedder of a space.

    Raises SettingsError ``unknown_endpoint`` if the key is not for the space's endpoint, or as ``space`` does.
    """
    from listener.embedding.openai_embedder import OpenAIEmbedder  # noqa: PLC0415 - imports numpy, 0.2 s

    return OpenAIEmbedder(space, settings)
