"""``include``, ``exclude`` and globs choose what a plain definition chooses, which tries everything; or are refused."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from types import FrameType
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzzing.targets import TAKEN, Place, Target, Trial, code_of
from fuzzing.values import HOSTILE
from listener.errors import RequestError
from listener.sources.options import RequestOptions
from listener.sources.patterns import choose

MOST_EVENTS = 400_000  # lines and calls of Python for one path: ten thousand times what an ordinary one takes
SIGNS = "ab.c-!^]é"
PIECE = st.sampled_from(
    ["*", "*", "?", "**", "[ab]", "[!a]", "[^a]", "[a-c]", "[]a]", "[!]]", "[", "]", "[]", "[!]", *SIGNS]
)
PART = st.lists(PIECE, max_size=6).map("".join)
PATTERN = st.lists(PART | st.just("**"), min_size=1, max_size=4).map("/".join).filter(bool) | HOSTILE.filter(bool)
LONG = st.tuples(
    st.sampled_from(["?*", "*a", "a*", "*", "**/", "[ab]*", "*/"]), st.integers(1, 400), st.sampled_from("!b/")
).map(lambda parts: parts[0] * parts[1] + parts[2])
NAME = st.text(SIGNS, min_size=1, max_size=6) | st.sampled_from(["a" * 250, "ab" * 100, ".a", "."])
PATH = st.lists(NAME, min_size=1, max_size=4).map("/".join)


class Chosen(NamedTuple):
    """Patterns of a request, what its glob is (or nothing), and the path of a file below the folder."""

    include: list[str]
    exclude: list[str]
    glob: str
    path: str


INPUTS = st.builds(
    Chosen, st.lists(PATTERN | LONG, max_size=3), st.lists(PATTERN | LONG, max_size=3), st.just("") | PART | LONG, PATH
)


@asynccontextmanager
async def opened(_: Place) -> AsyncIterator[Trial]:
    yield Trial(_case)


def _case(given: Chosen) -> str:
    source = "/nowhere/at/all" + (f"/{given.glob}" if given.glob else "")
    try:
        options = RequestOptions.model_validate({"include": given.include, "exclude": given.exclude})
        _, choice = choose(source, options)
    except RequestError as error:
        return code_of(error, RequestError)
    found = _counted(lambda: (choice.takes(given.path), choice.descends(given.path)))
    if all(_is_plain(pattern) for pattern in (*given.include, *given.exclude, given.glob)) and len(given.path) < 40:
        assert found[0] is _takes(given), f"takes() says {found[0]}, the definition does not"
    return TAKEN if found[0] else "left out"


def _counted(function: Any) -> Any:
    """Call a function; AssertionError if it takes more steps than any short text may cost."""
    events = 0

    def event(_frame: FrameType, _kind: str, _argument: Any) -> Any:
        nonlocal events
        events += 1
        assert events < MOST_EVENTS, f"more than {MOST_EVENTS} steps"
        return event

    before = sys.gettrace()
    sys.settrace(event)
    try:
        return function()
    finally:
        sys.settrace(before)


def _is_plain(pattern: str) -> bool:
    return len(pattern) < 40 and set(pattern) <= set(SIGNS + "*?[/")


# The definition.


def _takes(given: Chosen) -> bool:
    names = [*given.path.split("/")]
    glob = "/".join(part for part in given.glob.split("/") if part)
    wanted = [pattern + "**" if pattern.endswith("/") else pattern for pattern in given.include]
    asked = [part for pattern in (*wanted, glob if _has_magic(glob) else "") for part in pattern.split("/")]
    if names[-1].startswith(".") and not any(
        part.startswith(".") and part != "." and _name(tuple(_atoms(part)), names[-1]) for part in asked
    ):
        return False
    if any(_matches(_folder(pattern), names) for pattern in given.exclude):
        return False
    if _has_magic(glob) and not _matches("/" + _from_magic(glob), names):
        return False
    return not wanted or any(_matches(pattern, names) for pattern in wanted)


def _has_magic(glob: str) -> bool:
    return any(sign in glob for sign in "*?[")


def _from_magic(glob: str) -> str:
    parts = glob.split("/")
    return "/".join(parts[next(n for n, part in enumerate(parts) if _has_magic(part)) :])


def _folder(pattern: str) -> str:
    """Return a pattern of ``exclude`` as one that matches the folder itself."""
    if pattern.endswith("/**") and pattern != "/**":
        return "/" + pattern[:-3].lstrip("/")
    return pattern.rstrip("/") or pattern


def _matches(pattern: str, names: Sequence[str]) -> bool:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    return _path(tuple(parts if "/" in pattern else ["**", *parts]), tuple(names))


@lru_cache(maxsize=100_000)
def _path(parts: tuple[str, ...], names: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        if len(parts) == 1:
            return bool(names)
        return any(_path(parts[1:], names[skipped:]) for skipped in range(len(names) + 1))
    return bool(names) and _name(tuple(_atoms(parts[0])), names[0]) and _path(parts[1:], names[1:])


@lru_cache(maxsize=100_000)
def _name(wanted: tuple[str, ...], name: str) -> bool:
    if not wanted:
        return not name
    if wanted[0] == "*":
        return any(_name(wanted[1:], name[skipped:]) for skipped in range(len(name) + 1))
    return bool(name) and _holds(wanted[0], name[0]) and _name(wanted[1:], name[1:])


def _atoms(part: str) -> list[str]:
    """Cut ``a[b-c]*`` into ``a``, ``[b-c]``, ``*``; a bracket that closes at once is the set's first member."""
    found: list[str] = []
    while part:
        end = 1
        if part[0] == "[":
            end = part.find("]", 2 + (part[1:2] in ("!", "^"))) + 1 or 1
        found.append(part[:end])
        part = part[end:]
    return found


def _holds(atom: str, sign: str) -> bool:
    if len(atom) == 1:
        return atom in ("?", sign)
    members = atom[1:-1]
    negated = members[0] in "!^" and len(members) > 1
    members = members[1:] if negated else members
    inside = False
    while members:
        if len(members) > 2 and members[1] == "-":
            inside, members = inside or members[0] <= sign <= members[2], members[3:]
        else:
            inside, members = inside or members[0] == sign, members[1:]
    return inside is not negated


TARGET = Target("patterns", INPUTS, opened, few=300, round=1000, seconds=2)
