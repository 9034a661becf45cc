"""What a target is: inputs, and a trial that carries one of them out and says what became of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

import listener
from listener.database.translation import translated
from listener.errors import IngestError, OperatorError

TREE = Path(__file__).parents[2]
PACKAGE = Path(listener.__file__).parent
SQL = next(folder for folder in (PACKAGE / "sql", PACKAGE.parent / "sql") if folder.is_dir())
TAKEN = "taken"


def _known() -> frozenset[str]:
    """Return the codes that pages explain, and those of SQL, which another test compares with these."""
    pages = [page.read_text(encoding="utf-8") for page in (TREE / "docs").glob("*.md")]
    told = [page for page in pages if page.startswith("# Errors\n") or "\n## What can go wrong\n" in page]
    codes = set(re.findall(r"^\| `([a-z0-9_]+)` \|", "\n".join(told), re.MULTILINE))
    for file in SQL.rglob("*.sql"):
        codes |= set(re.findall(r"errcode = 'IG\d+',\s+constraint = '(\w+)'", file.read_text(encoding="utf-8")))
    return frozenset(codes - {"internal"})


KNOWN = _known()


@dataclass(frozen=True)
class Place:
    """Where a target is tried: an empty folder, and a migrated database of its own, if it needs one."""

    folder: Path
    dsn: str = ""


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong; ``input`` is what it was wrong with."""

    what: str
    input: str


@dataclass(frozen=True)
class Trial:
    """``case`` returns ``taken`` or the code of the refusal, and raises what must not be.

    ``after`` looks at what the cases so far have left: at what they began, at processes that should be alive.
    """

    case: Callable[[Any], str | Awaitable[str]]
    after: Callable[[], Awaitable[list[Trouble]]] | None = None


@dataclass(frozen=True)
class Target:
    """``seconds``: what a case may take at most; ``few``: cases that are tried in the suite, and in one round."""

    name: str
    inputs: SearchStrategy[Any]
    opened: Callable[[Place], AbstractAsyncContextManager[Trial]]
    few: int = 100
    round: int = 300
    seconds: float = 10.0
    database: bool = False


def code_of(error: Exception, *kinds: type[IngestError], allowed: frozenset[str] = frozenset()) -> str:
    """Return the code of a refusal; raises AssertionError if it is none of these kinds, or its code is not known.

    What Postgres says is translated first. A constraint that has a name is a code of its own.
    """
    refusal = error if isinstance(error, IngestError) else translated(error)
    if refusal is None:
        raise error
    state = getattr(error, "sqlstate", None) or ""
    if not kinds and isinstance(refusal, OperatorError):
        assert refusal.code in allowed, f"SQLSTATE {state} {refusal.code} is told as a fault of surroundings: {refusal}"
    assert not kinds or isinstance(refusal, kinds), f"{type(refusal).__name__} is none of {kinds}: {refusal}"
    named = getattr(error, "constraint_name", None) if state.startswith("23") else None
    assert refusal.code in KNOWN or refusal.code == named, f"docs/errors.md does not explain {refusal.code}: {refusal}"
    assert refusal.message, f"{refusal.code} says nothing"
    return refusal.code
