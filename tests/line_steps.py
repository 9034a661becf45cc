"""Count what the steps of the package's code, line by line: for loops what ``regex_steps`` is for patterns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import listener

PACKAGE = str(Path(listener.__file__).parent)


class TooManyLines(Exception):
    """The code went on beyond what it was given."""


def lines_of(function: Callable[[], object], most: int = 10**7) -> int:
    """Return how many lines, calls and returns of the package's code a call takes."""
    count = 0

    def event(frame: FrameType, _kind: str, _argument: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        count += 1
        if count > most:
            raise TooManyLines
        return event

    before = sys.gettrace()
    sys.settrace(event)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def assert_linear(work: Callable[[int], Callable[[], object]], short: int, factor: int = 4) -> None:
    """Fail if ``work`` of a length ``factor`` times as great takes more than that and a half as many steps."""
    few = lines_of(work(short))
    assert few > 0
    lines_of(work(short * factor), most=few * factor * 3 // 2 + 200)
