"""Count what a regular expression does: a backtracking matcher over Python's own parse of it, which counts its steps.

It tries what ``re`` tries, in the same order, without its short cuts, so it never says less than ``re`` does by more
than a constant. ``hostile`` makes the strings: each that leads to a repetition of the pattern, then the same again and
again, then an end that does not match. What grows faster than the string is found by comparing two lengths.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from itertools import product
from typing import Any

from how_many import how_many

NEW = sys.version_info >= (3, 11)
c: Any = import_module("re._constants" if NEW else "sre_constants")
parser: Any = import_module("re._parser" if NEW else "sre_parse")

Then = Callable[[int], bool]
Node = Callable[[int, Then], bool]
Holds = Callable[[str], bool]

LONG_BOUND = 10  # a repetition that is bounded above this is cut to ``bound`` more than its least: see ``grows``
ODD = "☃"
SAMPLE = "".join(map(chr, [*range(9, 14), *range(32, 127)])) + "é。\u3000" + ODD
WORD = re.compile(r"\w")


class TooManySteps(Exception):
    """The pattern went on beyond what it was given."""


class Steps:
    """One pattern; ``of`` counts. ``bound`` is how often a long bounded repetition repeats at most."""

    def __init__(self, pattern: re.Pattern[Any], bound: int = 4) -> None:
        source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
        self.tree = parser.parse(source, pattern.flags & ~re.UNICODE)
        self.atoms: list[Holds] = []
        self.has_long_bounds = False
        self._bound = bound
        self._text = ""
        self._left = 0
        self._match = self._row(self.tree, pattern.flags)

    def of(self, text: str, *, searched: bool, most: int = 10**9) -> int:
        """Return the steps of finding all matches in ``text``, or of one at its beginning if it is not ``searched``."""
        self._text, self._left = text, most
        at = 0
        while at <= len(text):
            end = self._end(at) if searched else self._only(at)
            if not searched:
                break
            at = max(end, at + 1)
        return most - self._left

    def first(self, text: str) -> int | None:
        """Return where a match at the beginning of ``text`` ends, as ``re`` finds it; None without one."""
        self._text, self._left = text, 10**9
        ends: list[int] = []
        self._match(0, _kept_in(ends))
        return ends[0] if ends else None

    def _end(self, at: int) -> int:
        ends: list[int] = []
        self._step()
        self._match(at, _kept_in(ends))
        return ends[0] if ends else at

    def _only(self, at: int) -> int:
        """Go through all that ``fullmatch`` may try: no place is taken for the end but the last."""
        self._match(at, lambda end: end == len(self._text))
        return at

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TooManySteps

    def _row(self, tree: Any, flags: int) -> Node:
        nodes = [self._node(kind, value, flags) for kind, value in tree]

        def match(at: int, then: Then) -> bool:
            return nodes_from(0, at, then)

        def nodes_from(number: int, at: int, then: Then) -> bool:
            if number == len(nodes):
                return then(at)
            return nodes[number](at, lambda end: nodes_from(number + 1, end, then))

        return nodes[0] if len(nodes) == 1 else match

    def _node(self, kind: Any, value: Any, flags: int) -> Node:
        if (holds := _atom(kind, value, flags)) is not None:
            self.atoms.append(holds)
            return self._one(holds)
        if kind in (c.MAX_REPEAT, c.MIN_REPEAT):
            return self._repeat(value, flags, greedy=kind is c.MAX_REPEAT)
        if kind is c.SUBPATTERN:
            _, added, removed, tree = value
            return self._row(tree, (flags | added) & ~removed)
        if kind is c.BRANCH:
            ways = [self._row(tree, flags) for tree in value[1]]
            return lambda at, then: any(way(at, then) for way in ways)
        if kind is c.AT:
            return self._place(value, flags)
        if kind in (c.ASSERT, c.ASSERT_NOT):
            return self._look(value, flags, wanted=kind is c.ASSERT)
        raise NotImplementedError(kind)

    def _one(self, holds: Holds) -> Node:
        def match(at: int, then: Then) -> bool:
            self._step()
            return at < len(self._text) and holds(self._text[at]) and then(at + 1)

        return match

    def _repeat(self, value: Any, flags: int, greedy: bool) -> Node:
        least, most, tree = value
        if most is not c.MAXREPEAT and most > LONG_BOUND:
            self.has_long_bounds = True
            most = min(most, least + self._bound)
        most = sys.maxsize if most is c.MAXREPEAT else most
        if len(tree) == 1 and (holds := _atom(tree[0][0], tree[0][1], flags)) is not None:
            self.atoms.append(holds)
            return self._run(holds, least, most, greedy)
        body = self._row(tree, flags)

        def match(at: int, then: Then) -> bool:
            return again(at, 0, then)

        def again(at: int, count: int, then: Then) -> bool:
            self._step()

            def once_more() -> bool:
                return count < most and body(
                    at, lambda end: (end > at or count < least) and again(end, count + 1, then)
                )

            if greedy:
                return once_more() or (count >= least and then(at))
            return (count >= least and then(at)) or once_more()

        return match

    def _run(self, holds: Holds, least: int, most: int, greedy: bool) -> Node:
        """Repeat one character: a loop, as in ``re``."""

        def match(at: int, then: Then) -> bool:
            if not greedy:
                return lazily(at, then)
            end = at
            while end - at < most and end < len(self._text) and holds(self._text[end]):
                self._step()
                end += 1
            for place in range(end, at + least - 1, -1):
                self._step()
                if then(place):
                    return True
            return False

        def lazily(at: int, then: Then) -> bool:
            end = at
            while True:
                self._step()
                if end - at >= least and then(end):
                    return True
                if end - at >= most or end >= len(self._text) or not holds(self._text[end]):
                    return False
                end += 1

        return match

    def _place(self, kind: Any, flags: int) -> Node:
        def holds(at: int) -> bool:
            text = self._text
            if kind is c.AT_BEGINNING and flags & re.MULTILINE:
                return at == 0 or text[at - 1] == "\n"
            if kind in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
                return at == 0
            if kind is c.AT_END:
                return at == len(text) or (text[at] == "\n" and (at + 1 == len(text) or bool(flags & re.MULTILINE)))
            if kind is c.AT_END_STRING:
                return at == len(text)
            before, after = WORD.match(text, at - 1) if at else None, WORD.match(text, at)
            return (bool(before) != bool(after)) is (kind is c.AT_BOUNDARY)

        return lambda at, then: holds(at) and then(at)

    def _look(self, value: Any, flags: int, wanted: bool) -> Node:
        direction, tree = value
        body = self._row(tree, flags)
        width = tree.getwidth()[0] if direction < 0 else 0

        def match(at: int, then: Then) -> bool:
            self._step()
            found = at >= width and body(at - width, lambda _: True)
            return found is wanted and then(at)

        return match


def _kept_in(ends: list[int]) -> Then:
    def keep(end: int) -> bool:
        ends.append(end)
        return True

    return keep


def _atom(kind: Any, value: Any, flags: int) -> Holds | None:
    """Return what tells whether a node takes a character, None if it does not stand for one."""
    if kind is c.LITERAL:
        holds: Holds = lambda sign: sign == chr(value)  # noqa: E731 - four of them, a line each
    elif kind is c.NOT_LITERAL:
        holds = lambda sign: sign != chr(value)  # noqa: E731
    elif kind is c.ANY:
        return lambda sign: bool(flags & re.DOTALL) or sign != "\n"
    elif kind is c.IN:
        holds = lambda sign: _in(value, sign)  # noqa: E731
    else:
        return None
    known: dict[str, bool] = {}

    def remembered(sign: str) -> bool:
        if sign not in known:
            forms = {sign, sign.lower(), sign.upper()} if flags & re.IGNORECASE else {sign}
            known[sign] = any(map(holds, forms))
        return known[sign]

    return remembered


def _in(members: Any, sign: str) -> bool:
    negated = members[0][0] is c.NEGATE
    found = any(
        (kind is c.LITERAL and ord(sign) == value)
        or (kind is c.RANGE and value[0] <= ord(sign) <= value[1])
        or (kind is c.CATEGORY and _is_of(value, sign))
        for kind, value in members
    )
    return found is not negated


def _is_of(category: Any, sign: str) -> bool:
    kinds = {
        c.CATEGORY_SPACE: sign.isspace(),
        c.CATEGORY_DIGIT: sign.isdecimal(),
        c.CATEGORY_WORD: sign.isalnum() or sign == "_",
    }
    opposites = {
        c.CATEGORY_NOT_SPACE: c.CATEGORY_SPACE,
        c.CATEGORY_NOT_DIGIT: c.CATEGORY_DIGIT,
        c.CATEGORY_NOT_WORD: c.CATEGORY_WORD,
    }
    return kinds[category] if category in kinds else not kinds[opposites[category]]


def hostile(steps: Steps) -> Iterator[Callable[[int], str]]:
    """Yield strings of any length: what leads to a repetition, then the same again and again, then another end."""
    alphabet = _alphabet(steps)
    leads = list(dict.fromkeys(["", *_leads(steps.tree, alphabet), _shortest(steps.tree, alphabet)]))
    fixed = list(filter(None, dict.fromkeys(_fixed(steps.tree, alphabet))))
    several = [
        *product(leads, alphabet),
        *product(fixed, alphabet),
        *product(alphabet, fixed),
        *product(alphabet, alphabet),
    ]
    texts = [(lead, pump, end) for lead in leads for pump in alphabet for end in ("", ODD)]
    texts += [("", pump, end) for pump in (*leads[1:], *fixed) for end in ("", ODD)]
    texts += [(lead, pump, ODD) for lead in leads for pump in fixed]
    texts += [("", one + other, ODD) for one, other in several]
    # Patterns of dozens of alternatives would take minutes: of what goes beyond, some of each kind.
    for lead, pump, end in texts[:MOST_TEXTS] + texts[MOST_TEXTS :: len(texts) // MOST_TEXTS + 1]:
        yield partial(_text, lead, pump, end)


def _text(lead: str, pump: str, end: str, length: int) -> str:
    return lead + pump * -(-length // len(pump)) + end


def _alphabet(steps: Steps) -> list[str]:
    """Return a character of each kind: those between which no part of the pattern makes a difference are one kind."""
    kinds: dict[tuple[bool, ...], str] = {}
    for sign in "a \n1-" + SAMPLE:
        kinds.setdefault(tuple(holds(sign) for holds in steps.atoms), sign)
    return list(kinds.values())


def _leads(tree: Any, alphabet: Sequence[str], before: str = "") -> Iterator[str]:
    """Yield the shortest text that leads to each repetition of the pattern."""
    for kind, value in tree:
        if kind in (c.MAX_REPEAT, c.MIN_REPEAT):
            yield before
            yield from _leads(value[2], alphabet, before)
            if value[1] != 1:
                yield before + _shortest(value[2], alphabet)
        for inner in [value[3]] if kind is c.SUBPATTERN else value[1] if kind is c.BRANCH else ():
            yield from _leads(inner, alphabet, before)
        before += _shortest([(kind, value)], alphabet)
        if kind is c.AT and value is c.AT_BOUNDARY and before[-1:].isalnum():
            before += " "


def _fixed(tree: Any, alphabet: Sequence[str]) -> Iterator[str]:
    """Yield the shortest text of whatever stands between two repetitions, inside of them too."""
    since: list[Any] = []
    for kind, value in tree:
        if kind in (c.MAX_REPEAT, c.MIN_REPEAT) and value[1] != 1:
            yield _shortest(since, alphabet)
            since = []
        else:
            since.append((kind, value))
        inner = {c.MAX_REPEAT: 2, c.MIN_REPEAT: 2, c.SUBPATTERN: 3}.get(kind)
        for one in value[1] if kind is c.BRANCH else () if inner is None else [value[inner]]:
            yield from _fixed(one, alphabet)
    yield _shortest(since, alphabet)


def _shortest(tree: Any, alphabet: Sequence[str]) -> str:
    text = ""
    for kind, value in tree:
        if (holds := _atom(kind, value, re.IGNORECASE)) is not None:
            text += next(filter(holds, [*alphabet, *SAMPLE]), "")
        elif kind in (c.MAX_REPEAT, c.MIN_REPEAT):
            text += _shortest(value[2], alphabet) * min(value[0], 3)
        elif kind is c.SUBPATTERN:
            text += _shortest(value[3], alphabet)
        elif kind is c.BRANCH:
            text += _shortest(value[1][0], alphabet)
    return text


MOST_TEXTS = max(how_many(400), 200)  # with 80, one of the patterns that are known to grow was not found; with 120, all
SHORT, LONG = 40, 160
FEW = 8  # steps a character that need no second look


def grows(pattern: re.Pattern[Any], *, searched: bool) -> str | None:
    """Return a text over which a pattern does more than a constant number of steps a character; None if there is none.

    Where it repeats something up to a large number, that number may be a factor of the steps, but not its square.
    """
    steps, longer = Steps(pattern, bound=4), Steps(pattern, bound=32)
    for text in hostile(steps):
        try:
            few = steps.of(text(SHORT), searched=searched, most=SHORT * SHORT)
            if few <= FEW * SHORT:
                continue
            many = steps.of(text(LONG), searched=searched, most=few * 7)  # four times as long
            if steps.has_long_bounds:
                longer.of(text(LONG), searched=searched, most=many * 9)  # eight times the bound, once
        except TooManySteps:
            return text(SHORT)
    return None
