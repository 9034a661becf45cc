"""``python -m benchmarks spine [--html FOLDER]``: the figures of the core, as one JSON object.

Each figure is taken on an embedded Postgres of its own, with one listener process, and nothing else running.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import spine


def main() -> None:
    """Parse the command line and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suite", choices=["spine"])
    parser.add_argument("--html", type=Path, help="a folder of real HTML pages, for documents/s")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: whether it runs, not how fast")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingest-bench-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user when we are root
        figures = asyncio.run(spine.measure(Path(folder), arguments.html, 0.1 if arguments.quick else 1.0))
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.platform()}
    json.dump({"machine": machine, **figures}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
