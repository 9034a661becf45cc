"""Processes that are forked from one that has imported the program, which takes most of a second of CPU each time.

That one, the server, is started when the first is asked for, and ends with the tests. A process of it has a folder, an
environment, arguments and standard files of its own, like one that was executed; it goes on as one of ``PROGRAMS``.

::

    tests ── order, files ──▶ server ── fork ──▶ go-between ── fork ──▶ process
      ▲                                              │
      └───────────────── pid, how it ended ──────────┘

What shells and other programs are to call gets a program that does the same (``stand_in``, ``forked_ingest.py``).
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
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO, cast

import listener

NUMBER = struct.Struct("i")
ORDER_BYTES = 100_000
PROGRAMS = ("ingest_command", "listener_process")  # modules with a function ``main``
HEAVY = (
    "anyio._backends._asyncio",
    "dbos._migration",
    "dbos._sys_db_postgres",
    "listener.client",
    "listener.embedding.endpoint",
    "listener.engine.indexing",
    "listener.service",
    "pgvector.asyncpg",
    "sqlalchemy.dialects.sqlite",
)
HEAVY_EXTRAS = {"mcp": "listener.cli.assistant.assistant_server", "uvicorn": "listener.cli.webui.page_server"}


class ForkServer:
    """A process that imports what the programs need, then forks one for each order that comes through its door."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ingest-forks-")
        atexit.register(self._folder.cleanup)
        self.door = f"{self._folder.name}/door"
        self._life, its = os.pipe()  # it ends when nobody is left who can read this
        # It may have no threads, so numpy's BLAS starts none.
        environment = clean_environment() | {"OPENBLAS_NUM_THREADS": "1"}
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.bind(self.door)
            door.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(door.fileno()), str(its)], env=environment,
                pass_fds=[door.fileno(), its], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        os.close(its)

    def start(
        self, program: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stderr: TextIO
    ) -> Forked:
        """Fork a process."""
        (stdin, to_stdin), (from_stdout, stdout) = os.pipe(), os.pipe()
        child = self.fork(program, arguments, folder, environment, (stdin, stdout, stderr.fileno()))
        for file in (stdin, stdout):
            os.close(file)
        return Forked(os.fdopen(to_stdin, "w"), os.fdopen(from_stdout), child)

    def fork(
        self, program: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str],
        standard: tuple[int, int, int],
    ) -> Child:  # fmt: skip
        """Fork a process with these standard files, which stay the caller's to close."""
        order = json.dumps([program, list(arguments), str(folder), dict(environment)]).encode()
        told, tells = os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as through:
            through.connect(self.door)
            socket.send_fds(through, [order], [*standard, tells])
        os.close(tells)
        return Child(told)


@functools.cache
def fork_server() -> ForkServer:
    """The one from which this process has its listeners and commands forked."""
    return ForkServer()


def stand_in() -> list[str]:
    """Return the command that others can call instead of ``python -m listener``; it starts in 20 ms."""
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("forked_ingest.py")), fork_server().door]


def clean_environment(*without: str) -> dict[str, str]:
    """Return the tests' environment without settings, with the same package as in this process, installed or not."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "PG", *without))}
    return clean | {"PYTHONPATH": str(Path(listener.__file__).parents[1])}


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
    """Import ``ingest`` whole, and what is installed for it, and do once what each start of it does again."""
    import typer.main  # noqa: PLC0415 - the tests themselves need none of it

    from listener import cli, extensions  # noqa: PLC0415
    from listener.database import sql_files  # noqa: PLC0415
    from listener.embedding import registry, token_vectors  # noqa: PLC0415

    for owner, slow in (
        (typer.main, "get_command"), (extensions, "entry_points"), (extensions, "_registered"),
        (registry, "entry_points"), (token_vectors.TokenVectors, "load"),
    ):  # fmt: skip
        setattr(owner, slow, functools.cache(getattr(owner, slow)))
    verbs = (f"listener.cli.{found.name}" for found in pkgutil.iter_modules(cli.__path__))
    extras = (module for needed, module in HEAVY_EXTRAS.items() if find_spec(needed))
    for name in (*verbs, *HEAVY, *extras, *PROGRAMS):
        importlib.import_module(name)
    for kind in ("embedders", "formats", "sources"):
        extensions.installed(f"ingest_listener.{kind}")
    registry.find("local")
    token_vectors.TokenVectors.load(256)
    assert all(file.checksum for file in sql_files.sql_files())
    typer.main.get_command(cli.app)
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a process with threads can't be forked safely"


def serve(door: int, life: int) -> str:
    """Fork a process for each order; in each of them, return what it is to be. End with the tests."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # how go-betweens end is of no interest
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, it is for the tests and their processes
    gc.freeze()
    looks = select.poll()
    looks.register(door, select.POLLIN)
    looks.register(life, 0)
    with socket.socket(fileno=door) as entrance:
        while True:
            if life in dict(looks.poll()):
                os._exit(0)
            visitor, _ = entrance.accept()
            with visitor:
                order, files, _, _ = socket.recv_fds(visitor, ORDER_BYTES, 4)
            if os.fork() == 0:
                break
            for file in files:
                os.close(file)
    os.close(life)
    program, arguments, folder, environment = json.loads(order)
    _become(arguments, folder, environment, files)
    return str(program)


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
    threading._shutdown()  # type: ignore[attr-defined] # no other way waits as Python does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


def _standard(number: int, name: str) -> TextIO:
    """Open a standard file as a new interpreter does: only errors are seen line by line, if nobody flushes."""
    before = getattr(sys, f"__{name}__")
    mode, buffering = "w" if number else "r", 1 if name == "stderr" or os.isatty(number) else -1
    opened = os.fdopen(number, mode, buffering, before.encoding, before.errors, closefd=False)
    return cast(TextIO, opened)


if __name__ == "__main__":
    import_program()
    name = serve(int(sys.argv[1]), int(sys.argv[2]))
    end_after(importlib.import_module(name).main)
