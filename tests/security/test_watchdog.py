"""A listener whose event loop stands still, whatever holds the interpreter, ends by itself, and others go on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from pipeline import ended
from staging import Connection, add

from listener.cli import watcher

FAST: dict[str, object] = {"heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600}

# What holds the interpreter, in the listener's main thread, where its loop runs. Only another process can end it.
FROZEN = """
import re, signal
def freeze(*_):
    re.match("(a+)+b", "a" * 60)
signal.signal(signal.SIGUSR1, freeze)
"""


async def test_a_listener_that_stands_still_ends_and_another_one_finishes_what_it_had(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FROZEN)
    frozen = ListenerProcess(ready, tmp_path / "frozen", path=tmp_path, **FAST).ready()  # type: ignore[arg-type]
    listeners.append(frozen)
    frozen.hold("before:embed")
    request = await add(own, content="held by a listener that stands still", uri="frozen")
    await asyncio.to_thread(frozen.held, "before:embed")
    listeners.append(other := ListenerProcess(ready, tmp_path / "other", **FAST).ready())  # type: ignore[arg-type]
    frozen.signal(signal.SIGUSR1)
    frozen.signal(signal.SIGTERM)  # does nothing: a handler would need the interpreter
    (row,) = await ended(own, request)
    assert (row["status"], row["executor_id"]) == ("succeeded", other.executor_id)
    assert await asyncio.to_thread(frozen.ended) == -watcher.END
    assert "the event loop stood still for 5 seconds" in frozen.log()
    assert 'sitecustomize.py", line 4 in freeze' in frozen.log()
    assert other.process.poll() is None


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that gives no sign."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


def watching(process: subprocess.Popen[bytes], seconds: float, form: str = "text") -> subprocess.Popen[bytes]:
    program = [sys.executable, "-I", "-S", watcher.__file__, str(process.pid), str(seconds), form]
    return subprocess.Popen(program, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_process_that_gives_no_sign_is_ended(process: subprocess.Popen[bytes]) -> None:
    with watching(process, 0.2, "json") as watch:
        assert process.wait(30) == -watcher.END
        _, told = watch.communicate()
    assert watch.returncode == 0
    assert told.startswith(b'{"time": ')
    assert b'"message": "the event loop stood still for 0.2 seconds' in told


def test_a_process_that_is_stopped_is_let_be_and_has_all_of_its_time_when_it_goes_on(
    process: subprocess.Popen[bytes],
) -> None:
    process.send_signal(signal.SIGSTOP)
    with watching(process, 0.2) as watch:
        with pytest.raises(subprocess.TimeoutExpired):
            watch.wait(2)
        assert watcher.is_stopped(process.pid)
        process.send_signal(signal.SIGCONT)
        assert process.wait(30) == -watcher.END


@pytest.mark.parametrize("sign", [watcher.DEBUGGED])
def test_a_process_that_is_debugged_is_let_be(process: subprocess.Popen[bytes], sign: bytes) -> None:
    with watching(process, 0.2) as watch:
        assert watch.stdin
        watch.stdin.write(sign)
        watch.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            watch.wait(2)
        watch.stdin.write(watcher.TURNS)  # the debugger is gone
        watch.stdin.flush()
        assert process.wait(30) == -watcher.END


def test_who_watches_ends_with_whom_it_watches(process: subprocess.Popen[bytes]) -> None:
    with watching(process, 600) as watch:
        watch.communicate(timeout=30)  # closes its stdin
    assert (watch.returncode, process.poll()) == (0, None)
