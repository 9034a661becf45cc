"""What a span may say: names and numbers, no texts."""

from __future__ import annotations

from collections.abc import Mapping

from listener.tracing import Value

LONGEST_WORD = 500  # characters; what is longer is not a name or a count


def short(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return values with what is too long for a name cut off."""
    return {key: value[:LONGEST_WORD] if isinstance(value, str) else value for key, value in values.items()}
