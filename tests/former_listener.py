"""The former release beside this one: commands and listeners of either, as processes on one database.

::

    unpacked(folder) ─► Release ─► command(…)       ingest migrate, add, status …
    present()        ─►         └► ReleasedListener ingest listen, its log kept as records

A process gets the package of its release by PYTHONPATH and runs in a folder without one, so that everything else comes
from the environment. Each says which release it runs before it does anything else.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from embedding_service import EmbeddingService
from ingest_command import Ingest

import listener
from listener.embedded import Server

WHEEL = next((Path(__file__).parent / "former").glob("ingest_listener-*.whl"))
PATIENCE_SECONDS = 60.0
# Its stdin is the test's: when the test is gone, it ends at once.
PROGRAM = """
import os, sys, threading
import listener
assert listener.__version__ == sys.argv[1], f"{listener.__file__} is {listener.__version__}, not {sys.argv[1]}"
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(99)), daemon=True).start()
sys.argv[:2] = ["ingest"]
from listener.cli import main
main()
"""


@dataclass(frozen=True)
class Release:
    """A release of the program: its version, and the folder that holds its package ``listener``."""

    version: str
    folder: Path

    def command(self, folder: Path, dsn: str, **settings: str) -> Ingest:
        """Return the command ``ingest`` of this release, run in ``folder``, with INGEST_ variables for settings."""
        return Ingest(folder, PYTHONPATH=str(self.folder), INGEST_DATABASE_URL=dsn, **settings)


def unpacked(folder: Path) -> Release:
    """Return the former release, from its wheel in ``tests/former``."""
    with zipfile.ZipFile(WHEEL) as wheel:
        wheel.extractall(folder)
    return Release(WHEEL.name.split("-")[1], folder)


def present() -> Release:
    """Return the release under test, installed or not."""
    return Release(listener.__version__, Path(listener.__file__).parents[1])


async def migrated_by(release: Release, server: Server, folder: Path) -> str:
    """Return the name of a new database that a release has migrated."""
    name = f"of_{release.version.replace('.', '_')}_{uuid.uuid4().hex}"
    await server.create_database(name)
    ended = await release.command(folder, server.dsn(name))("migrate")
    assert ended.status == 0, ended.err
    return name


class ReleasedListener:
    """Starts ``ingest listen`` of a release. ``settings``: INGEST_ variables without their prefix, or OPENAI_ ones."""

    def __init__(self, release: Release, dsn: str, folder: Path, **settings: object) -> None:
        folder.mkdir(parents=True)
        self.release = release
        given = {_variable(name): str(value) for name, value in settings.items()}
        environment = release.command(folder, dsn).environment | given
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, release.version, "listen", "--json"], cwd=folder,
            env={name: value for name, value in environment.items() if not name.startswith("OPENAI_")} | given,
            text=True, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.executor_id = ""
        self._log = folder / "stderr.log"  # for who looks at a failed test's folder
        self._lines: list[str] = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=[self.process.stderr], daemon=True)
        self._reader.start()

    async def ready(self) -> ReleasedListener:
        """Wait until it claims."""
        said = await asyncio.to_thread(self._said, "listening on ")
        self.executor_id = said.rpartition(" as ")[2]
        return self

    def records(self, *levels: str) -> list[dict[str, Any]]:
        """Return what it logged at these levels so far. A line that is no record (a traceback) is an ERROR."""
        with self._grown:
            return [record for record in map(_record, self._lines) if record["level"] in levels]

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    async def stop(self) -> int:
        """End it by SIGTERM; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._ended)

    def kill(self) -> None:
        self.process.kill()
        self._ended()

    def _ended(self) -> int:
        status = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        assert self.process.stdin
        self.process.stdin.close()
        return status

    def _said(self, start: str) -> str:
        def find() -> str | None:
            messages = (str(_record(line)["message"]) for line in self._lines)
            return next((message for message in messages if message.startswith(start)), None)

        with self._grown:
            assert self._grown.wait_for(lambda: find() or not self._reader.is_alive(), PATIENCE_SECONDS), self._lines
            found = find()
        assert found, self._lines
        return found

    def _read(self, out: IO[str]) -> None:
        with out, self._log.open("a") as log:
            for line in out:
                print(line, end="", file=log, flush=True)
                self._keep(line.rstrip("\n"))
        with self._grown:
            self._grown.notify_all()

    def _keep(self, line: str) -> None:
        with self._grown:
            self._lines.append(line)
            self._grown.notify_all()


def with_service(
    release: Release, dsn: str, folder: Path, service: EmbeddingService, name: str, **settings: object
) -> ReleasedListener:
    """Start a listener that embeds by ``service``, where its name is its key, and may read all below ``folder``.

    Its safety poll is far off: what it soon claims was rung for. Its lease is long, for machines that have much to do.
    """
    return ReleasedListener(
        release, dsn, folder / name, embedder="openai", embedding_model="test", embedding_dimensions=service.dimensions,
        openai_base_url=service.url, openai_api_key=name, file_roots=folder, concurrency=8, parse_workers=1,
        heartbeat_seconds=0.5, lease_seconds=15, safety_poll_seconds=600, **settings,
    )  # fmt: skip


def _record(line: str) -> dict[str, Any]:
    try:
        record = dict(json.loads(line))
    except ValueError:
        record = {}
    return record if record.get("message") else {"level": "ERROR", "message": line}


def _variable(name: str) -> str:
    return name.upper() if name.startswith("openai_") else f"INGEST_{name.upper()}"
