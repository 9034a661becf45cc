"""Tables drawn with signs, and code in other markup than Markdown: what is cut keeps its header or its language."""

from __future__ import annotations

import time

import pytest

from listener.chunking.splitting import chunk
from listener.documents.drawn_tables import directed

ITEMS = range(15)
GRID = "+------+-------+\n| Name | Value |\n+======+=======+\n" + "".join(
    f"| it{n}  | val{n:2} |\n+------+-------+\n" for n in ITEMS
)
FRAMED = (
    "+----+------+\n| id | name |\n+----+------+\n" + "".join(f"| {n:2} | nm{n} |\n" for n in ITEMS) + "+----+------+\n"
)
BARE = "".join(f"+----+------+\n| {n:2} | nm{n} |\n" for n in ITEMS) + "+----+------+\n"
RULED = "=====  =====\nName   Value\n=====  =====\n" + "".join(f"item{n} value{n}\n" for n in ITEMS) + "=====  =====\n"
LISTED = ".. list-table:: Codes\n   :header-rows: 1\n\n   * - Name\n     - Value\n" + "".join(
    f"   * - it{n}\n     - v{n}\n" for n in ITEMS
)
VALUES = '.. csv-table::\n   :header: "Name", "Value"\n\n' + "".join(f'   "item {n}", "v{n}"\n' for n in ITEMS)
BARRED = "[cols=2]\n|===\n|Name |Value\n\n" + "".join(f"|item {n} |value {n}\n" for n in ITEMS) + "|===\n"
SAID = '[options="header"]\n|===\n|Name\n|Value\n\n' + "".join(f"|item {n}\n|value {n}\n" for n in ITEMS) + "|===\n"
ORG = "| Name | Value |\n|------+-------|\n" + "".join(f"| item {n} | value {n} |\n" for n in ITEMS)
PSQL = " id | name \n----+------\n" + "".join(f" {n:2} | name {n}\n" for n in ITEMS)
LINES = "".join(f"   print({n})  # a line\n" for n in ITEMS)


def leads(text: str, media_type: str, above: str = "\0") -> list[str]:
    """Return what each chunk but the first continues, but those that have it in them."""
    chunks = chunk(text, media_type, 150, 20)[1:]
    return [text[slice(*one.lead)] for one in chunks if above not in text[one.start : one.end]]


@pytest.mark.parametrize(
    ("text", "media_type", "lead"),
    [
        (GRID, "text/x-rst", "| Name | Value |\n+======+=======+"),
        (GRID, "text/markdown", "| Name | Value |\n+======+=======+"),
        (FRAMED, "text/markdown", "| id | name |\n+----+------+"),
        (FRAMED, "text/plain", "| id | name |\n+----+------+"),
        (RULED, "text/x-rst", "Name   Value\n=====  ====="),
        (LISTED, "text/x-rst", "* - Name\n     - Value"),
        (VALUES, "text/x-rst", ':header: "Name", "Value"'),
        (BARRED, "text/x-asciidoc", "|Name |Value"),
        (SAID, "text/x-asciidoc", "|Name\n|Value"),
        (ORG, "text/x-org", "| Name | Value |\n|------+-------|"),
        (PSQL, "text/plain", "id | name \n----+------"),
        (".. code-block:: python\n   :linenos:\n\n" + LINES, "text/x-rst", ".. code-block:: python"),
        ("[source,python]\n----\n" + LINES + "----\n", "text/x-asciidoc", "[source,python]"),
        ("#+BEGIN_SRC python\n" + LINES + "#+END_SRC\n", "text/x-org", "#+BEGIN_SRC python"),
    ],
)
def test_what_is_cut_continues_its_header_or_its_first_line(text: str, media_type: str, lead: str) -> None:
    assert set(leads(text, media_type, lead)) == {lead}


@pytest.mark.parametrize("kind", ["text/x-rst", "text/x-asciidoc", "text/x-org", "text/plain"])
def test_what_stands_behind_a_table_or_code_continues_nothing(kind: str) -> None:
    text = {"text/x-rst": RULED + "\n" + LISTED, "text/x-asciidoc": BARRED, "text/x-org": ORG, "text/plain": FRAMED}[
        kind
    ]
    behind = "\n\n" + "Words that stand behind it. " * 20
    assert leads(text + behind, kind)[-1] == ""


def test_rows_without_a_header_continue_nothing() -> None:
    assert set(leads(BARE, "text/x-rst")) == {""}
    assert set(leads(BARRED.replace("Value\n\n", "Value\n"), "text/x-asciidoc")) == {""}


def test_directives_in_directives_are_not_gone_through_again_and_again() -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        assert list(directed(text)) == []
        return time.process_time() - began

    nested = "".join(f"{' ' * depth}.. list-table::\n" for depth in range(1000))
    assert seconds(nested) < 20 * seconds(f"{' ' * 500}.. list-table::\n" * 1000)
