"""The ground rules of the repository that no linter knows."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:  # comes with pytest there
    import tomli as tomllib

import pytest

ROOT = Path(__file__).parent.parent
MOST_LINES = 300
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "handler", "misc"}
MADE = re.compile(r"^create (?:or replace )?(function|view|procedure|type) (?:ingest\.)?(\w+)", re.MULTILINE)
MADE_TABLE = re.compile(r"^create (?:table|sequence) ingest\.(\w+)", re.MULTILINE)
FOR_FORMER = re.compile(r" is\s+'For listeners of the former release: ")
MOST_DOORS = 17
EXTRAS = {"llama_index": "llama-index-core"}  # which may be missing, and where the package has another name
STEPS = ("discover", "load", "chunk", "embed", "save", "mirror", "plan")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def package_folder() -> Path:
    """Return the folder of the package under test: the installed wheel's in CI."""
    spec = importlib.util.find_spec("listener")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


PACKAGE = package_folder()
# Beside the checkout's package lies sql/, inside the wheel's.
SQL = next(folder for folder in (PACKAGE / "sql", PACKAGE.parent / "sql") if folder.is_dir())
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SQL_FILES = sorted(SQL.rglob("*.sql"))
OBJECTS = [file for file in SQL_FILES if MADE.search(file.read_text(encoding="utf-8")) and file.parent.name != "schema"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FORMER = [file for file in SQL_FILES if file.parent.name == "former"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent if path.is_relative_to(PACKAGE.parent) else ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# One test a rule, not one a file: 4,400 of those took as long as a hundred with a database.


def test_a_file_stays_under_300_lines() -> None:
    lines = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in [*MODULES, *SQL_FILES]}
    assert {path: count for path, count in lines.items() if count >= MOST_LINES} == {}


def test_a_file_is_not_named_by_an_empty_word() -> None:
    paths = [*MODULES, *TESTS, *SQL_FILES]
    assert [name(path) for path in paths if EMPTY_WORDS & set(path.stem.split("_"))] == []


def test_no_two_modules_have_one_name() -> None:
    """A package goes by its folder's name."""
    places = [path.parent if path.stem == "__init__" else path for path in MODULES if path.stem != "__main__"]
    assert twice((path.stem, name(path)) for path in places) == {}


def test_no_two_classes_have_one_name() -> None:
    classes = [
        (node.name, name(path)) for path in MODULES for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)
    ]
    assert twice(classes) == {}


def twice(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names that stand for more than one thing, with the places of these."""
    places = defaultdict(list)
    for one, place in named:
        places[one].append(place)
    return {one: found for one, found in places.items() if len(found) > 1}


def test_the_hall_has_few_doors() -> None:
    doors = [path.stem for path in PACKAGE.glob("*.py") if path.stem not in ("__init__", "__main__")]
    doors += [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    assert len(doors) <= MOST_DOORS, sorted(doors)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_one_file_of_the_pipeline_and_one_folder_of_its_sql(step: str) -> None:
    assert (PACKAGE / "pipeline" / f"{step}.py").is_file()
    assert list((SQL / "pipeline" / step).glob("ingest_*.sql")) != []


def test_the_pipeline_s_sql_has_a_folder_for_each_step_and_one_for_what_they_share() -> None:
    assert {path.name for path in (SQL / "pipeline").iterdir()} == {"batch", *STEPS}


STEP_MODULES = [path for path in MODULES if path.parent in (PACKAGE / "pipeline", PACKAGE / "engine")]


def test_rows_become_values_in_gateways_and_nowhere_else() -> None:
    lines = {
        f"{name(path)}:{node.lineno}"
        for path in STEP_MODULES
        if not path.stem.endswith("gateway")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == "row"
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }
    assert sorted(lines) == []


def test_an_sql_file_makes_one_object_is_named_after_it_and_comments_on_it() -> None:
    assert len(OBJECTS) > 100
    for path in OBJECTS:
        text = path.read_text(encoding="utf-8").lower()
        made = [found for _, found in MADE.findall(text)]
        commented = re.findall(r"^comment on (?:function|view|procedure|type) ingest\.(\w+)", text, re.MULTILINE)
        assert len(made) == 1, name(path)
        assert commented == made, name(path)
        assert path.stem.startswith(made[0]), name(path)  # an overload adds a word: ingest_search, ingest_search_vector


def test_a_migration_comments_on_each_table_and_sequence_that_it_makes() -> None:
    texts = [path.read_text(encoding="utf-8").lower() for path in SQL_FILES if path.parent.name == "schema"]
    made = {found for text in texts for found in MADE_TABLE.findall(text)}
    commented = {
        found
        for text in texts
        for found in re.findall(r"^comment on (?:table|sequence) ingest\.(\w+)", text, re.MULTILINE)
    }
    assert len(made) > 10
    assert made - commented == set()


def test_what_stays_for_the_former_release_says_so() -> None:
    for path in FORMER:
        text = path.read_text(encoding="utf-8")
        trigger = re.search(r"execute function ingest\.(\w+)\(\)", text)
        if trigger:
            assert path.with_name(f"{trigger[1]}.sql") in FORMER, name(path)
        else:
            assert FOR_FORMER.search(text), name(path)


def test_what_stays_for_the_former_release_is_used_by_nothing_else() -> None:
    kept = {path.stem for path in FORMER if not path.stem.endswith("_former")}  # an overload has the present one's name
    others = [*MODULES, *(file for file in SQL_FILES if file not in FORMER)]
    used = {name(file): kept & set(re.findall(r"\w+", file.read_text(encoding="utf-8"))) for file in others}
    assert {file: words for file, words in used.items() if words} == {}


def test_functions_that_are_named_former_lie_in_their_folder() -> None:
    assert [name(path) for path in SQL_FILES if path.stem.endswith("_former") and path not in FORMER] == []


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in SQL_FILES if path.parent.name == "schema"]
    assert numbers == list(range(len(numbers)))


def test_decisions_have_different_numbers() -> None:
    assert DECISIONS, "docs/decisions has no decision"
    counts = Counter(path.name[:4] for path in DECISIONS)
    assert [number for number, count in counts.items() if count > 1] == []


def test_a_decision_has_a_number_a_heading_and_under_60_lines() -> None:
    for path in DECISIONS:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
        assert lines[0].startswith("# "), path.name
        assert len(lines) < 60, path.name


def test_links_between_pages_lead_somewhere() -> None:
    links = [(path, link) for path in PAGES for link in LINK.findall(path.read_text(encoding="utf-8"))]
    assert len(links) > 100
    assert [f"{name(path)}: {link}" for path, link in links if not _target(path, link).exists()] == []


def _target(page: Path, link: str) -> Path:
    """Return what a link points at; listener/ and sql/ are looked up where the package under test has them."""
    target = (page.parent / link).resolve()
    first, *rest = target.relative_to(ROOT).parts or ("",)
    moved = {"listener": PACKAGE, "sql": SQL}
    return moved[first].joinpath(*rest) if first in moved else target


def test_each_dependency_has_its_reason_in_decision_0001() -> None:
    rows = (ROOT / "docs" / "decisions" / "0001-dependencies.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`[^|]+`) \|", rows, re.MULTILINE)  # a row may have several that come together
    explained = {name for cell in first_cells for name in re.findall(r"`([a-z0-9-]+)`", cell)}
    extras = [
        item
        for extra, items in PROJECT["optional-dependencies"].items()
        if extra not in {"bench", "dev"}
        for item in items
    ]
    assert explained == declared(PROJECT["dependencies"]) | declared(extras)


def test_a_module_imports_only_what_the_project_depends_on() -> None:
    extras = [item for items in PROJECT["optional-dependencies"].values() for item in items]
    allowed = declared(PROJECT["dependencies"]) | declared(extras)
    undeclared = [
        f"{name(path)}: {module}"
        for path in MODULES
        for module in imported_packages(path)
        if not allowed & {normal(distribution) for distribution in owners().get(module, [EXTRAS.get(module, module)])}
    ]
    assert undeclared == []


@cache
def owners() -> Mapping[str, list[str]]:
    """Return which distributions bring which package; every installed one is read for it."""
    return packages_distributions()


def declared(requirements: list[str]) -> set[str]:
    """Return the distributions' names: ``psycopg[binary]>=3.2`` is ``psycopg``."""
    return {normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def imported_packages(path: Path) -> set[str]:
    """Return the top-level packages that a module imports, without the standard library and ourselves."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    since_3_14 = {"compression"}  # of the standard library
    return found - set(sys.stdlib_module_names) - since_3_14 - {"listener"}


LITERAL = re.compile(r"--[^\n]*|(?P<sign>\b[A-Za-z]&?)?'(?P<text>(?:[^']|'')*)'")


def test_literals_mean_the_same_whatever_standard_conforming_strings_says() -> None:
    """Bodies of functions are read under the setting of whoever calls them."""
    for file in OBJECTS:
        for literal in LITERAL.finditer(file.read_text(encoding="utf-8")):
            if "\\" in (literal["text"] or ""):
                assert (literal["sign"] or "").upper() == "E", f"{name(file)}: {literal[0]}"
