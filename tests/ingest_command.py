"""``ingest`` as people and scripts call it: a process of its own, with no setting but those that are given.

It is forked from a process that has imported the program (``forking``), since a start of Python costs most of a second
of CPU. It is executed where Python itself is told something (``PYTHONPATH``, a locale), or ``executed`` is asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from forking import Child, clean_environment, fork_server, stand_in

import listener

CONFIG = Path(__file__).parents[1] / "dbos-config.yaml"
PROGRAM = "ingest_command"
OF_PYTHON = ("PYTHON", "LANG", "LC_")


@dataclass(frozen=True)
class Ended:
    """How a call of ``ingest`` ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        error: dict[str, str] = json.loads(self.err)["error"]
        return error

    def code(self) -> str:
        """The code of an error that was told as text."""
        return self.err.removeprefix("error: ").partition(":")[0]


class Process(Protocol):
    """What tests use of ``asyncio.subprocess.Process``."""

    pid: int
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def returncode(self) -> int | None: ...

    def send_signal(self, signal: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    async def wait(self) -> int: ...
    async def communicate(self, input: bytes | None = None) -> tuple[bytes, bytes]: ...


class Ingest:
    """Calls ``ingest`` in an empty folder, with no setting but those that are given."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.executed = folder, False
        self.environment = clean_environment() | settings

    async def start(self, *arguments: str, **settings: str) -> Process:
        environment = self.environment | settings
        if not self.executed and _of_python(environment) == _of_python(clean_environment()):
            return await ForkedIngest.start(arguments, self.folder, environment)
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "listener", *arguments, cwd=self.folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    async def __call__(self, *arguments: str, stdin: bytes = b"", **settings: str) -> Ended:
        process = await self.start(*arguments, **settings)
        return await self.end(process, stdin)

    async def end(self, process: Process, stdin: bytes = b"") -> Ended:
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        assert b"Traceback" not in err, err.decode()[-2500:]
        return Ended(process.returncode, out.decode(), err.decode())

    async def on_a_terminal(self, *arguments: str, columns: int, **settings: str) -> Ended:
        """Return what the command writes on a terminal so wide."""
        ours, its = pty.openpty()
        environment = self.environment | {"COLUMNS": str(columns), "TERM": "xterm-256color"} | settings
        nothing, standard_error = os.open(os.devnull, os.O_RDONLY), 2
        child = await asyncio.to_thread(
            fork_server().fork, PROGRAM, arguments, self.folder, environment, (nothing, its, standard_error)
        )
        os.close(nothing)
        os.close(its)
        written = await asyncio.to_thread(_all_of, ours)
        status = await asyncio.to_thread(child.wait)
        return Ended(status, written.decode().replace("\r\n", "\n"), "")


def _all_of(terminal: int) -> bytes:
    written = b""
    with suppress(OSError):  # the other end is closed
        while more := os.read(terminal, 65536):
            written += more
    os.close(terminal)
    return written


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(OF_PYTHON)}


class ForkedIngest:
    """What ``asyncio.subprocess.Process`` is for a forked ``ingest``."""

    def __init__(
        self, child: Child, stdin: asyncio.WriteTransport, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader
    ) -> None:
        self._child, self._stdin = child, stdin
        self.pid = child.pid
        self.stdout: asyncio.StreamReader | None = stdout
        self.stderr: asyncio.StreamReader | None = stderr

    @classmethod
    async def start(cls, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]) -> ForkedIngest:
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = os.pipe(), os.pipe(), os.pipe()
        standard = (stdin, stdout, stderr)
        child = await asyncio.to_thread(fork_server().fork, PROGRAM, arguments, folder, environment, standard)
        for file in standard:
            os.close(file)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(to_stdin, "wb", 0))
        return cls(child, transport, await _reader(from_stdout), await _reader(from_stderr))

    @property
    def returncode(self) -> int | None:
        return self._child.poll()

    def send_signal(self, signal: int) -> None:
        self._child.send_signal(signal)

    def terminate(self) -> None:
        self._child.send_signal(15)

    def kill(self) -> None:
        self._child.send_signal(9)

    async def wait(self) -> int:
        await asyncio.to_thread(self._child.await_end)
        return self._child.wait()

    async def communicate(self, input: bytes | None = None) -> tuple[bytes, bytes]:
        assert self.stdout
        assert self.stderr
        self._stdin.write(input or b"")
        self._stdin.close()  # what is not written yet is written
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err


async def _reader(file: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(file, "rb", 0)
    )
    return reader


def in_a_project(tmp_path: Path, database: str) -> dict[str, str]:
    """Prepare a folder with our configuration, and an ``ingest`` on the PATH; return the environment."""
    shutil.copy(CONFIG, tmp_path)
    program = tmp_path / "bin" / "ingest"
    if not program.exists():  # what is open for writing can't be run meanwhile: "Text file busy"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {shlex.join(stand_in())} "$@"\n')
        program.chmod(0o755)
    package = str(Path(listener.__file__).parents[1])
    path = os.pathsep.join([str(program.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "PYTHONPATH": package, "INGEST_DATABASE_URL": database}


def main() -> None:
    """Be ``ingest``, in a process that was forked."""
    from listener import cli  # noqa: PLC0415 - the driver needs none of it

    sys.argv[0] = str(Path(listener.__file__).parent / "__main__.py")
    cli.main()
