"""Processes that are forked from one that has imported what they need, which takes most of a second of CPU each time.

That one, the server, is started when the first is asked for, and ends with the tests. A process of it has a folder, an
environment, arguments and standard files of its own, like one that was executed; it goes on where ``serve`` returns.

::

    tests ── order, files ──▶ server ── fork ──▶ go-between ── fork ──▶ process
      ▲                                              │
      └───────────────── pid, how it ended ──────────┘
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO, cast

NUMBER = struct.Struct("i")
ORDER_BYTES = 100_000
HEAVY = (
    "anyio._backends._asyncio",
    "dbos._migration",
    "listener.client",
    "listener.embedding.endpoint",
    "listener.embedding.token_vectors",
    "listener.service",
    "sqlalchemy.dialects.sqlite",
)


class ForkServer:
    """Has ``program`` import what it needs; it calls ``serve`` when it has."""

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, program, str(theirs.fileno())], env=environment, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def start(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stderr: TextIO) -> Forked:
        """Fork a process."""
        (stdin, to_stdin), (from_stdout, stdout) = os.pipe(), os.pipe()
        child = self.fork(arguments, folder, environment, (stdin, stdout, stderr.fileno()))
        for file in (stdin, stdout):
            os.close(file)
        return Forked(os.fdopen(to_stdin, "w"), os.fdopen(from_stdout), child)

    def fork(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], standard: tuple[int, int, int]
    ) -> Child:
        """Fork a process with these standard files, which stay the caller's to close."""
        order = json.dumps([list(arguments), str(folder), dict(environment)]).encode()
        told, tells = os.pipe()
        socket.send_fds(self._orders, [order], [*standard, tells])
        os.close(tells)
        return Child(told)


class Child:
    """A forked process, and how it ended."""

    def __init__(self, told: int) -> None:
        self._told = told
        self.pid = self._number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit status if it has ended; minus the signal's number if that was the reason."""
        self._look(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._look(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(["forked", str(self.pid)], timeout or 0.0)
        return self.returncode

    def await_end(self) -> None:
        """Wait until it has ended, and leave it to another thread to see how."""
        if self.returncode is None:
            select.select([self._told], [], [])

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _look(self, seconds: float | None) -> None:
        if self.returncode is None and select.select([self._told], [], [], seconds)[0]:
            self.returncode = self._number()
            os.close(self._told)

    def _number(self) -> int:
        number: int = NUMBER.unpack(os.read(self._told, NUMBER.size))[0]
        return number


class Forked:
    """What ``subprocess.Popen`` is for a process of our own."""

    def __init__(self, stdin: TextIO, stdout: TextIO, child: Child) -> None:
        self.stdin, self.stdout = stdin, stdout
        self.pid, self.poll, self.wait, self.send_signal = child.pid, child.poll, child.wait, child.send_signal


# In the server.


def import_program() -> None:
    """Import ``ingest`` whole, and what is installed for it, and find out what its verbs and their options are."""
    import typer.main  # noqa: PLC0415 - the driver needs none of it

    from listener import cli, extensions  # noqa: PLC0415
    from listener.database.sql_files import sql_files  # noqa: PLC0415

    for module, slow in ((typer.main, "get_command"), (extensions, "entry_points")):
        setattr(module, slow, functools.cache(getattr(module, slow)))
    for name in (*(f"listener.cli.{found.name}" for found in pkgutil.iter_modules(cli.__path__)), *HEAVY):
        importlib.import_module(name)
    for kind in ("embedders", "formats", "sources"):
        extensions.installed(f"ingest_listener.{kind}")
    sql_files()
    typer.main.get_command(cli.app)
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a process with threads can't be forked safely"


def serve(orders: int) -> None:
    """Fork a process for each order; returns in each of them. Ends when nobody can give one any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # how go-betweens end is of no interest
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, it is for the tests and their processes
    gc.freeze()
    with socket.socket(fileno=orders) as channel:
        while True:
            order, files, _, _ = socket.recv_fds(channel, ORDER_BYTES, 4)
            if not order:
                os._exit(0)
            if os.fork() == 0:
                break
            for file in files:
                os.close(file)
    arguments, folder, environment = json.loads(order)
    _become(arguments, folder, environment, files)


def _become(arguments: list[str], folder: str, environment: dict[str, str], files: list[int]) -> None:
    """Fork once more: the parent tells how the child ends; the child becomes what was ordered."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, told = files
    if pid := os.fork():
        os.write(told, NUMBER.pack(pid))
        for file in standard:  # whoever reads the other end is to see it close
            os.close(file)
        _, status = os.waitpid(pid, 0)
        os.write(told, NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, (file, name) in enumerate(zip(standard, ("stdin", "stdout", "stderr"), strict=True)):
        os.dup2(file, number)
        setattr(sys, name, _standard(number, name))
    for file in files:
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


def end_after(main: Callable[[], None]) -> None:
    """Run ``main``, then end as Python does, but for taking apart what was imported.

    That would copy each page that is shared with the server, which takes ten times as long as most commands.
    """
    status = 0
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        status = end.code
    threading._shutdown()  # type: ignore[attr-defined] - there is no other way to wait as the interpreter does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


def _standard(number: int, name: str) -> TextIO:
    """Open a standard file as a new interpreter does: only errors are seen line by line, if nobody flushes."""
    before = getattr(sys, f"__{name}__")
    mode, buffering = "w" if number else "r", 1 if name == "stderr" or os.isatty(number) else -1
    opened = os.fdopen(number, mode, buffering, before.encoding, before.errors, closefd=False)
    return cast(TextIO, opened)
