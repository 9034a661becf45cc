"""Markdown tables without what is empty in them: rows and columns that were only formatted, never filled."""

from __future__ import annotations

import re
from collections.abc import Sequence

RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+\s*")
BAR = re.compile(r"(?<!\\)\|")
GAP = re.compile(r"\|[ \t]*\|")


def trimmed(lines: Sequence[str]) -> list[str]:
    """Return the lines of one table without empty rows and columns; nothing if nothing is left."""
    if len(lines) < 2 or not RULE.fullmatch(lines[1]):
        return list(lines)
    rows = [line for line in (lines[0], *lines[2:]) if line.strip("| \t")]
    if not rows:
        return []
    if all(map(GAP.search, rows)):
        return _without_columns(rows)
    return [rows[0], lines[1], *rows[1:]]


def _without_columns(rows: Sequence[str]) -> list[str]:
    cells = [[cell.strip() for cell in BAR.split(row.strip())[1:-1]] for row in rows]
    used = sorted({column for row in cells for column, cell in enumerate(row) if cell})
    kept = [f"| {' | '.join(row[column] if column < len(row) else '' for column in used)} |" for row in cells]
    return [kept[0], "| --- " * len(used) + "|", *kept[1:]]
