"""Turn texts into vectors: what is sent for a chunk, in which groups, and who embeds it.

::

    inputs     chunk → text, its hash, groups of texts
    registry   space → embedder, by entry points
    embedder   what an embedder is
    local      works without a key and without a network
    openai     any service with OpenAI's API

Importing this package is cheap; what an embedder needs is imported when it is made, and loaded when it is first used or
by its ``prepare()``.
"""

from listener.embedding.embedder import Embedder, EmbedderFactory, Embeddings, Space, TextsRefused
from listener.embedding.inputs import DEFAULT_TEMPLATE, embedding_input, groups, text_hash
from listener.embedding.registry import Embedders, create, default_space

__all__ = [
    "DEFAULT_TEMPLATE",
    "Embedder",
    "EmbedderFactory",
    "Embedders",
    "Embeddings",
    "Space",
    "TextsRefused",
    "create",
    "default_space",
    "embedding_input",
    "groups",
    "text_hash",
]
