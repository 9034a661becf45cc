"""Whatever strangers may send, for as long as you like: no crash, no hang, no ``internal``, every refusal with a code.

Targets, inputs and properties stand in ``tests/fuzzing``, which the suite tries a little each time. Here they take
turns, each in a process of its own (it may die) with a database of its own, with other inputs each time (``--seed N``
has them again). What is found is made as small as possible, printed, and kept in the folder of results
(``fuzz/TARGET``): the next run tries it first.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import session
from benchmarks.report import Options, Report, Table

TESTS = Path(__file__).parents[1] / "tests"
MINUTES = 10.0
QUICK_SECONDS = 1.0  # of each target
GRACE_SECONDS = 600.0  # for what is found at the end to be made small
SHOWN = 120


async def measure(options: Options) -> Report:
    """Return what became of the cases, and what must not be as broken."""
    sys.path.append(str(TESTS))
    from fuzzing.all_targets import TARGETS  # noqa: PLC0415 - they are the tests'

    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", file=sys.stderr, flush=True)
    names = [options.target] if options.target else list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        raise SystemExit(f"there is no target {unknown.pop()}: {', '.join(TARGETS)}")
    seconds = QUICK_SECONDS if options.quick else (options.minutes or MINUTES) * 60 / len(names)
    kept = options.kept.absolute() / "fuzz"
    tallies: dict[str, dict[str, Any]] = {}
    async with session.server(options.folder) as server:
        for name in names:
            dsn = server.dsn(f"fuzz_{name}")
            await session.migrated(server, f"fuzz_{name}")
            tallies[name] = await _tried(name, kept / name, seed, seconds, dsn)
    broken = [
        f"{name}: {one['what']} with {one['input']}" for name, each in tallies.items() for one in each["findings"]
    ]
    return Report({"seed": seed, "targets": tallies}, [_table(tallies)], broken)


async def _tried(name: str, folder: Path, seed: int, seconds: float, dsn: str) -> dict[str, Any]:
    """Try a target in a process; one that dies of it, or never ends, is a finding."""
    _clear(folder)
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", "fuzzing", name, str(folder), str(seed), str(seconds), dsn,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(TESTS)])},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await asyncio.wait_for(process.communicate(), seconds + GRACE_SECONDS)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        said = b"it did not end"
    tally = _read(folder) | {"seconds": time.monotonic() - began}
    if process.returncode:
        last = (folder / "now").read_text(errors="replace")[:2000] if (folder / "now").exists() else "nothing yet"
        what = f"the process ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}"
        tally["findings"].append({"what": what, "input": last, "trace": ""})
    return tally


def _clear(folder: Path) -> None:
    """Leave only the examples of earlier runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in ("tally.json", "now"):
        (folder / leftover).unlink(missing_ok=True)


def _read(folder: Path) -> dict[str, Any]:
    if not (folder / "tally.json").exists():
        return {"cases": 0, "outcomes": {}, "slowest_seconds": 0.0, "slowest": "", "findings": []}
    found: dict[str, Any] = json.loads((folder / "tally.json").read_text())
    return found


def _table(tallies: dict[str, dict[str, Any]]) -> Table:
    table = Table("Foreign input", ["target", "cases", "taken", "refused, by code", "slowest, s", "which", "findings"])
    for name, tally in tallies.items():
        outcomes = dict(sorted(tally["outcomes"].items(), key=lambda one: -one[1]))
        taken = outcomes.pop("taken", 0)
        refused = ", ".join(f"{code} {count}" for code, count in outcomes.items())
        which = " ".join(tally["slowest"].split())[:SHOWN].replace("|", "¦")
        table.add(name, tally["cases"], taken, refused, tally["slowest_seconds"], which, len(tally["findings"]))
    return table
