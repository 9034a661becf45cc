"""Sheets as Markdown tables: rows of cells by their columns, without what is empty."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Row = Mapping[int, str]
MOST_SPARSE = 5_000_000  # places in a table that is mostly empty
# What the library writes into cells of old workbooks for durations and errors.
WORDS = re.compile(r"(?<=\| )(?:DURATION: (?:PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S|(?=\d+:\d))|#ERR: (\w+)(?= \|))")
SHOWN = {"Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?", "Null": "#NULL!", "Num": "#NUM!", "Ref": "#REF!",
         "Value": "#VALUE!", "GettingData": "#GETTING_DATA"}  # fmt: skip
SHARE = 0.05  # of a table's places that are filled; otherwise its cells are moved together


@dataclass(slots=True)
class Sheet:
    """A sheet's name and its rows that have something in them; ``uncalculated``: formulas that have no result."""

    name: str
    rows: list[Row] = field(default_factory=list)
    uncalculated: int = 0


def markdown(sheets: Sequence[Sheet]) -> str:
    """Return each filled sheet as a table under its name."""
    return "\n\n".join(f"## {_line(sheet.name)}\n\n{_table(sheet.rows)}" for sheet in sheets if sheet.rows)


def cell(text: str) -> str:
    """Return a cell's text in one line, as a table takes it."""
    return _line(text).replace("|", "\\|")


def uncalculated(sheets: Sequence[Sheet]) -> list[str]:
    """Return for people what a workbook lacks that no program has calculated."""
    count = sum(sheet.uncalculated for sheet in sheets)
    what = "the result of 1 formula, which was" if count == 1 else f"the results of {count} formulas, which were"
    return [f"{what} saved without"] if count else []


def in_words(text: str) -> str:
    """Return the text of an old workbook with durations and errors as its sheets show them."""
    return WORDS.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    hours, minutes, seconds, error = found.groups()
    if error:
        return SHOWN.get(error, f"#{error.upper()}")
    return f"{int(hours):02}:{minutes}:{seconds}" if hours else ""


def _line(text: str) -> str:
    return " ".join(text.split())


def _table(rows: Sequence[Row]) -> str:
    used = sorted({column for row in rows for column in row})
    filled = sum(map(len, rows))
    if len(used) * len(rows) > max(MOST_SPARSE, filled / SHARE):
        rows = [dict(enumerate(text for _, text in sorted(row.items()))) for row in rows]
        used = list(range(max(map(len, rows))))
    lines = [f"| {' | '.join([row.get(column, '') for column in used])} |" for row in rows]
    return "\n".join([lines[0], "| --- " * len(used) + "|", *lines[1:]])
