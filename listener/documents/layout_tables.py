"""Tables that only place things on a page: their cells become blocks, so that headings and code in them stay such.

::

    layout   said to be (``role=presentation``); without names of columns or rows, and with headings, code or tables in
             its cells; of one column
    data     all others
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

SAID = "table[role=presentation], table[role=none]"
PLACED = ", ".join(f"td {name}" for name in ("h1", "h2", "h3", "h4", "h5", "h6", "pre", "table"))
NAMED = "table th, table caption"
CELLS, BETWEEN = ("td", "th"), ("tr", "tbody", "thead", "tfoot", "colgroup", "caption")
MOST_LEVELS = 60  # between what is placed and its cell


def unwrap(tree: Any) -> None:
    """Take the tables for layout out of a page, and leave what is in their cells."""
    cells = [(one, _table(one)) for one in tree.css("td, th")]
    layout = _layout(tree, [(cell.parent.mem_id, table.mem_id) for cell, table in cells if table is not None])
    if not layout:
        return
    for cell, table in cells:
        if table is not None and table.mem_id in layout:
            for place in (cell.insert_before, cell.insert_after):
                place(tree.create_node("div"))  # words of two cells are not one
            cell.unwrap()
    for part in [*tree.css("tr"), *tree.css("tbody, thead, tfoot, caption")]:
        if (table := _table(part)) is not None and table.mem_id in layout:
            part.unwrap()
    for table in tree.css("table"):
        if table.mem_id in layout:
            table.unwrap()


def _layout(tree: Any, cells: Sequence[tuple[int, int]]) -> set[int]:
    """Return which tables are for layout; ``cells``: the row and the table of each."""
    named = {table.mem_id for one in tree.css(NAMED) if (table := _table(one)) is not None}
    placed = {table.mem_id for one in tree.css(PLACED) if (table := _table(_cell(one))) is not None}
    rows = Counter(table for _, table in set(cells))  # that have any
    narrow = {table for table, count in Counter(table for _, table in cells).items() if count <= rows[table]}
    return {one.mem_id for one in tree.css(SAID)} | ((placed | narrow) - named)


def _cell(element: Any) -> Any:
    for _ in range(MOST_LEVELS):
        element = element.parent
        if element is None or element.tag in CELLS:
            return element
    return None


def _table(part: Any) -> Any:
    """Return the table that a cell, row or group of rows belongs to; None if it is not directly in one."""
    while part is not None and part.tag in (*CELLS, *BETWEEN):
        part = part.parent
    return part if part is not None and part.tag == "table" else None
