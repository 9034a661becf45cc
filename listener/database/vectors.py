"""pgvector's binary form: two 16-bit numbers (dimensions and zero), then big-endian 32-bit floats."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pgvector import Vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def encode(vector: NDArray[Any] | Vector | bytes) -> bytes:
    """Return the binary form of one vector; what is encoded already passes."""
    if isinstance(vector, bytes):
        return vector
    if isinstance(vector, Vector):
        return vector.to_binary()
    return struct.pack(">HH", vector.shape[0], 0) + vector.astype(">f4").tobytes()


def encode_rows(vectors: NDArray[Any]) -> list[bytes]:
    """Return the binary forms of an array's rows, shape (vectors, dimensions)."""
    head = struct.pack(">HH", vectors.shape[1], 0)
    return [head + row.tobytes() for row in vectors.astype(">f4")]


def decode(data: bytes) -> NDArray[np.float32]:
    """Return a vector from its binary form."""
    import numpy as np  # noqa: PLC0415 - the CLI's verbs have no other use for it, and it takes 0.1 s

    return np.frombuffer(data, dtype=">f4", offset=4).astype(np.float32)
