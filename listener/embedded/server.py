"""A running embedded server: how to reach it, its databases, and its end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shlex
import signal
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import asyncpg

from listener.embedded.home import POLL_SECONDS, Home
from listener.errors import OperatorError

log = logging.getLogger(__name__)

SUPERUSER = "postgres"
PORT = 5432  # only part of the socket's name
SOCKET = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103  # bytes of sockaddr_un.sun_path without its NUL
STOP_SECONDS = 300.0  # ending sessions is quick; the last checkpoint may write gigabytes


@dataclass(frozen=True, slots=True)
class Server:
    """An embedded Postgres. Leaving ``async with`` stops it; without that it stays running.

    ``programs`` is the folder of its ``bin``; ``socket_folder`` is where clients find its socket.
    """

    home: Home
    programs: Path
    socket_folder: Path

    def dsn(self, database: str = "ingest") -> str:
        """Return the URL of ``database``, for asyncpg, psycopg, psql and, after a change of scheme, SQLAlchemy."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={PORT}"

    def psql_arguments(self, database: str = "ingest") -> list[str]:
        """Return the program and arguments that open the bundled psql on ``database``."""
        return [str(self.programs / "bin" / "psql"), self.dsn(database)]

    def psql_command(self, database: str = "ingest") -> str:
        """Return the line that opens the bundled psql on ``database`` when it is pasted into a shell."""
        return shlex.join(self.psql_arguments(database))

    async def create_database(self, name: str, template: str = "template1") -> None:
        """Create database ``name`` from database ``template``, with pgvector; an existing one stays as it is."""
        async with self._connection("postgres") as connection:
            if not await connection.fetchval("select true from pg_database where datname = $1", name):
                quoted = "select format('create database %I template %I', $1::text, $2::text)"
                await connection.execute(await connection.fetchval(quoted, name, template))
        async with self._connection(name) as connection:
            await connection.execute("create extension if not exists vector")

    async def drop_database(self, name: str) -> None:
        """Drop database ``name`` if it exists, and end the sessions in it."""
        async with self._connection("postgres") as connection:
            quoted = "select format('drop database if exists %I with (force)', $1::text)"
            await connection.execute(await connection.fetchval(quoted, name))

    async def accepts(self) -> bool:
        """Tell whether the server can be used now; a starting, recovering or stopping one can't."""
        try:
            async with self._connection("postgres"):
                return True
        except asyncpg.TooManyConnectionsError:
            return True
        except (OSError, asyncio.TimeoutError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
            return False

    async def stop(self) -> None:
        """Stop the server and end all sessions; do nothing if it does not run.

        Raises: OperatorError ``embedded_stop_failed``.
        """
        await stop_server(self.home)

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @asynccontextmanager
    async def _connection(self, database: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.dsn(database), timeout=10, ssl=False)
        try:
            yield connection
        finally:
            await connection.close()


async def stop_server(home: Home) -> None:
    """Stop whatever runs in ``home``: ask the postmaster, or end what is left of a killed one."""
    async with home.starting(log.info):
        deadline = time.monotonic() + STOP_SECONDS
        if postmaster := _postmaster(home):
            with suppress(ProcessLookupError):
                os.kill(postmaster, signal.SIGINT)  # Postgres's word for a fast shutdown
        while home.alive():
            if not postmaster:
                home.end_orphans()
            if time.monotonic() > deadline:
                raise _not_stopped(home)
            await asyncio.sleep(POLL_SECONDS)
        if (link := socket_folder(home.cluster)) != home.cluster:
            link.unlink()


def _postmaster(home: Home) -> int | None:
    # The kernel knows who listens on the socket; a pid file may be stale or cut off. (SO_PEERCRED: Linux only.)
    with closing(socket.socket(socket.AF_UNIX)) as peer:
        try:
            peer.connect(str(socket_folder(home.cluster) / SOCKET))
        except OSError:
            return None
        pid, _, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(pid) or None


def _not_stopped(home: Home) -> OperatorError:
    postmasters, children = home.processes()
    return OperatorError(
        "embedded_stop_failed",
        f"the embedded Postgres in {home.path} did not stop (processes {postmasters + children})",
        f"the end of its log: {home.log_tail()}",
    )


def socket_folder(cluster: Path) -> Path:
    """Return a folder that leads to the socket in ``cluster`` by a path that is short enough for one.

    That is ``cluster``, or a link to it in a private folder for temporary files. The server itself does not need
    the link: whoever starts or attaches recreates it after the temporary files were cleared.
    """
    if len(os.fsencode(cluster / SOCKET)) <= LONGEST_SOCKET_PATH:
        return cluster
    link = _private_folder() / hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    if not (link.is_symlink() and link.readlink() == cluster):
        link.unlink(missing_ok=True)
        link.symlink_to(cluster)
    return link


def _private_folder() -> Path:
    folder = Path(tempfile.gettempdir(), f"ingest-listener-{os.geteuid()}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
        return folder
    return Path(tempfile.mkdtemp(prefix="ingest-listener-"))  # another process took the name
