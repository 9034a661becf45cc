"""``python -m benchmarks.spans WAY SPANS``: a program that makes spans in its event loop, as a listener would.

off     with tracing that is off
ours    with ours: queue, pipe, a process with the SDK
client  with the SDK in this process: its public client
track   with the SDK in this process: its decorator ``@track``

Prints a line of JSON when it is done. Then it waits for a line on stdin before it ends, as the way wants it.
"""

from __future__ import annotations

import asyncio
import datetime
import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from listener import tracing
from listener.settings import Settings

STEPS = ("discover", "load", "chunk", "embed", "save")
SPANS_PER_REQUEST = 1 + len(STEPS)
TICK_SECONDS = 0.001
PAGE = os.sysconf("SC_PAGE_SIZE")

Request = Callable[[], None]
Close = Callable[[], Awaitable[None]]


async def main(way: str, spans: int) -> None:
    """Make spans, six to a request, and say what that cost the loop."""
    imported = await _imported() if way in ("client", "track") else {"import_s": 0.0, "import_stall_ms": 0.0}
    request, close = WAYS[way]()
    first = _seconds(request)
    await asyncio.sleep(0.5)  # its threads and processes have started
    before = _resident()
    made = await _make(request, spans // SPANS_PER_REQUEST)
    figures = imported | made | {"first_ms": first * 1e3, "memory_mb": (_resident() - before) / 2**20}
    print(json.dumps(figures), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await close()


async def _imported() -> dict[str, float]:
    """Import the SDK in a thread; return how long that took and the longest that the loop stood still."""
    started = time.perf_counter()
    importing = asyncio.create_task(asyncio.to_thread(importlib.import_module, "opik"))
    stall, last = 0.0, started
    while not importing.done():
        await asyncio.sleep(TICK_SECONDS)
        now = time.perf_counter()
        stall, last = max(stall, now - last - TICK_SECONDS), now
    return {"import_s": time.perf_counter() - started, "import_stall_ms": stall * 1e3}


async def _make(request: Request, requests: int) -> dict[str, float]:
    """Make requests, with a pause after each for whatever else there is; return what they cost the loop's thread."""
    took, stalls, cpu, last = [], [], time.thread_time(), time.perf_counter()
    for _ in range(requests):
        took.append(_seconds(request))
        await asyncio.sleep(TICK_SECONDS)
        now = time.perf_counter()
        stalls.append(now - last - TICK_SECONDS)
        last = now
    spent = time.thread_time() - cpu
    return {
        "cpu_us_per_span": spent / requests / SPANS_PER_REQUEST * 1e6,
        "request_ms": statistics.median(took) * 1e3,
        "stall_ms": sorted(stalls)[int(requests * 0.999)] * 1e3,
        "longest_ms": max(stalls) * 1e3,
    }


def _seconds(request: Request) -> float:
    started = time.perf_counter()
    request()
    return time.perf_counter() - started


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of ours
        return int(file.read().split()[1]) * PAGE


def _with_ours(setting: str) -> tuple[Request, Close]:
    traces = tracing.create(Settings.model_validate({"tracing": setting}))

    def request() -> None:
        with traces.request(uuid4(), collection="garden") as whole:
            for name in STEPS:
                with traces.step(name) as step:
                    step.output(documents=1, chunks=2)
            whole.output(status="succeeded")

    return request, traces.close


def _with_client() -> tuple[Request, Close]:
    client = importlib.import_module("opik").Opik()

    def request() -> None:
        thread, started = str(uuid4()), _now()
        about = {"request": thread, "collection": "garden"}
        trace = client.trace(name="request", start_time=started, input=about, thread_id=thread)
        for name in STEPS:
            client.span(trace_id=trace.id, name=name, start_time=_now(), end_time=_now(), output=OUTPUT)
        client.trace(id=trace.id, name="request", start_time=started, end_time=_now(), output=OUTPUT)

    return request, _nothing


def _with_track() -> tuple[Request, Close]:
    track = importlib.import_module("opik").track
    steps = [track(name=name)(lambda: OUTPUT) for name in STEPS]

    @track(name="request")
    def whole(request: str, collection: str) -> dict[str, Any]:
        for step in steps:
            step()
        return OUTPUT

    return lambda: whole(str(uuid4()), "garden"), _nothing


async def _nothing() -> None:
    """The SDK ends itself, by hooks on the interpreter's exit."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


OUTPUT = {"documents": 1, "chunks": 2}
WAYS: dict[str, Callable[[], tuple[Request, Close]]] = {
    "off": lambda: _with_ours("off"),
    "ours": lambda: _with_ours("opik"),
    "client": _with_client,
    "track": _with_track,
}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
