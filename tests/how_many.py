"""How many inputs Hypothesis makes: a fifth in the plain suite, other ones each time; all of them with ``-m long``.

A test that has no ``@given`` above it but one inside, or cases of its own, is marked ``examples``.
"""

from __future__ import annotations

import pytest
from hypothesis import is_hypothesis_test, settings

LEAST, PART = 10, 5

settings.register_profile("few", max_examples=25)
settings.register_profile("all", max_examples=100)


class _Chosen:
    all = False


def choose(config: pytest.Config) -> None:
    """Take what the run is for, before tests are imported."""
    expression = str(config.option.markexpr)
    _Chosen.all = "long" in expression and "not long" not in expression
    settings.load_profile("all" if _Chosen.all else "few")


def how_many(count: int) -> int:
    """Return how many are made of so many."""
    return count if _Chosen.all else min(count, max(LEAST, count // PART))


def mark(items: list[pytest.Item]) -> None:
    """Have the tests that make inputs take part in a run of the long ones."""
    for item in items if _Chosen.all else ():
        if is_hypothesis_test(getattr(item, "obj", None)) or item.get_closest_marker("examples"):
            item.add_marker("long")
