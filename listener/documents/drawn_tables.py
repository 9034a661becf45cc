"""Tables that are drawn with signs: grids of reStructuredText, Pandoc and databases, tables of AsciiDoc and Sphinx.

::

    +----+------+    ====  ======    |===          .. list-table::         .. csv-table::
    | id | name |    id    name      |id |name        :header-rows: 1         :header: "id", "name"
    +====+======+    ====  ======                     * - id
    |  1 | kiln |    1     kiln      |1  |kiln          - name              "1", "kiln"
    +----+------+    ====  ======    |===             * - 1
                                                        - kiln
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from listener.documents.markdown.tables import Table

BORDER = re.compile(r"^[ \t]*\+(?:-{1,300}\+|={1,300}\+)+[ \t\r]*$", re.MULTILINE)
RULES = re.compile(r"^[ \t]*={1,300}(?:[ \t]+={1,300})+[ \t\r]*$", re.MULTILINE)
NO_ROW = re.compile(r"\n[ \t]*(?![ \t|+])")
EMPTY_LINE = re.compile(r"\n[ \t\r]*\n")
BARS = re.compile(r"^\|===[ \t\r]*$", re.MULTILINE)
NAMED = re.compile(r"^\[(?=[^\]\n]*(?:header|%h))[^\]\n]*\][ \t\r]*\n(?:\.[^\n]*\n)?\Z", re.IGNORECASE | re.MULTILINE)
ABOVE = 300  # characters above a table in which it is said to have a header
DIRECTIVE = re.compile(r"^(?P<indent>[ \t]*)\.\. (?P<kind>list|csv)-table::", re.MULTILINE)
HEADER_ROWS = re.compile(r":header-rows:[ \t]*[1-9]")
HEADER = re.compile(r":header:[^\n]*")
ITEM = re.compile(r"^[ \t]*\* - ", re.MULTILINE)
LINE = re.compile(r"\n([ \t]*)\S")
MOST_OPTIONS = 2000  # characters of a directive's options


def grids(text: str) -> Iterator[Table]:
    """Yield the tables with a frame of their own."""
    run: list[re.Match[str]] = []
    for border in BORDER.finditer(text):
        if run and NO_ROW.search(text, run[-1].end(), border.start() - 1):
            yield from _grid(run)
            run = []
        run.append(border)
    yield from _grid(run)


def _grid(borders: list[re.Match[str]]) -> Iterator[Table]:
    """Yield a table whose header is ruled off: doubly, or as the only line inside its frame."""
    double = next((one for one in borders[1:] if "=" in one[0]), None)
    below = double or (borders[1] if len(borders) == 3 else None)
    if below:
        yield Table(borders[0].end() + 1, below.start() - 1, below.end(), borders[-1].end())


def ruled(text: str) -> Iterator[Table]:
    """Yield the simple tables of reStructuredText."""
    rules = list(RULES.finditer(text))
    at = 0
    while at + 2 < len(rules):
        above, below, last = rules[at : at + 3]
        if EMPTY_LINE.search(text, above.end(), below.start()):
            at += 1
            continue
        yield Table(above.end() + 1, below.start() - 1, below.end(), last.end())
        at += 3


def barred(text: str) -> Iterator[Table]:
    """Yield the tables of AsciiDoc that name their columns."""
    bars = list(BARS.finditer(text))
    for begin, end in zip(bars[::2], bars[1::2], strict=False):
        first = begin.end() + 1
        row = text.find("\n", first, end.start())
        blank = EMPTY_LINE.search(text, first, end.start())
        said = NAMED.search(text, max(begin.start() - ABOVE, 0), begin.start())
        header = blank.start() if blank and said else row
        if row > first and (said or (blank and blank.start() <= row)):
            yield Table(first, header, header, end.start())


def directed(text: str) -> Iterator[Table]:
    """Yield the tables that Sphinx and Docutils make of lists and of values."""
    end = 0
    while found := DIRECTIVE.search(text, end):  # what is in one, and that in it, would be gone through again and again
        end = end_of_block(text, found.end(), len(found["indent"]))
        if found["kind"] == "csv":
            if header := HEADER.search(text, found.end(), min(end, found.end() + MOST_OPTIONS)):
                yield Table(header.start(), header.end(), header.end(), end)
        elif HEADER_ROWS.search(text, found.end(), min(end, found.end() + MOST_OPTIONS)):
            items = ITEM.finditer(text, found.end(), end)
            first, second = next(items, None), next(items, None)
            if first and second:
                yield Table(first.start(), second.start() - 1, second.start() - 1, end)


def end_of_block(text: str, at: int, indent: int) -> int:
    """Return where what is indented more deeply than ``indent`` ends."""
    return next((line.start() for line in LINE.finditer(text, at) if len(line[1]) <= indent), len(text))


DRAWN: dict[str, tuple[Callable[[str], Iterator[Table]], ...]] = {
    "text/markdown": (grids,), "text/x-markdown": (grids,), "text/plain": (grids,), "text/x-org": (grids,),
    "text/x-rst": (grids, ruled, directed), "text/x-asciidoc": (barred,),
}  # fmt: skip
