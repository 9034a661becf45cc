"""``ingest`` as people and scripts call it: a process of its own, with no setting but those that are given."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import listener

CONFIG = Path(__file__).parents[1] / "dbos-config.yaml"


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


class Ingest:
    """Calls ``ingest`` in an empty folder, with no setting but those that are given."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "PG"))}
        package = Path(listener.__file__).parent  # the same as in this process, installed or not
        self.environment = clean | {"PYTHONPATH": str(package.parent)} | settings

    async def start(self, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "listener", *arguments, cwd=self.folder, env=self.environment | settings,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    async def __call__(self, *arguments: str, stdin: bytes = b"", **settings: str) -> Ended:
        process = await self.start(*arguments, **settings)
        return await self.end(process, stdin)

    async def end(self, process: asyncio.subprocess.Process, stdin: bytes = b"") -> Ended:
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        assert b"Traceback" not in err
        return Ended(process.returncode, out.decode(), err.decode())


def in_a_project(tmp_path: Path, database: str) -> dict[str, str]:
    """Prepare a folder with our configuration, and an ``ingest`` on the PATH; return the environment."""
    shutil.copy(CONFIG, tmp_path)
    program = tmp_path / "bin" / "ingest"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m listener "$@"\n')
    program.chmod(0o755)
    package = str(Path(listener.__file__).parents[1])
    path = os.pathsep.join([str(program.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "PYTHONPATH": package, "INGEST_DATABASE_URL": database}
