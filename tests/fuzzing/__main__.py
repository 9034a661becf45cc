"""``python -m fuzzing TARGET FOLDER SEED SECONDS [DSN]``: try one target in a process of its own, which may die of it.

Writes what it found to FOLDER/tally.json as it goes on; FOLDER/now holds what it is trying.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
from pathlib import Path

from fuzzing.exploring import Extent, explore
from fuzzing.targets import Place


def main() -> None:
    """Try, and write down."""
    from fuzzing.all_targets import TARGETS  # noqa: PLC0415 - what it brings may print

    name, folder, seed, seconds, *dsn = sys.argv[1:]
    faulthandler.enable()
    logging.disable(logging.CRITICAL)
    kept = Path(folder)
    work = kept / "work"
    work.mkdir(parents=True, exist_ok=True)
    extent = Extent(seconds=float(seconds), seed=int(seed), folder=kept)
    explore(TARGETS[name], Place(work, *dsn), extent).write(kept)


if __name__ == "__main__":
    main()
