"""Match paths with patterns in linear time: submitters choose the patterns, and share the listener.

::

    guides/**/a*b?.md    parts, between slashes:    guides  **  a*b?.md
    a*b?.md              pieces, between stars:     a  b?.md

Both levels work the same way: the part before the first star is compared with the beginning, the part after the
last one against the end, and each piece in between is looked for from left to right and taken where it is found first.
No earlier choice is ever looked at again, so a path costs its length times the pattern's at most. (A regular
expression tries all combinations of places instead.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Matches = Callable[[str], bool]

ANY_FOLDERS = "**"


class NoPattern(ValueError):
    """A set that can't be one; the message says why."""


def compile_path(pattern: str) -> Matches:
    """Return what tells whether a path below the folder matches; raises NoPattern.

    A pattern with a slash matches the whole path, one without a name at any depth.
    """
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if "/" not in pattern:
        if len(parts) == 1 and parts[0] != ANY_FOLDERS:
            return _OfLastName(compile_name(parts[0])).matches
        parts = [ANY_FOLDERS, *parts]
    return _path(parts)


def compile_name(part: str) -> Matches:
    """Return a function that tells whether a name matches ``part``; an unclosed ``[`` is literal. Raises NoPattern."""
    pieces = _pieces(part)
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return first.text.__eq__ if first.text is not None else first.is_all
    if len(pieces) == 2 and first.text == "" and last.text is not None:  # *.md, and * with its empty piece
        return _Ending(last.text).matches
    return _Name(first, tuple(pieces[1:-1]), last).matches


@dataclass(frozen=True, slots=True)
class _OfLastName:
    name: Matches

    def matches(self, path: str) -> bool:
        return self.name(path[path.rfind("/") + 1 :])


@dataclass(frozen=True, slots=True)
class _Ending:
    text: str

    def matches(self, name: str) -> bool:
        return name.endswith(self.text)


@dataclass(frozen=True, slots=True)
class _Set:
    """One character of some ranges, or one that is in none of them; ``?`` is one that is not in no range."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def holds(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) is not self.negated


ANY = _Set((), negated=True)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The part between two stars: ``text`` if it is literal, otherwise its characters and sets."""

    text: str | None
    atoms: tuple[str | _Set, ...]

    def is_all(self, name: str) -> bool:
        return len(name) == len(self.atoms) and self.is_at(name, 0)

    def is_at(self, name: str, at: int) -> bool:
        """Tell whether the piece matches at a place; the name is long enough for it."""
        if self.text is not None:
            return name.startswith(self.text, at)
        return all(
            name[at + number] == atom if type(atom) is str else atom.holds(name[at + number])  # type: ignore[union-attr]
            for number, atom in enumerate(self.atoms)
        )

    def find(self, name: str, at: int, end: int) -> int:
        """Return where the piece first matches between two places, -1 if nowhere."""
        if self.text is not None:
            return name.find(self.text, at, end)
        places = range(at, end - len(self.atoms) + 1)
        return next((place for place in places if self.is_at(name, place)), -1)


@dataclass(frozen=True, slots=True)
class _Name:
    first: _Piece
    between: tuple[_Piece, ...]
    last: _Piece

    def matches(self, name: str) -> bool:
        at, end = len(self.first.atoms), len(name) - len(self.last.atoms)
        if at > end or not self.first.is_at(name, 0) or not self.last.is_at(name, end):
            return False
        for piece in self.between:
            found = piece.find(name, at, end)
            if found < 0:
                return False
            at = found + len(piece.atoms)
        return True


@dataclass(frozen=True, slots=True)
class _Path:
    """Rows of names with any number of folders in between; ``below`` if something must follow the last."""

    first: tuple[Matches, ...]
    between: tuple[tuple[Matches, ...], ...]
    last: tuple[Matches, ...]
    below: bool

    def matches(self, path: str) -> bool:
        names = path.split("/")
        at, end = len(self.first), len(names) - len(self.last) - self.below
        if at > end or not _are_at(self.first, names, 0) or not _are_at(self.last, names, len(names) - len(self.last)):
            return False
        for row in self.between:
            places = range(at, end - len(row) + 1)
            found = next((place for place in places if _are_at(row, names, place)), -1)
            if found < 0:
                return False
            at = found + len(row)
        return True


@dataclass(frozen=True, slots=True)
class _Exactly:
    row: tuple[Matches, ...]

    def matches(self, path: str) -> bool:
        names = path.split("/")
        return len(names) == len(self.row) and _are_at(self.row, names, 0)


def _are_at(row: Sequence[Matches], names: Sequence[str], at: int) -> bool:
    return all(matches(names[at + number]) for number, matches in enumerate(row))


def _path(parts: Sequence[str]) -> Matches:
    rows: list[list[Matches]] = [[]]
    for part in parts:
        if part == ANY_FOLDERS:
            rows.append([])
        else:
            rows[-1].append(compile_name(part))
    first, *others = map(tuple, rows)
    if not others:
        return _Exactly(first).matches
    *between, last = others
    return _Path(first, tuple(filter(None, between)), last, below=parts[-1] == ANY_FOLDERS).matches


def _pieces(part: str) -> list[_Piece]:
    pieces: list[list[str | _Set]] = [[]]
    at = 0
    while at < len(part):
        sign = part[at]
        at += 1
        if sign == "*":
            if pieces[-1] or len(pieces) == 1:  # a run of stars means the same as one
                pieces.append([])
        elif sign == "?":
            pieces[-1].append(ANY)
        elif sign == "[" and (closing := _closing(part, at)):
            pieces[-1].append(_set(part[at:closing]))
            at = closing + 1
        else:
            pieces[-1].append(sign)
    return [_piece(atoms) for atoms in pieces]


def _piece(atoms: Sequence[str | _Set]) -> _Piece:
    signs = [atom for atom in atoms if isinstance(atom, str)]
    return _Piece("".join(signs) if len(signs) == len(atoms) else None, tuple(atoms))


def _closing(part: str, at: int) -> int:
    """Return where the set ends whose members begin at ``at``, 0 if it is not a set: ``]`` can be its first member."""
    at += part[at : at + 1] in ("!", "^")
    return max(part.find("]", at + 1), 0)


def _set(said: str) -> _Set:
    """Return the set ``a-z_`` or, negated, ``!a-z_``."""
    negated = said[0] in "!^" and len(said) > 1
    members = said[negated:]
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(members):
        low = high = members[at]
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            high = members[at + 2]
            at += 2
        if low > high:
            raise NoPattern(f"bad character range {low}-{high}")
        ranges.append((low, high))
        at += 1
    return _Set(tuple(ranges), negated)
