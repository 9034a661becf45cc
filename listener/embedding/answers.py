"""What a service answers; the body of a successful call → vectors in the order of the texts.

A wrong one is never made to fit.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pybase64
from numpy.typing import NDArray
from pydantic import TypeAdapter

from listener.embedding.embedder import Embeddings
from listener.errors import ServiceError

MOST_TOKENS = 10**9  # of one call; a service may say anything, and it is added up

_VECTOR = re.compile(rb'"embedding"\s*:\s*(.)')
BYTES_OF_BASE64 = 100_000  # 16,000 numbers of 32 bits have 85,336
BYTES_BESIDE_VECTORS = 1_000_000
_ANY: TypeAdapter[Any] = TypeAdapter(Any)  # parses a list of numbers six times as fast as json does


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are in lower case. ``is_inside``: the error came as a success."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_inside: bool = False


class _Malformed(ValueError):
    """An answer is not as it has to be; the message repeats nothing of it but numbers."""


def read_vectors(body: bytes, texts: int) -> Embeddings:
    """Return the vectors, shape (texts, whatever their dimensions), and the tokens; takes 10–200 µs a vector.

    Vectors may be base64 of little-endian 32-bit floats, or lists of numbers (some services ignore which was asked
    for). Lists are parsed one by one: parsed as a whole, 8 MB of them would block all threads for 0.4 s.
    Raises ServiceError ``embedding_answer_malformed``.
    """
    try:
        lists: list[bytes] = []
        answer = json.loads(_of_bearable_size(_without_lists(body, lists), texts))
        rows = _in_order(answer["data"], texts)
        if lists and len(lists) != texts:
            raise _Malformed(f"{len(lists)} lists of numbers for {texts} texts")
        vectors = [_vector(row["embedding"], lists) for row in rows]
        if len({len(vector) for vector in vectors}) != 1:
            raise _Malformed("its vectors have different dimensions")
        # Not np.array(vectors), which looks at every number: 70 us a vector.
        return Embeddings(np.concatenate(vectors, dtype=np.float32).reshape(texts, -1), _tokens(answer))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        why = error if isinstance(error, _Malformed) else type(error).__name__  # others repeat parts of the answer
        raise ServiceError(
            "embedding_answer_malformed",
            f"the embedding service's answer can't be used: {why}",
            "Is OPENAI_BASE_URL an OpenAI-compatible API, with nothing in between that changes answers?",
        ) from None


def unusable(vectors: NDArray[np.float32]) -> list[int]:
    """Return the rows that have no direction: a number that is not finite, or nothing but zeros."""
    lengths = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return [int(row) for row in np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))]


def _without_lists(body: bytes, lists: list[bytes]) -> bytes:
    """Put a number in the place of each list of numbers, and the list under that number into ``lists``."""
    parts = []
    end = 0
    while (found := _VECTOR.search(body, end)) and found[1] == b"[":
        start = found.start(1)
        parts += [body[end:start], b"%d" % len(lists)]
        end = body.find(b"]", start) + 1 or len(body)
        lists.append(body[start:end])
    return b"".join([*parts, body[end:]]) if parts else body


def _of_bearable_size(body: bytes, texts: int) -> bytes:
    """Return what is parsed in one go, during which nothing else runs: 26 MB, 0.4 s, at most."""
    if len(body) > BYTES_BESIDE_VECTORS + texts * BYTES_OF_BASE64:
        raise _Malformed(f"it has {len(body)} bytes beside its lists of numbers, for {texts} texts")
    return body


def _in_order(data: list[dict[str, Any]], texts: int) -> list[dict[str, Any]]:
    if len(data) != texts:
        raise _Malformed(f"{len(data)} vectors for {texts} texts")
    rows: list[dict[str, Any] | None] = [None] * texts
    for item in data:
        index = item["index"]
        if type(index) is not int or not 0 <= index < texts or rows[index] is not None:
            shown = index if type(index) is int and abs(index) < 10**9 else "of one"
            raise _Malformed(f"the index {shown} is there twice, or is none of {texts} texts")
        rows[index] = item
    return [row for row in rows if row is not None]


def _vector(value: Any, lists: list[bytes]) -> NDArray[np.float32]:
    if isinstance(value, str):
        return np.frombuffer(_bytes(value), dtype="<f4")
    numbers = _ANY.validate_json(lists[value]) if type(value) is int else value
    vector = np.array(numbers, dtype=np.float32)
    if vector.ndim != 1:
        raise _Malformed("a vector is not a list of numbers")
    return vector


def _bytes(value: str) -> bytes:
    try:
        return pybase64.b64decode(value, validate=True)
    except binascii.Error:  # in lines, as mail has it?
        return pybase64.b64decode("".join(value.split()), validate=True)


def _tokens(answer: dict[str, Any]) -> int:
    usage = answer.get("usage") or {}
    tokens = usage.get("prompt_tokens") or usage.get("total_tokens") or 0
    return min(tokens, MOST_TOKENS) if type(tokens) is int and tokens > 0 else 0
