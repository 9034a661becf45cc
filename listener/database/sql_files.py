"""The SQL that this program carries, in the order in which it is applied.

::

    schema/   numbered, run once, never edited after a release; *.concurrently.sql holds one statement, and runs outside
              of a transaction
    types/    composite types, run once: a changed type is a new one, ..._v2 beside ..._v1
    others    a function, view or trigger a file, applied again when it changed; former/ holds the functions that only
              listeners of the former release call
    indexes/  built last, CONCURRENTLY: between a new schema and the functions that go with it, nothing may come
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from listener.database.names import bare

ONCE = ("schema", "types")
CONCURRENT = ".concurrently.sql"
LATER = ("view", "trigger", "policy")  # they name functions, and a trigger may be on a view


@dataclass(frozen=True)
class SqlFile:
    """One SQL file. ``name`` is what the schema remembers of it: where an object's file lies may change.

    ``text`` is written for schemas that ``Names`` puts in.
    """

    name: str
    text: str

    @cached_property
    def checksum(self) -> str:
        """For a file that runs once, without schemas: releases wrote them without, and those files are never edited."""
        return hashlib.sha256((bare(self.text) if self.runs_once else self.text).encode()).hexdigest()

    @cached_property
    def signature(self) -> str | None:
        """The function or procedure that the file makes, with its parameters' types, as its comment names it."""
        comment = re.search(
            r"^comment on (?:function|procedure) (ingest\.ingest_\w+\([^)]*\))", self.text, re.MULTILINE
        )
        return comment[1] if comment else None

    @property
    def runs_once(self) -> bool:
        return self.name.startswith(tuple(f"{folder}/" for folder in ONCE))

    @property
    def runs_alone(self) -> bool:
        """Whether it can't run in a transaction: it builds an index CONCURRENTLY."""
        return self.name.endswith(CONCURRENT)

    @cached_property
    def index(self) -> str:
        """The index that a file which runs alone makes."""
        made = re.search(r"create (?:unique )?index concurrently (\w+)", self.text)
        assert made is not None, f"{self.name} makes no index"
        return made[1]


@cache
def sql_files() -> tuple[SqlFile, ...]:
    """Return all files: those that run once by name, then functions, views and triggers, then indexes."""
    root = _sql_folder()
    once = [SqlFile(f"{folder}/{file.name}", text) for folder in ONCE for file, text in _below(root / folder)]
    objects = [
        SqlFile(file.name, text)
        for folder in root.iterdir()
        if folder.is_dir() and folder.name not in ONCE
        for file, text in _below(folder)
    ]
    return (*once, *sorted(objects, key=_order))


def _sql_folder() -> Any:  # a Traversable; its module moved in Python 3.11
    packaged = files("listener") / "sql"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "sql"


def _below(folder: Any) -> Iterator[tuple[Any, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: str(entry.name)):
        if entry.is_dir():
            yield from _below(entry)
        elif entry.name.endswith(".sql"):
            yield entry, entry.read_text(encoding="utf-8")


def _order(file: SqlFile) -> tuple[int, str]:
    if file.runs_alone:
        return len(LATER) + 1, file.name
    made = re.search(r"^create (?:or replace )?(\w+)", file.text, re.MULTILINE)
    return LATER.index(made[1]) + 1 if made and made[1] in LATER else 0, file.name
