"""A real PgBouncer before a test's Postgres. In transaction mode, each transaction gets any of its login's sessions."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pipeline import until

from listener.embedded import Server
from listener.embedded.server import PORT

PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
SOCKET = f".s.PGSQL.{PORT}"  # no TCP port: another program could have it
SESSIONS = 2
TRANSACTIONS = f"pool_mode = transaction\ndefault_pool_size = {SESSIONS}\n"
CONFIGURATION = """
[databases]
* = host={server}
[pgbouncer]
{settings}
auth_type = trust
auth_file = {folder}/users.txt
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


@dataclass(frozen=True)
class Pooler:
    """A PgBouncer that runs. Its socket and its log lie in ``folder``."""

    folder: Path

    def url(self, dsn: str, role: str) -> str:
        """Return the way through it to the database of ``dsn``, with a login of its own."""
        return f"postgresql://{role}@{urlsplit(dsn).path}?host={quote(str(self.folder), safe='')}&port={PORT}"

    async def accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(self.folder / SOCKET)
        except OSError:
            return False
        writer.close()
        return True


@asynccontextmanager
async def pooler(
    server: Server, folder: Path, roles: Iterable[str], settings: str = TRANSACTIONS
) -> AsyncIterator[Pooler]:
    """Run PgBouncer for some logins, as the user of the server: only that one gets to its socket."""
    assert PROGRAM
    account, user = server.home.account, dict[str, Any]()
    if account.uid is not None and account.gid is not None:
        os.chown(folder, account.uid, account.gid)
        user = {"user": account.uid, "group": account.gid, "extra_groups": []}
    (folder / "users.txt").write_text("".join(f'"{role}" ""\n' for role in roles))
    values = {
        "server": server.socket_folder,
        "settings": settings,
        "sessions": SESSIONS,
        "folder": folder,
        "port": PORT,
    }
    (folder / "pgbouncer.ini").write_text(CONFIGURATION.format(**values))
    process = await asyncio.create_subprocess_exec(PROGRAM, "-q", str(folder / "pgbouncer.ini"), **user)
    it = Pooler(folder)

    async def accepts() -> bool:
        assert process.returncode is None, (folder / "pgbouncer.log").read_text()
        return await it.accepts()

    try:
        await until(accepts)
        yield it
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
