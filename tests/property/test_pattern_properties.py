"""Patterns of files match what a plain definition says, which tries everything and is good for short ones only."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from listener.sources.matching import NoPattern, compile_name, compile_path

NAMES = st.text("abc-!]", min_size=1, max_size=6)
PARTS = st.lists(
    st.sampled_from(["*", "?", "a", "b", "c", "[ab]", "[!a]", "[^a-b]", "[]a]", "[!]]", "]", "-", "**"]),
    max_size=6,
).map("".join)


@given(PARTS, NAMES)
def test_a_name_matches_as_defined(part: str, name: str) -> None:
    assert compile_name(part)(name) is matches_name(atoms(part), name)


@given(st.lists(st.one_of(st.just("**"), PARTS), min_size=1, max_size=5), st.lists(NAMES, min_size=1, max_size=5))
def test_a_path_matches_as_defined(parts: list[str], names: list[str]) -> None:
    pattern = "/" + "/".join(parts)
    wanted = [part for part in parts if part]
    assert compile_path(pattern)("/".join(names)) is matches_path(wanted, names)


@given(st.text("*?[]!^-ab/.", max_size=12), st.lists(NAMES, min_size=1, max_size=3))
def test_any_text_is_a_pattern_or_is_refused(pattern: str, names: list[str]) -> None:
    try:
        matches = compile_path(pattern)
    except NoPattern:
        assert "[" in pattern
    else:
        assert matches("/".join(names)) in (True, False)


def matches_path(parts: Sequence[str], names: Sequence[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        if len(parts) == 1:
            return bool(names)
        return any(matches_path(parts[1:], names[skipped:]) for skipped in range(len(names) + 1))
    return bool(names) and matches_name(atoms(parts[0]), names[0]) and matches_path(parts[1:], names[1:])


def matches_name(wanted: Sequence[str], name: str) -> bool:
    if not wanted:
        return not name
    if wanted[0] == "*":
        return any(matches_name(wanted[1:], name[skipped:]) for skipped in range(len(name) + 1))
    return bool(name) and holds(wanted[0], name[0]) and matches_name(wanted[1:], name[1:])


def atoms(part: str) -> list[str]:
    """Cut ``a[b-c]*`` into ``a``, ``[b-c]``, ``*``; a bracket that closes at once is the set's first member."""
    found: list[str] = []
    while part:
        end = 1
        if part[0] == "[":
            negated = part[1:2] in ("!", "^")
            end = part.find("]", 2 + negated) + 1 or 1
        found.append(part[:end])
        part = part[end:]
    return found


def holds(atom: str, sign: str) -> bool:
    if len(atom) == 1:
        return atom in ("?", sign)
    members = atom[1:-1]
    negated = members[0] in "!^" and len(members) > 1
    members = members.removeprefix(members[0]) if negated else members
    if members == "a-b":
        return (sign in "ab") is not negated
    return (sign in members) is not negated
