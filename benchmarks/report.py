"""What every suite takes and gives: its options, spreads of repeated runs, tables to read and JSON to keep."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

VERSIONS = [
    "anyio", "asyncpg", "dbos", "httpx2", "ingest-listener", "numpy", "openai", "pgqueuer", "pgvector", "procrastinate",
    "psycopg", "sqlalchemy", "uvloop", "xberg",
]  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What a suite is run with. ``folder`` is empty, temporary, and open to the server's user.

    ``kept``: the folder of results.
    """

    folder: Path
    quick: bool = False
    rounds: int = 5
    html: Path | None = None
    documents: Path | None = None
    samples: Path | None = None
    count: int | None = None
    seed: int | None = None
    peers: bool = True
    minutes: float | None = None
    target: str | None = None
    kept: Path = Path("benchmark-results")

    def size(self, full: int, quick: int) -> int:
        """Return how much there is to do: ``full``, or ``quick`` when only asked whether it runs."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing, in one unit."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Take one value per run; ValueError without any."""
        if not (found := tuple(float(value) for value in values)):
            raise ValueError("nothing was measured")
        return cls(found)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def ratio(self, other: Spread) -> Spread:
        """Return this over ``other``, run by run: the runs of a round see the same machine."""
        return Spread(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))

    def json(self) -> dict[str, Any]:
        """Return median, min, max and every run."""
        return {"median": self.median, "min": min(self.values), "max": max(self.values), "runs": list(self.values)}

    def __str__(self) -> str:
        return f"{_figure(self.median)} ({_figure(min(self.values))}–{_figure(max(self.values))})"


@dataclass
class Table:
    """Rows to read: cells are texts, numbers or spreads; None is a dash."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Append a row."""
        assert len(cells) == len(self.columns), f"{self.title}: {len(cells)} cells for {len(self.columns)} columns"
        self.rows.append(cells)

    def __str__(self) -> str:
        """Return the table as Markdown, columns aligned."""
        rows = [list(map(str, self.columns)), *([_cell(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, ["-" * width for width in widths])
        lines = (
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
        )
        return "\n".join([self.title, "", *lines])


@dataclass
class Report:
    """What a suite found: tables to read, figures to keep, and what came out wrong (a count, a failure)."""

    figures: dict[str, Any]
    tables: list[Table] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def circumstances() -> dict[str, Any]:
    """Return the machine, the versions and the commit that figures belong to."""
    return {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": _commit(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],  # of the last minute, before the first measurement
        "versions": {name: version for name in VERSIONS if (version := _version(name))},
    }


def write(path: Path, suite: str, about: dict[str, Any], report: Report) -> None:
    """Keep a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"suite": suite, **about, "broken": report.broken, "figures": report.figures}
    path.write_text(json.dumps(whole, indent=2, default=_json, ensure_ascii=False) + "\n", encoding="utf-8")


def _json(value: object) -> object:
    if hasattr(value, "json"):
        return value.json()
    return str(value)


def _commit() -> str | None:
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cell(cell: object) -> str:
    if cell is None:
        return "–"
    return _figure(cell) if isinstance(cell, int | float) else str(cell)


def _figure(value: float) -> str:
    """Return three digits that count, thousands set apart."""
    if value == 0 or isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
