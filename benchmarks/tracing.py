"""What tracing costs a listener: ours, beside Opik's SDK in the same process (its client, ``@track``).

Opik is a fake one on the loopback address: it takes everything, is down, or never answers. Each run is a program of its
own (``benchmarks.spans``) that makes spans for requests of six and then ends. ``tuned``: ``@track`` with every public
setting of the SDK that helps. Nothing goes to the SDK's maker.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.report import Options, Report, Spread, Table

MOST_ROUNDS = 3
MODES = ("up", "down", "hangs")
QUIET = {"OPIK_SENTRY_ENABLE": "false", "OPIK_ANALYTICS_ENABLE": "false"}
TUNED = {
    "OPIK_LOG_START_TRACE_SPAN": "false",
    "OPIK_DEFAULT_FLUSH_TIMEOUT": "1",
    "OPIK_MAXIMAL_QUEUE_SIZE": "100",  # batches of up to 1,000, divided by 10
    "OPIK_BACKGROUND_WORKERS": "1",
}
ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"
FIGURES = {
    "import_s": "import, s",
    "import_stall_ms": "stall of it, ms",
    "first_ms": "first request, ms",
    "cpu_us_per_span": "CPU/span, µs",
    "request_ms": "request, ms",
    "stall_ms": "loop late (99.9 %), ms",
    "longest_ms": "at most, ms",
    "memory_mb": "memory, MB",
    "disk_mb": "disk, MB",
    "exit_s": "exit, s",
}


@dataclass(frozen=True)
class Way:
    """How spans are made, with what in the environment, and with an Opik in which states."""

    name: str
    way: str
    environment: dict[str, str]
    modes: tuple[str, ...] = MODES


WAYS = [
    Way("off", "off", {}, ("up",)),
    Way("ours", "ours", {}),
    Way("SDK's client", "client", {}),
    Way("@track", "track", {}),
    Way("@track, tuned", "track", TUNED),
]


async def measure(options: Options) -> Report:
    """Return what each way costs the event loop, in memory, on disk and at the exit."""
    if find_spec("opik") is None:
        print("tracing: not run, it needs the extra opik", flush=True)
        return Report({"not run": "needs the extra opik"})
    spans, patience = options.size(50_000, 600), options.size(60, 5)
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(min(options.rounds, MOST_ROUNDS)):
        for way in WAYS:
            for mode in way.modes:
                found.setdefault((way.name, mode), []).append(await _run(way, mode, spans, patience, options.folder))
    table = Table(f"{spans:,} spans, six to a request; exit: {patience} s at most", ["way", "Opik", *FIGURES.values()])
    figures: dict[str, dict[str, Spread]] = {}
    for (name, mode), runs in found.items():
        spreads = {key: Spread.of(run[key] for run in runs) for key in FIGURES}
        figures[f"{name}, Opik {mode}"] = spreads
        table.add(name, mode, *spreads.values())
    return Report(figures, [table])


async def _run(way: Way, mode: str, spans: int, patience: float, parent: Path) -> dict[str, float]:
    """Run the program once; it is killed when it has not ended ``patience`` seconds after its last word."""
    folder = parent / f"{way.way}-{mode}-{time.monotonic_ns()}"
    folder.mkdir()
    async with _opik(mode) as url:
        settings = QUIET | way.environment | {"OPIK_URL_OVERRIDE": url, "TMPDIR": str(folder), "HOME": str(folder)}
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.spans", way.way, str(spans),
            env=os.environ | settings, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert program.stdin
        assert program.stdout
        figures: dict[str, float] = {}
        while "import_s" not in figures:  # the SDK prints, too
            line = await program.stdout.readline()
            assert line, f"{way.name}: the program ended with {await program.wait()}"
            with suppress(ValueError):
                figures = dict(json.loads(line))
        disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
        started = time.perf_counter()
        program.stdin.write(b"\n")
        try:
            await asyncio.wait_for(program.communicate(), patience)
        except (TimeoutError, asyncio.TimeoutError):
            program.kill()
            await program.wait()
        return figures | {"disk_mb": disk, "exit_s": time.perf_counter() - started}


@asynccontextmanager
async def _opik(mode: str) -> AsyncIterator[str]:
    """Run a fake Opik for the time of a block; yield its URL. One that is down has a port where nobody listens."""
    connections: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_content_length(head))
                if mode == "up":
                    writer.write(ANSWER % (b"200 OK" if head.startswith(b"GET") else b"204 No Content"))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if mode == "down":
        server.close()
    yield f"http://127.0.0.1:{port}/api"
    server.close()
    for writer in connections:
        writer.close()


def _content_length(head: bytes) -> int:
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lines[0].partition(b":")[2]) if lines else 0
