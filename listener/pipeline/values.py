"""Values as our SQL functions take them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def as_json(value: Any) -> str | None:
    """Return a value as JSON text; None stays None."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def as_array(numbers: Iterable[int]) -> str:
    """Return whole numbers as the text of an array: Postgres has no arrays of arrays of different lengths."""
    return "{" + ",".join(map(str, numbers)) + "}"
