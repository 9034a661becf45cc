"""Worker processes: a crash, a hang or a memory eater ends itself and nobody else, and no process is left behind."""

from __future__ import annotations

import asyncio
import hashlib
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from made_files import workbook

from listener.documents import headway, office, office_types, process
from listener.documents.failures import CallRaised, WorkerCrashed, WorkerMemory, WorkerTimeout
from listener.documents.headway import Headway, noted_in
from listener.documents.pool import Workers
from listener.documents.reading import About
from listener.errors import DocumentError
from listener.sources.records import json_lines

LONG = ("<row>" + "<c><v>1</v></c>" * 50 + "</row>") * 6000  # more than a second
PROJECT = Path(__file__).parents[2]


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(2, timeout_seconds=20, memory_mb=200) as pool:
        yield pool


def gone(pid: int) -> None:
    """Wait until a process has ended; whoever inherited it may not have collected it yet."""
    end = time.monotonic() + 10
    while state(pid)[0] != "Z":
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.01)


def state(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name: state, ..., [11] and [12] are the CPU ticks used."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["Z"]


async def test_a_call_returns_what_the_function_returns(workers: Workers) -> None:
    assert await workers.run(operator.add, 2, 3) == 5
    assert await workers.run(os.getppid) == os.getpid()


async def test_a_call_raises_what_the_function_raises(workers: Workers) -> None:
    with pytest.raises(CallRaised, match="ValueError: invalid literal for int"):
        await workers.run(int, "x")
    with pytest.raises(DocumentError, match=r"line 3 is not a JSON object but a number") as raised:
        await workers.run(json_lines.fields_of, b"7", "line 3")
    assert (raised.value.code, raised.value.hint) == ("bad_json", json_lines.ONE_A_LINE)


async def test_how_far_a_call_is_is_told_and_never_falls(workers: Workers) -> None:
    about = About("a.xlsx", office_types.XLSX, office_types.XLSX, None, False, None)
    data = workbook({"a": LONG})
    how_far, seen = Headway(), []
    with noted_in(how_far):
        for _ in range(2):
            call = asyncio.ensure_future(workers.run(office.read, data, about))
            while not call.done():
                await asyncio.wait([call], timeout=0.02)
                seen.append(how_far.share)
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert 0.5 < seen[-1] <= 1


async def test_of_a_call_that_tells_nothing_it_is_estimated_by_the_time_that_it_works(workers: Workers) -> None:
    asleep, busy = Headway(), Headway()
    with noted_in(asleep):
        await workers.run(time.sleep, 1.2)
    with noted_in(busy):
        await workers.run(hashlib.pbkdf2_hmac, "sha256", b"a", b"b", 3_000_000)
    assert asleep.share < 0.05 < busy.share < 1


async def test_a_worker_that_only_tells_how_far_it_is_is_ended(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MOST_MESSAGES", 1)
    about = About("a.xlsx", office_types.XLSX, office_types.XLSX, None, False, None)
    with pytest.raises(WorkerCrashed, match="says too much before its answer"):
        await workers.run(office.read, workbook({"a": LONG}), about)


@pytest.mark.parametrize("share", [2, -1, float("nan"), float("inf"), "x", None, []])
async def test_a_worker_that_tells_nonsense_of_how_far_it_is_is_ended(workers: Workers, share: Any) -> None:
    with pytest.raises(WorkerCrashed, match="neither a result nor an error"):
        await workers.run(headway.tell, share)


async def test_large_bytes_arrive_as_bytes(workers: Workers) -> None:
    data = os.urandom(3 * 1024 * 1024 + 1)
    assert await workers.run(operator.add, data, b"x") == data + b"x"
    assert await workers.run(operator.add, b"a", b"x") == b"ax"
    assert await workers.run(bytes, b"") == b""
    assert await workers.run(operator.add, "é" * 100_000, "\0") == "é" * 100_000


async def test_workers_start_when_needed_and_no_more_than_allowed(workers: Workers) -> None:
    assert workers.pids() == []
    await asyncio.gather(*(workers.run(time.sleep, 0.01) for _ in range(20)))
    assert 1 <= len(workers.pids()) <= 2


@pytest.mark.parametrize(("status", "how"), [(None, "SIGABRT"), (3, "exited with 3")])
async def test_a_crash_fails_its_own_call_only(workers: Workers, status: int | None, how: str) -> None:
    others = [workers.run(operator.add, 1, number) for number in range(50)]
    crash: Coroutine[Any, Any, object] = workers.run(os.abort) if status is None else workers.run(os._exit, status)
    crashed, *results = await asyncio.gather(crash, *others, return_exceptions=True)
    assert isinstance(crashed, WorkerCrashed)
    assert how in str(crashed)
    assert results == [1 + number for number in range(50)]


async def test_a_hang_is_killed_while_others_go_on(workers: Workers) -> None:
    await asyncio.gather(*(workers.run(time.sleep, 0.05) for _ in range(2)))
    before = set(workers.pids())
    begin = time.monotonic()
    hang = asyncio.create_task(workers.run(time.sleep, 600, timeout=0.5))
    assert await workers.run(operator.add, 1, 2) == 3
    assert not hang.done()
    with pytest.raises(WorkerTimeout, match=r"0\.5 seconds"):
        await hang
    assert time.monotonic() - begin < 5
    assert len(before - set(workers.pids())) == 1
    assert len(workers.pids()) == 2  # it was replaced at once


async def test_a_hang_in_native_code_that_holds_pythons_lock_is_killed_too(workers: Workers) -> None:
    with pytest.raises(WorkerTimeout):
        await workers.run(pow, 7, 10**9, timeout=0.5)
    assert await workers.run(operator.add, 1, 2) == 3


async def test_memory_over_the_limit_fails_its_own_call_only(workers: Workers) -> None:
    with pytest.raises(WorkerMemory, match="200 MB"):
        await workers.run(operator.mul, b"x", 8 * 1024**3)
    assert await workers.run(operator.add, 1, 2) == 3


# Root without privileges, also in what it starts, where only the owner of a process sees it in /proc.
UNSEEN = """
import asyncio, ctypes, operator, os
from listener.documents import confinement
from listener.documents.failures import WorkerMemory
from listener.documents.pool import Workers

async def main():
    async with Workers(1, 20, 200, environment=[]) as workers:
        try:
            await workers.run(operator.mul, b"x", 1024**3)
        except WorkerMemory:
            print("limited")

os.setgroups([])
os.setgid(65534)
ctypes.CDLL(None).prctl(28, 3, 0, 0, 0)
confinement._give_up_privileges(ctypes.CDLL(None))
confinement.hide()
asyncio.run(main())
"""
HIDDEN = ["unshare", "-m", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]


def test_the_memory_of_a_worker_that_hides_itself_is_limited_where_others_do_not_see_it() -> None:
    if not which("unshare") or subprocess.run([*HIDDEN, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root and a mount of its own")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *sys.path])}
    command = [*HIDDEN, sys.executable, "-c", UNSEEN]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert found.stdout == "limited\n", found.stderr


async def test_memory_that_the_system_refuses_is_the_same_error(workers: Workers) -> None:
    with pytest.raises(WorkerMemory):
        await workers.run(bytearray, 1 << 60)


async def test_a_worker_that_stays_large_does_not_serve_the_next_call() -> None:
    async with Workers(1, timeout_seconds=20, memory_mb=60) as workers:
        await workers.run(operator.add, 1, 2)
        small = workers.pids()
        await workers.run(operator.add, 1, 2)
        assert workers.pids() == small
        await workers.run(exec, "import os; os.kept = b'x' * 40_000_000", {})
        assert await workers.run(operator.add, 1, 2) == 3
        assert workers.pids() != small


async def test_a_function_of_main_is_refused_with_a_reason(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    def local() -> None: ...

    monkeypatch.setattr(local, "__module__", "__main__")
    with pytest.raises(ValueError, match="module that workers can import"):
        await workers.run(local)


async def test_close_ends_hanging_and_waiting_calls_at_once() -> None:
    workers = Workers(1, timeout_seconds=600, memory_mb=200)
    await workers.run(operator.add, 1, 2)
    [pid] = workers.pids()
    calls = [asyncio.create_task(workers.run(time.sleep, 600)) for _ in range(3)]
    await asyncio.sleep(0)
    begin = time.monotonic()
    await workers.close()
    assert time.monotonic() - begin < 2
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, RuntimeError)
    gone(pid)
    with pytest.raises(RuntimeError):
        await workers.run(operator.add, 1, 2)
    await workers.close()


async def test_a_pool_serves_several_event_loops(workers: Workers) -> None:
    def elsewhere() -> object:
        return asyncio.run(workers.run(operator.add, 1, 2))

    assert await asyncio.to_thread(elsewhere) == await workers.run(operator.add, 1, 2)


async def test_idle_workers_cost_no_cpu(workers: Workers) -> None:
    await workers.run(operator.add, 1, 2)
    [pid] = workers.pids()
    before = state(pid)[11:13]
    await asyncio.sleep(0.5)  # the time that is measured
    assert state(pid)[11:13] == before


# No main guard, on purpose: what starts workers from this must not run it again.
SCRIPT = """
import asyncio, operator, sys, time
from listener.documents.pool import Workers
print("started", flush=True)
async def main():
    workers = Workers(2, 600, 200)
    await asyncio.gather(workers.run(operator.add, 1, 2), workers.run(operator.add, 1, 2))
    print(*workers.pids(), flush=True)
    if sys.argv[1:] == ["hang"]:
        await workers.run(pow, 7, 10**9)
    await workers.close()
asyncio.run(main())
"""


def started(script: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *sys.path])}
    command = [sys.executable, str(script), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with started(script) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.count("started") == 1


async def test_workers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Also one that holds Python's lock, so that it can't notice by itself."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with started(script, "hang") as process:
        assert process.stdout
        await asyncio.to_thread(process.stdout.readline)
        pids = [int(pid) for pid in (await asyncio.to_thread(process.stdout.readline)).split()]
        assert len(pids) >= 1
        process.send_signal(signal.SIGKILL)
    for pid in pids:
        gone(pid)
