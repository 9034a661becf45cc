"""Listeners that are killed and replaced, an embedding service that remembers who sent what, and a Postgres to kill."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from benchmarks import endpoint
from listener import embedded

DIMENSIONS = 64
LATENCY_SECONDS = 0.15
SCHEMAS = "public, dbos"
STOPPED = (-signal.SIGTERM, 128 + signal.SIGTERM)  # before it was ready

DOORBELLS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where application_name like 'ingest %' and pid <> pg_backend_pid()
  and query ~* 'ingest_(rest|claim|wake)|^listen|ingest_proof'
"""
"""Only the doorbell's session says any of this."""


@dataclass
class Service:
    """The fake embedding service: which listener (by its API key) sent which texts, as SHA-256, in order."""

    url: str = ""
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def by(self, listener: str | None) -> set[bytes]:
        """Return what a listener sent; None: what all of them did."""
        return {digest for who, digest in self.sent if listener in (None, who)}


class _Recorder(endpoint.Endpoint):
    """One connection. It belongs to one listener, so its first call says whose it is."""

    def __init__(self, service: Service, base64s: list[bytes]) -> None:
        super().__init__(LATENCY_SECONDS, base64s, [])
        self._service = service
        self._key = ""

    def data_received(self, data: bytes) -> None:
        if not self._key:
            self._key = data.partition(b"Bearer ")[2].partition(b"\r\n")[0].decode()
        super().data_received(data)

    def _embed(self, call: dict[str, Any]) -> list[bytes]:
        self._service.sent += [(self._key, sha256(text.encode()).digest()) for text in call["input"]]
        return super()._embed(call)


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    """Run the embedding service in this process."""
    vectors = np.random.default_rng(1).standard_normal((endpoint.POOL, DIMENSIONS)).astype("<f4")
    base64s = [b'"%s"' % base64.b64encode(vector.tobytes()) for vector in vectors]
    running = Service()
    server = await asyncio.get_running_loop().create_server(lambda: _Recorder(running, base64s), "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield running


class Fleet:
    """A number of listeners, each ``ingest listen`` with a key of its own for the embedding service."""

    def __init__(self, dsn: str, logs: Path, url: str, **settings: object) -> None:
        """``settings`` are INGEST_ variables without their prefix; ``logs`` is a folder to be made."""
        logs.mkdir()
        self._dsn = dsn
        self._logs = logs
        self._environment = _clean() | {f"INGEST_{name.upper()}": str(value) for name, value in settings.items()}
        self._environment |= {
            "INGEST_DATABASE_URL": dsn,
            "INGEST_LOG_LEVEL": "INFO",
            "INGEST_EMBEDDER": "openai",
            "INGEST_EMBEDDING_MODEL": "chaos",
            "INGEST_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
            "OPENAI_BASE_URL": url,
        }
        self._begun = 0
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self.exits: dict[str, int] = {}

    async def add(self) -> str:
        """Start one more; return its key."""
        self._begun += 1
        key = f"listener-{self._begun}"
        with self.log(key).open("wb") as log:
            self.running[key] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "listener", "listen", "--wait-for-database", "60",
                env=self._environment | {"OPENAI_API_KEY": key}, stderr=log, stdout=log,
            )  # fmt: skip
        return key

    async def kill(self, key: str) -> None:
        """Kill one with SIGKILL."""
        process = self.running.pop(key)
        if process.returncode is None:
            process.kill()
        self.exits[key] = await process.wait()

    async def replace_the_ended(self) -> None:
        """Do what a supervisor does: start another one for each that ended by itself."""
        for key in [key for key, process in self.running.items() if process.returncode is not None]:
            self.exits[key] = self.running.pop(key).returncode or 0
            await self.add()

    async def stop(self) -> None:
        """End all with SIGTERM."""
        for process in self.running.values():
            if process.returncode is None:
                process.terminate()
        for key, process in self.running.items():
            self.exits[key] = await process.wait()
        self.running.clear()

    def log(self, key: str) -> Path:
        """Return the file with a listener's log."""
        return self._logs / f"{key}.log"

    def said(self, piece: str) -> int:
        """Return how many lines of all logs contain ``piece``."""
        return sum(piece in line for log in self._logs.glob("*.log") for line in log.read_text().splitlines())

    def failed(self) -> dict[str, list[str]]:
        """Return the last words of listeners that ended by themselves, with a status other than 5.

        5 is for a supervisor to start it again: Postgres was away at its start, or others had declared it dead.
        """
        ended = [key for key, status in self.exits.items() if status not in (0, 5, -signal.SIGKILL, *STOPPED)]
        return {key: self.log(key).read_text().splitlines()[-4:] for key in ended}

    async def matured(self, count: int) -> None:
        """Wait until ``count`` listeners have beaten for more than a lease, so that each may judge the others."""
        query = (
            "select count(*) from ingest_listeners where dead_at is null"
            " and clock_timestamp() - started_at > lease * 1.2 and heartbeat_at > clock_timestamp() - lease"
        )
        connection = await connect(self._dsn)
        while await connection.fetchval(query) < count:  # noqa: ASYNC110 - the other side is a database
            await asyncio.sleep(0.1)
        await connection.close()


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "OPENAI_", "PG"))}


async def connect(dsn: str) -> asyncpg.Connection:
    """Connect to a Postgres that may be away just now."""
    while True:
        try:
            return await asyncpg.connect(dsn, timeout=5, server_settings={"search_path": SCHEMAS})
        except (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(0.005)


async def restart_postgres(server: embedded.Server, away_seconds: float) -> float:
    """Kill Postgres with SIGQUIT (an immediate stop), start it again; return when it accepted connections again."""
    postmaster = int((server.home.cluster / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGQUIT)
    while server.home.alive():  # noqa: ASYNC110 - the other side is a file lock
        await asyncio.sleep(0.01)
    await asyncio.sleep(away_seconds)
    starting = asyncio.create_task(embedded.start(server.home.path.parent))
    await (await connect(server.dsn())).close()
    accepted = time.monotonic()
    await starting
    return accepted
