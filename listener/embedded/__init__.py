"""The embedded Postgres: a server in a folder of ours, started by the first process that needs it and left running.

::

    <data_dir>/postgres/        private (0700; started by root: root's, 0710, passable for the server's own group)
        starting.lock           held by the one process that starts or stops the server, and by the initdb it runs
        alive.lock              held by every process of the server for as long as it lives
        settings.conf           our settings, written at each start; an operator's own go over them with ALTER SYSTEM
        start.log               what the server says before its log collector runs
        binaries-…/             a copy of the programs, only where the server's account can't reach the installed ones
        cluster/                Postgres's own files, its log/ and its socket; there as a whole or not at all

``alive.lock`` is locked by the starter and inherited by the server. So the kernel tells whether anything of it is left,
whatever happened to the starter, the postmaster or its pid file; no process id is trusted.

Nobody logs in. There is no TCP port, and only the server's account and root can pass the folder of the socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from listener.embedded import binaries
from listener.embedded.home import POLL_SECONDS, SAY_SECONDS, Home, Progress, default_data_dir, every, open_home
from listener.embedded.server import PORT, SUPERUSER, Server, socket_folder, stop_server
from listener.errors import OperatorError

__all__ = ["Server", "default_data_dir", "start", "stop"]

log = logging.getLogger(__name__)

ORPHAN_SECONDS = 3.0  # the rest of a killed postmaster ends within milliseconds, unless it is busy or stopped
SMALL_SHARED_MEMORY = 512 * 1024 * 1024  # containers get 64 MB by default; a parallel index build needs more

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_directories": ".",  # the cluster's own folder, however long the path to it is
    "unix_socket_permissions": "0700",
    "cluster_name": "ingest",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",  # for building vector indexes
    "max_wal_size": "2GB",  # fewer checkpoints in bulk loads
    "random_page_cost": "1.1",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",  # a week; a weekday's file is emptied when the day comes again
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_startup_progress_interval": "1s",  # shown while it recovers
}


async def start(
    data_dir: Path | None = None,
    *,
    version: int | None = None,
    settings: Mapping[str, str] | None = None,
    progress: Progress = log.info,
) -> Server:
    """Start the server in ``data_dir``, or attach to the running one, and return it when it is usable.

    It has a database ``ingest`` with pgvector. It stays running when this process ends, however it ends. Waits for
    crash recovery as long as that takes; ``progress`` is called with what it waits for, about once a second.

    ``version`` is the major version (default: the folder's own, for a new folder the newest installed). ``settings``
    override ``SETTINGS`` and take effect only when the server is started, not if it is already running.

    Raises: OperatorError ``embedded_missing``, ``embedded_version``, ``embedded_no_account``, ``embedded_init_failed``,
    ``embedded_start_failed``, ``data_dir_unreachable``, ``data_dir_unlockable``.
    """
    installed = binaries.installed()
    home = await asyncio.to_thread(open_home, data_dir)
    async with home.starting(progress) as lock:
        programs = await asyncio.to_thread(_programs, installed, home, version)
        server = Server(home, programs, socket_folder(home.cluster))
        if not await _comes_up(server, progress):
            if home.version is None:
                await asyncio.to_thread(_initialize, home, programs, lock, progress)
            await asyncio.to_thread(_launch, home, programs, {**SETTINGS, **(settings or {})})
            if not await _comes_up(server, progress):
                raise _failed("start", home, home.log_tail())
        await server.create_database("ingest")
    return server


async def stop(data_dir: Path | None = None) -> None:
    """Stop the server in ``data_dir`` and end all sessions, whoever started it; do nothing if none runs.

    Raises: OperatorError ``embedded_stop_failed`` and those of the folder, see ``start``.
    """
    home = await asyncio.to_thread(open_home, data_dir)
    await stop_server(home)


def _programs(installed: Mapping[int, Path], home: Home, version: int | None) -> Path:
    wanted = home.version or version or max(installed)
    if version not in (None, wanted):
        raise _wrong_version(f"{home.path} is of Postgres {wanted}, not {version}", "use another INGEST_DATA_DIR")
    if wanted not in installed:
        raise _wrong_version(f"Postgres {wanted} is not installed, only {sorted(installed)}", "ask for one of these")
    return binaries.reachable(installed[wanted], home.account, home.path)


async def _comes_up(server: Server, progress: Progress) -> bool:
    """Wait until ``server`` can be used; false as soon as no process of it is left."""
    began = time.monotonic()
    say = every(SAY_SECONDS, progress)
    pause = POLL_SECONDS
    while not await server.accepts():
        if not server.home.alive():
            return False
        if time.monotonic() - began > ORPHAN_SECONDS:
            server.home.end_orphans()
        say(f"Waiting for the embedded Postgres: {server.home.last_said()}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, 0.25)  # a recovery may take minutes
    return True


def _initialize(home: Home, programs: Path, lock: int, progress: Progress) -> None:
    """Make the cluster aside and move it to its place; ``lock`` is held by initdb too, should we be killed."""
    progress("Creating the embedded Postgres")
    home.discard_unfinished()
    fresh = home.path / f"init-{secrets.token_hex(4)}"
    fresh.mkdir(mode=0o700)
    account = binaries.initdb_account(home.account)
    account.owns(fresh)
    _run_initdb(home, programs, account, fresh, lock)
    with (fresh / "postgresql.conf").open("a") as configuration:  # at its end: initdb sets some of the same
        configuration.write("include '../settings.conf'\n")
    (fresh / "pg_hba.conf").write_text("# Who can pass this folder may log in.\nlocal all all trust\n")
    home.account.owns_tree(fresh)
    fresh.rename(home.cluster)
    _sync(home.path)


def _run_initdb(home: Home, programs: Path, account: binaries.Account, fresh: Path, lock: int) -> None:
    # C.UTF-8 knows the letters of all scripts. With plain C, full-text search takes the quotes of “word” as letters.
    options = [f"--username={SUPERUSER}", "--encoding=UTF8", "--locale=C", "--auth=trust", "--data-checksums"]
    if binaries.major_version(programs) >= 17:  # its own: sorts and folds the same on every system
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb = [str(programs / "bin" / "initdb"), "-D", fresh.name, *options]
    done = binaries.run([*initdb, "--lc-ctype=C.UTF-8"], account, home.path, keep=(lock,))
    if "invalid locale name" in done.stderr:  # an old C library
        done = binaries.run([*initdb, "--lc-ctype=C"], account, home.path, keep=(lock,))
    if done.returncode != 0:
        raise _failed("init", home, done.stderr.strip())


def _launch(home: Home, programs: Path, settings: Mapping[str, str]) -> None:
    with home.life() as life:
        if life is None:
            raise _failed("start", home, "processes of an earlier server are still running but accept no connections")
        home.forget_dead_server()
        lines = (f"{name} = '{value}'\n" for name, value in {**settings, **_shared_memory()}.items())
        home.write("settings.conf", "".join(lines))
        home.write("start.log", "")
        # Relative paths: pg_ctl puts them into a shell command. -W: we wait ourselves, for as long as it takes.
        command = [str(programs / "bin" / "pg_ctl"), "start", "-W", "-s", "-D", "cluster", "-l", "start.log"]
        done = binaries.run(command, home.account, home.path, keep=(life,))
        if done.returncode != 0:
            raise _failed("start", home, done.stderr.strip() or home.log_tail())


def _shared_memory() -> dict[str, str]:
    folder = Path("/dev/shm")  # where Linux keeps POSIX shared memory
    if not folder.exists():
        return {}
    size = os.statvfs(folder)
    return {"dynamic_shared_memory_type": "mmap"} if size.f_blocks * size.f_frsize < SMALL_SHARED_MEMORY else {}


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(what: str, home: Home, output: str) -> OperatorError:
    return OperatorError(
        f"embedded_{what}_failed",
        f"the embedded Postgres in {home.path} did not {what}:\n{output}",
        f"see {home.path}/start.log and {home.cluster}/log, or set INGEST_DATABASE_URL",
    )


def _wrong_version(message: str, hint: str) -> OperatorError:
    return OperatorError("embedded_version", message, hint)
