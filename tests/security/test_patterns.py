"""Whoever inserts a request chooses texts, names and patterns: whatever meets these takes steps in proportion."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from line_steps import TooManyLines, lines_of
from regex_steps import Steps, grows, hostile

import listener
from listener.chunking.splitting import CODE
from listener.errors import RequestError
from listener.sources.matching import compile_name, compile_path
from listener.sources.options import RequestOptions
from listener.sources.patterns import LONGEST_PATTERN, MOST_PATTERNS, choose

PACKAGE = Path(listener.__file__).parent
SEARCHES = frozenset({"search", "sub", "subn", "findall", "finditer", "split"})
# Made when they are needed, of something that is no pattern of a stranger's:
MADE_LATER = {
    "logs/masking.py": "a secret of our own environment, escaped",
    "database/sql_files.py": "our own SQL",
    "database/removal.py": "our own SQL",
    "database/schemas.py": "pgvector's version",
}


@pytest.fixture(autouse=True)
def _deep() -> Iterator[None]:
    """The counting matcher calls itself for each character that a group repeats."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(before)


@cache
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(PACKAGE)): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}


def imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:  # of an extra that is not installed
        if str(error.name).startswith("listener"):
            raise
        return None


def patterns() -> dict[str, re.Pattern[Any]]:
    """Return every pattern that a module of the package holds, each once, by where it stands."""
    found: dict[tuple[object, int], tuple[str, re.Pattern[Any]]] = {}
    names = [one.name for one in pkgutil.walk_packages(listener.__path__, "listener.") if "__main__" not in one.name]
    for module in filter(None, map(imported, names)):
        for name, value in list(vars(module).items()):
            for number, one in enumerate(inside(value)) if not name.startswith("__") else ():
                found.setdefault((one.pattern, one.flags), (f"{module.__name__}.{name}.{number}", one))
    return dict(found.values())


def inside(value: object, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict | tuple | list | set | frozenset) and depth < 4:
        for one in value.values() if isinstance(value, dict) else value:
            yield from inside(one, depth + 1)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from inside(getattr(value, field.name), depth + 1)


@cache
def searched_names() -> frozenset[str]:
    """Return the names of what a search is made with anywhere; all others only match where they are told to."""
    return frozenset(
        name_of(node.value)
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SEARCHES
    )


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


PATTERNS = patterns()


@pytest.mark.examples
@pytest.mark.parametrize("place", PATTERNS)
def test_a_pattern_takes_steps_in_proportion_to_the_text(place: str) -> None:
    *_, name, number = place.split(".")
    is_one_of_several = number != "0" or not isinstance(getattr(_module(place), name), re.Pattern)
    text = grows(PATTERNS[place], searched=is_one_of_several or name in searched_names())
    assert text is None, f"{PATTERNS[place].pattern!r} takes too many steps over texts like {text!r}"


def _module(place: str) -> Any:
    return importlib.import_module(place.rsplit(".", 2)[0])


def test_all_patterns_are_found() -> None:
    """Those of constants, of tables, and inside of other values."""
    places = {place.rsplit(".", 1)[0] for place in PATTERNS}
    assert len(PATTERNS) > 80
    assert {"listener.documents.tidying.NOISE", "listener.logs.masking._LEAKS"} <= places
    assert "listener.sources.records.overlong.PLAIN_ENDS" in places
    assert len(list(inside(CODE))) == 8


def test_a_pattern_is_made_where_it_is_found() -> None:
    """At the top of a module, as a constant; a function that made one of its own would not be looked at."""
    found = set()
    for path in set(trees()) - set(MADE_LATER):
        nodes = list(ast.walk(trees()[path]))
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        calls = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
        made = [call for call in calls if isinstance(call.func, ast.Attribute) and _is_re(call.func.value)]
        imported = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "re"]
        found |= {f"{path}:{line}" for line in [*(node.lineno for node in made), *(node.lineno for node in imported)]}
    assert sorted(found) == []


def _is_re(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("re", "fnmatch")


def test_what_is_made_of_a_secret_is_made_of_nothing_else() -> None:
    functions = [node for node in ast.walk(trees()["logs/masking.py"]) if isinstance(node, ast.FunctionDef)]
    calls = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Attribute) and _is_re(call.func.value)]
    assert made != []
    assert [call.lineno for call in made if isinstance(call.args[0], ast.Constant | ast.JoinedStr)] == []


@pytest.mark.parametrize("path", sorted(MADE_LATER))
def test_the_exceptions_are_still_needed(path: str) -> None:
    if path in trees():
        assert any(isinstance(node, ast.Name) and node.id == "re" for node in ast.walk(trees()[path]))


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [
        (r"(a+)+b", False),
        (r"(a|a)*b", False),
        (r"(\w|\d\d?)+;", False),
        (r"\s*x", True),
        (r"\s*x|y", True),
        (r"x\s*y?\s*z", False),
        (r"<a[^>]*b", True),
        (r"\S*\*{3,}\S*", True),
        (r"(<v>)\s*([^<]*?)\s*(</v>)", True),
        (r"^title\s*:\s*[\"']?(.+?)[\"']?\s*$", False),
        (r"^ {0,3}# +(.+?)(?: +#+)? *$", False),
        (r"(?i)authorization\s*[=:]\s*['\"]?(?:basic|bearer)?\s*\w", True),
        (r"\[([^]]*)\]\([\w.]+\.html?[^()]*\)", True),
        (r"[a-z]{0,500}[a-z0-9]{0,500};", True),
        (r"(?s).*a.*b.*c", True),
        (r"(?:[^/]*/)*[^/]*!", True),
    ],
)
def test_what_grows_is_found(pattern: str, searched: bool) -> None:
    """This is a test of the test above."""
    assert grows(re.compile(pattern), searched=searched) is not None


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [
        (r"\s*x", False),
        (r"\s+(?=x)|x", False),
        (r"a*b", False),
        (r"<[^<>]*>", True),
        (r"a{0,500}b", True),
        (r"\n\s?x", True),
    ],
)
def test_what_does_not_grow_passes(pattern: str, searched: bool) -> None:
    assert grows(re.compile(pattern), searched=searched) is None


@pytest.mark.parametrize("place", PATTERNS)
def test_the_counting_matcher_matches_what_python_does(place: str) -> None:
    """Else its steps would say nothing."""
    pattern, steps = PATTERNS[place], Steps(PATTERNS[place], bound=10**6)
    texts = [text(6) for number, text in enumerate(hostile(steps)) if number < 300]
    assert texts
    for text in texts:
        given = text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")
        found = pattern.match(given)
        assert steps.first(given if isinstance(given, str) else given.decode("latin-1")) == (
            found.end() if found else None
        )


# The patterns of requests are no regular expressions: they are matched piece by piece.

ATTACK = "?*?*?*?*?*?*?*?*!"


def test_a_pattern_that_tried_all_places_for_its_stars_is_done_at_once() -> None:
    """Of the review: a regular expression took 2^35 steps, holding the interpreter."""
    matches = compile_path(ATTACK)
    assert lines_of(lambda: matches("a" * 35)) < 200
    assert lines_of(lambda: matches("a" * 4000)) < 200
    assert matches("a" * 34 + "!")


@pytest.mark.parametrize("repeated", ["?*", "*a", "a*", "*?a", "[ab]*", "*[!b]", "*[a-z]?", "*a?", "**a", "*aa[ab]"])
@pytest.mark.parametrize("end", ["!", "[!a]", "?!", ""])
def test_a_name_takes_its_length_times_the_pattern_s_at_most(repeated: str, end: str) -> None:
    def lines(times: int, length: int) -> int:
        matches = compile_name("b*" + repeated * times + end)
        name = "b" + "a" * length
        return lines_of(lambda: matches(name), most=50 * (times * len(repeated) + 10) * (length + 10))

    assert lines(40, 400) <= 3 * lines(40, 200) + 100
    assert lines(80, 200) <= 3 * lines(40, 200) + 100


@pytest.mark.parametrize("repeated", ["**/a", "**/*a", "a/**", "**/?*/a", "**/*/*a*", "**/[ab]/*"])
@pytest.mark.parametrize("end", ["/!", "/**/!", "/a/**"])
def test_a_path_takes_its_length_times_the_pattern_s_at_most(repeated: str, end: str) -> None:
    def lines(times: int, folders: int) -> int:
        matches = compile_path("/".join([repeated] * times) + end)
        path = "/".join(["aa"] * folders)
        return lines_of(lambda: matches(path), most=100 * (times * len(repeated) + 10) * (folders + 10))

    assert lines(20, 200) <= 3 * lines(20, 100) + 100
    assert lines(40, 100) <= 3 * lines(20, 100) + 100


def test_a_count_that_grows_is_noticed() -> None:
    with pytest.raises(TooManyLines):
        lines_of(lambda: [choose("/x", RequestOptions(include=(ATTACK,))) for _ in range(100)], most=1000)


@pytest.mark.parametrize(
    "options",
    [
        RequestOptions(include=("a",) * (MOST_PATTERNS + 1)),
        RequestOptions(include=("a",) * MOST_PATTERNS, exclude=("b",)),
        RequestOptions(exclude=("*" * (LONGEST_PATTERN + 1),)),
        RequestOptions(include=("[" + "a" * LONGEST_PATTERN + "]",)),
    ],
)
def test_more_or_longer_patterns_than_anybody_needs_are_refused(options: RequestOptions) -> None:
    with pytest.raises(RequestError) as caught:
        choose("/srv", options)
    assert (caught.value.code, bool(caught.value.hint)) == ("invalid_option", True)
    assert len(caught.value.message) < 300


def test_as_many_and_as_long_patterns_as_are_allowed_are_taken() -> None:
    options = RequestOptions(include=("a" * LONGEST_PATTERN,) * (MOST_PATTERNS - 1), exclude=("b",))
    assert choose("/srv", options)[1].takes("c/" + "a" * LONGEST_PATTERN)


def test_a_glob_has_the_length_of_other_patterns_at_most() -> None:
    with pytest.raises(RequestError, match="too long"):
        choose("/srv/" + "*" * (LONGEST_PATTERN + 1), RequestOptions())
