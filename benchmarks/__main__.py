"""``python -m benchmarks SUITE``: what the project costs, as one JSON object.

spine      the core: latency, 500 Markdown files, real HTML pages (--html FOLDER), an idle listener
bulk       7,000 chunks of 1,536 dimensions through a fake embedding service, beside a bare asyncio + COPY script
documents  real documents by kind (--folder FOLDER): documents/s, failures, memory; texts to read (--samples FILE)
memory     a JSON Lines file of 100 MB and 20,000 small files: the peak over an idle listener
chaos      300 requests while listeners, Postgres and connections die, beside a calm run; when work goes on (--seed N)

Each figure is taken on an embedded Postgres of its own, with one listener process, and nothing else running.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from benchmarks import bulk, chaos, documents, memory, spine


def main() -> None:
    """Parse the command line and print the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", choices=["spine", "bulk", "documents", "memory", "chaos"])
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: whether it runs, not how fast")
    parser.add_argument("--html", type=Path, help="spine: a folder of real HTML pages, for documents/s")
    parser.add_argument("--folder", type=Path, help="documents: a folder of documents, see benchmarks.documents_corpus")
    parser.add_argument("--samples", type=Path, help="documents: the file to write samples of the texts to")
    parser.add_argument("--count", type=int, default=8, help="documents: samples of each kind")
    parser.add_argument("--rounds", type=int, default=3, help="bulk: runs of each way")
    parser.add_argument("--seed", type=int, help="chaos: what is disturbed when; by default drawn and printed")
    arguments = parser.parse_args()
    if arguments.suite == "documents" and not (arguments.folder and arguments.folder.is_dir()):
        parser.error("documents needs --folder FOLDER; python -m benchmarks.documents_corpus makes one")
    with tempfile.TemporaryDirectory(prefix="ingest-bench-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user when we are root
        figures = asyncio.run(_suite(arguments, Path(folder)))
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.platform()}
    json.dump({"machine": machine, **figures}, sys.stdout, indent=2)
    print()
    if figures.get("broken"):
        sys.exit(1)


def _suite(arguments: argparse.Namespace, folder: Path) -> Coroutine[Any, Any, dict[str, Any]]:
    scale = 0.1 if arguments.quick else 1.0
    if arguments.suite == "spine":
        return spine.measure(folder, arguments.html, scale)
    if arguments.suite == "bulk":
        return bulk.measure(folder, scale, arguments.rounds)
    if arguments.suite == "documents":
        return documents.measure(folder, arguments.folder.resolve(), arguments.samples, arguments.count, scale)
    if arguments.suite == "chaos":
        return chaos.measure(folder, scale, arguments.seed)
    return memory.measure(folder, scale)


if __name__ == "__main__":
    main()
