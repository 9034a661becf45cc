"""What the reference pages say, against the code: settings, options, error codes, and the commands that CI takes."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener.cli import app
from listener.database.parameters import OBEYED, OLD_NAMES, REPLACED, UNUSED
from listener.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MOST_LINES = 300
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *DOCS.glob("*.md")] if path.name != "CHANGELOG.md")
MAKERS = ("Error", "Problem", "TextsRefused", "LostOwnership")  # ends of the names of classes that have a code
CELL = re.compile(r"(?<!\\)\|")


def package_folder() -> Path:
    """Return the folder of the package under test: the installed wheel's in CI."""
    spec = importlib.util.find_spec("listener")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


PACKAGE = package_folder()
SQL = next(folder for folder in (PACKAGE / "sql", PACKAGE.parent / "sql") if folder.is_dir())
MODULES = sorted(PACKAGE.rglob("*.py"))
SQL_TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(SQL.rglob("*.sql")))


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of tables whose first cell is code."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().replace("\\|", "|") for cell in CELL.split(line)[1:-1]] for line in lines]


def section(text: str, heading: str) -> str:
    """Return what stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


# settings, options


def test_the_settings_page_says_what_becomes_of_each_parameter_of_a_url() -> None:
    listed = section(page("settings.md"), "The URL of the database")
    lines = [line.rsplit("|", 2)[1] for line in listed.splitlines() if line.startswith("| ")]
    named = {word for line in lines for word in re.findall(r"`(\w+)(?:=\w+)?`", line)}
    assert named == OBEYED | set(UNUSED) | REPLACED | set(OLD_NAMES)


def test_the_settings_page_lists_each_setting_with_its_default_and_meaning() -> None:
    expected = []
    for name, field in Settings.model_fields.items():
        variable = field.alias or f"INGEST_{name.upper()}"
        expected.append([f"`{variable}`", _default(field.default), field.description])
    assert rows(page("settings.md")) == expected


def _default(value: Any) -> str:
    return "" if value in (None, ()) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


async def test_the_options_page_lists_each_option_with_its_type_and_meaning(installed: str) -> None:
    connection = await asyncpg.connect(installed)
    try:
        options = await connection.fetch("select key, type, description from ingest_options()")
    finally:
        await connection.close()
    expected = [[f"`{option['key']}`", option["type"], option["description"]] for option in options]
    assert rows(page("options.md").partition("\n## ")[0]) == expected


def test_the_sql_page_lists_each_setting_of_a_collection() -> None:
    known = re.search(r"where key not in \((.*?)\)", SQL_TEXT, re.DOTALL)
    assert known
    listed = [row[0].strip("`") for row in rows(section(page("sql.md"), "Collections"))]
    assert sorted(listed) == sorted(re.findall(r"'(\w+)'", known[1]))


def test_the_sql_page_lists_each_column_that_an_application_sets() -> None:
    hint = re.search(r"Set only (.*?)\.'", re.sub(r"'\s+'", "", SQL_TEXT))
    assert hint
    listed = [row[0].strip("`") for row in rows(section(page("sql.md"), "Requests"))]
    assert sorted(listed) == sorted(re.findall(r"\w+", hint[1].replace(" and ", ", ")))


# error codes


def catalogue() -> str:
    """Return the page of errors, and what other pages say of those that only they are about."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))]
    more = [section(text, "What can go wrong") for text in texts if "\n## What can go wrong\n" in text]
    return "\n".join([page("errors.md"), *more])


def test_each_sqlstate_of_ours_is_in_the_catalogue_with_its_code() -> None:
    raised = set(re.findall(r"errcode = '(IG\d+)',\s+constraint = '(\w+)'", SQL_TEXT))
    listed = {(row[1].strip("`"), row[0].strip("`")) for row in rows(catalogue()) if row[1].startswith("`IG")}
    assert listed == raised


def test_each_error_code_is_in_the_catalogue_and_nothing_else_is() -> None:
    text = page("errors.md")
    checks = {row[0].strip("`") for row in rows(section(text, "Checks"))}
    listed = [row[0].strip("`") for row in rows(catalogue())]
    assert sorted(code for code in listed if listed.count(code) > 1) == []
    assert set(listed) - checks == codes_of_sql() | set().union(*map(codes_of_module, MODULES))


def test_each_check_in_the_catalogue_is_a_constraint() -> None:
    checks = {row[0].strip("`") for row in rows(section(page("errors.md"), "Checks"))}
    assert checks <= set(re.findall(r"constraint (\w+) check", SQL_TEXT))
    of_requests = re.search(r"create table ingest\.ingest_requests \((.*?)\n\);", SQL_TEXT, re.DOTALL)
    assert of_requests
    assert set(re.findall(r"constraint (\w+_is_an_object) check", of_requests[1])) <= checks


def codes_of_sql() -> set[str]:
    codes = set(re.findall(r"errcode = 'IG\d+',\s+constraint = '(\w+)'", SQL_TEXT))
    return codes | set(re.findall(r"'code', '(\w+)'", SQL_TEXT))


def codes_of_module(path: Path) -> set[str]:
    """Return the codes of the errors that a module makes: those that are written there, and those put together."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    codes: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _name(node.func).endswith(MAKERS):
            codes |= set(_codes(node.args[0], tree))
        elif isinstance(node, ast.Dict):
            codes |= {value for key, value in _constants(node) if key == "code" and isinstance(value, str)} - {"code"}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and _name(node.targets[0]) == "ERRORS":
            codes |= {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    return codes


def _constants(table: ast.Dict) -> Iterator[tuple[Any, Any]]:
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
            yield key.value, value.value


def _codes(argument: ast.expr, tree: ast.Module) -> Iterator[str]:
    """Yield the codes that an error's first argument can be; a variable's are found where it gets its value."""
    if isinstance(argument, ast.Constant):
        if re.fullmatch(r"[a-z][a-z0-9_]+", str(argument.value)):  # other exceptions have sentences there
            yield str(argument.value)
    elif isinstance(argument, ast.BoolOp):
        for value in argument.values:
            yield from _codes(value, tree)
    elif isinstance(argument, ast.JoinedStr):
        yield from _put_together(argument, tree)


def _put_together(template: ast.JoinedStr, tree: ast.Module) -> Iterator[str]:
    """Yield ``embedded_{what}_failed`` for each word that the function it stands in is called with."""
    if not all(
        isinstance(part, ast.FormattedValue) or re.fullmatch(r"[a-z_]+", _text(part)) for part in template.values
    ):
        return
    function = next(
        node for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(child is template for child in ast.walk(node))
    )  # fmt: skip
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call.func) == function.name and isinstance(call.args[0], ast.Constant):
            word = str(call.args[0].value)
            yield "".join(_text(part) if isinstance(part, ast.Constant) else word for part in template.values)


def _name(function: ast.AST) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _text(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else ""


# the pages themselves


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_stays_under_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MOST_LINES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_link_to_a_heading_leads_to_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text):
        if not target.startswith(("http:", "https:")):
            headings = (path.parent / target if target else path).read_text(encoding="utf-8")
            assert anchor in set(map(_anchor, re.findall(r"^#+ (.+)$", headings, re.MULTILINE))), anchor


def _anchor(heading: str) -> str:
    """Return what a heading is linked by, as common renderers have it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", ["quickstart", "test"])
def test_the_readme_and_the_development_page_have_the_same_commands(name: str) -> None:
    command = re.compile(rf"^<!-- command: {name} -->\n```sh\n(.+)\n```$", re.MULTILINE)
    found = [
        command.findall(text) for text in ((ROOT / "README.md").read_text(encoding="utf-8"), page("development.md"))
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_each_verb_of_the_command_is_on_the_operations_page() -> None:
    verbs = {command.name for command in app.registered_commands}
    assert verbs <= set(re.findall(r"`ingest ([\w-]+)", page("operations.md") + page("quickstart.md")))


def test_each_page_can_be_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS.glob("*.md") if f"docs/{path.name}" not in readme] == []
