"""The small values that pass between the parts: references, results, chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Digest = bytes
"""A SHA-256, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of a document's text: ``text[start:end]``, in characters, under its headings (outermost first)."""

    start: int
    end: int
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors can be compared only within one space: same embedder, endpoint, model and dimensions."""

    embedder: str
    endpoint: str
    model: str
    dimensions: int


class Embeddings(NamedTuple):
    """What a call returned: ``vectors``, shape (texts, dimensions), and the tokens that the service counted."""

    vectors: NDArray[np.float32]
    tokens: int = 0
