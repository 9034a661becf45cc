"""Settings that are numbers, as people write them: times, and how many processes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator

MOST_PROCESSES = 64
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd]?)")
_SECONDS_OF = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(value: object) -> object:
    """Return the seconds of a time like ``90s``, ``45m``, ``6h``, ``2d`` or ``90``."""
    if not isinstance(value, str):
        return value
    if not (found := _TIME.fullmatch(value.strip())):
        raise ValueError("must be a time like 90s, 45m, 6h, or a number of seconds")
    return float(found[1]) * _SECONDS_OF[found[2]]


def processes_of(value: object) -> int | Literal["auto"]:
    """Return a number of processes, or ``auto``."""
    written = str(value).strip() or "1"
    if written == "auto":
        return "auto"
    if not (written.isdecimal() and written.isascii() and 1 <= int(written[:9]) <= MOST_PROCESSES):
        raise ValueError(f"it should be a number from 1 to {MOST_PROCESSES}, or auto")
    return int(written)


Seconds = Annotated[float, BeforeValidator(seconds_of)]
Age = Annotated[float | None, BeforeValidator(seconds_of)]
Processes = Annotated[int | Literal["auto"], BeforeValidator(processes_of)]
