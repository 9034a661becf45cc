"""How a peer and the suite take turns: the suite says "go" on stdin, the peer answers with seconds on stdout."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

CALLS = 8
GROUP = 128  # texts in a call
DIMENSIONS = 1536
MODEL = "bench"
SECTIONS = re.compile(r"\n\n(?=## (?!Section 0:))")


class Given(argparse.Namespace):
    """What every peer is started with. ``folder`` holds Markdown files, ``scratch`` is empty."""

    dsn: str
    url: str
    folder: Path
    scratch: Path


def given() -> Given:
    """Parse the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    return parser.parse_args(namespace=Given())


def documents(folder: Path) -> dict[str, str]:
    """Return the files' texts by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def sections(text: str) -> list[str]:
    """Cut a text of the corpus into its sections, each below 1,000 characters; the title stays with the first."""
    return SECTIONS.split(text.strip())


async def take(ingest: Callable[[], Awaitable[object]]) -> None:
    """Say that all is ready; for each line on stdin bring the database up to date, and print the seconds it took."""
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.monotonic()
        await ingest()
        print(json.dumps({"seconds": time.monotonic() - begin}), flush=True)
