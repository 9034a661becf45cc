"""The folder of an embedded server: its owner, its two locks, its stale files, its logs."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from listener.embedded.binaries import Account, unprivileged_account
from listener.errors import OperatorError

Progress = Callable[[str], None]

APPLICATION = "ingest-listener"
POLL_SECONDS = 0.02  # nothing wakes us when a file lock is released or a server has started
SAY_SECONDS = 1.0
PROBE_SECONDS = 5.0  # far longer than a check whether a server is alive holds its lock
LOG_LINES = 20


def default_data_dir() -> Path:
    """Return the user's data folder for us; for root the system's, as others can't pass root's own."""
    if os.geteuid() == 0:
        return platformdirs.site_state_path(APPLICATION)
    return platformdirs.user_data_path(APPLICATION)


@dataclass(frozen=True, slots=True)
class Home:
    """An existing folder ``path`` of ours, and the ``account`` that the server in it runs as."""

    path: Path
    account: Account

    @property
    def cluster(self) -> Path:
        """The server's own files. The folder is there when they are complete."""
        return self.path / "cluster"

    @property
    def version(self) -> int | None:
        """The major version of the server here; none before the first start."""
        file = self.cluster / "PG_VERSION"
        return int(file.read_text()) if file.exists() else None

    @asynccontextmanager
    async def starting(self, progress: Progress) -> AsyncIterator[int]:
        """Hold the lock under which the server is started and stopped; yield its descriptor."""
        say = every(SAY_SECONDS, progress)
        with self._lock_file("starting.lock") as descriptor:
            while not _locked(descriptor):
                say("Waiting for another process that is starting or stopping the embedded Postgres")
                await asyncio.sleep(POLL_SECONDS)
            yield descriptor

    @contextmanager
    def life(self) -> Iterator[int | None]:
        """Yield the descriptor that a new server has to inherit; none if something of a server is still alive."""
        with self._lock_file("alive.lock") as descriptor:
            deadline = time.monotonic() + PROBE_SECONDS
            while not (free := _locked(descriptor)) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            yield descriptor if free else None

    def alive(self) -> bool:
        """Tell whether any process of the server is alive, the postmaster or its leftovers."""
        with self._lock_file("alive.lock") as descriptor:
            return not _locked(descriptor, fcntl.LOCK_SH)  # shared: checks don't mistake each other for a server

    def processes(self) -> tuple[list[int], list[int]]:
        """Return the ids of the postmasters, and of their children, that work in the cluster's folder (Linux only)."""
        postmasters: list[int] = []
        children: list[int] = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cwd").readlink() != self.cluster:
                    continue
                title = (process / "cmdline").read_bytes()
            except OSError:
                continue  # it ended, or is another user's
            if title.startswith(b"postgres: "):  # the title that children take
                children.append(int(process.name))
            elif title.partition(b"\0")[0].endswith(b"/postgres"):
                postmasters.append(int(process.name))
        return postmasters, children

    def forget_dead_server(self) -> None:
        """Remove the pid files of a server that is gone, when nothing holds ``alive.lock``.

        Postgres does not start while the pid in them, now perhaps another program's, is alive, nor if they are cut
        off.
        """
        if Path("/proc/self").exists() and not any(self.processes()):  # nor one that somebody started by hand
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
            (self.cluster / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def end_orphans(self) -> None:
        """Kill the leftovers of a killed postmaster, if it is gone; no new one can start as long as they run."""
        postmasters, children = self.processes()
        for child in () if postmasters else children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def discard_unfinished(self) -> None:
        """Remove the leftovers of starts that were killed."""
        for folder in (*self.path.glob("init-*"), *self.path.glob("*.unfinished")):
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, name: str, text: str) -> None:
        """Write the file ``name``, readable by the server; it is replaced as a whole or stays as it was."""
        unfinished = self.path / f"{name}.unfinished"
        unfinished.unlink(missing_ok=True)
        with unfinished.open("x") as file:
            os.fchmod(file.fileno(), 0o600)
            self.account.owns(file.fileno())
            file.write(text)
        unfinished.replace(self.path / name)

    def log_tail(self) -> str:
        """Return the last lines of what the server said at its start and of its newest log."""
        newest = sorted(self.cluster.glob("log/*.log"), key=lambda file: file.stat().st_mtime)[-1:]
        files = [file for file in (self.path / "start.log", *newest) if file.exists()]
        return "\n".join(line for file in files for line in _last_lines(file))

    def last_said(self) -> str:
        """Return the last thing that the server said about itself, such as how far its recovery is."""
        # Its other lines are then about us, asking too early.
        return next((line for line in reversed(self.log_tail().splitlines()) if "LOG:" in line), "no log yet")

    @contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path / name, flags, 0o600)
        try:
            if os.geteuid() == 0:  # in a folder of an ordinary user, that user must be able to lock it next time
                owner = self.path.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            yield descriptor
        finally:
            os.close(descriptor)


def open_home(data_dir: Path | None) -> Home:
    """Make sure that ``data_dir`` (or the default) has our folder in it, private, and that the server can work there.

    Raises: OperatorError ``data_dir_unreachable``, ``embedded_no_account``.
    """
    base = (data_dir or default_data_dir()).expanduser().resolve()
    path = base / "postgres"
    try:
        if not base.exists():
            base.mkdir(parents=True)
            base.chmod(0o711 if os.geteuid() == 0 else 0o700)
        path.mkdir(mode=0o700, exist_ok=True)
        home = Home(path, _claim(path))
    except OSError as error:
        raise _unreachable(path, f"{error.strerror}: {error.filename}") from error
    if home.account.uid is not None and not home.account.reaches(path):
        why = f"Postgres does not run as root, and uid {home.account.uid} can't pass the folders above"
        raise _unreachable(path, why)
    return home


def _claim(path: Path) -> Account:
    owner = path.stat()
    if os.geteuid() != 0:
        path.chmod(0o700)  # raises if it is another user's
        return Account()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)  # an ordinary user's: root comes as a guest
    cluster = path / "cluster"
    account = Account(cluster.stat().st_uid, cluster.stat().st_gid) if cluster.exists() else unprivileged_account()
    assert account.gid is not None
    os.chown(path, 0, account.gid)
    path.chmod(0o710)
    return account


def _unreachable(path: Path, why: str) -> OperatorError:
    return OperatorError(
        "data_dir_unreachable",
        f"the embedded Postgres can't use {path}: {why}",
        f"set INGEST_DATA_DIR to a folder that it can use (default: {default_data_dir()}), or set INGEST_DATABASE_URL",
    )


def _locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise OperatorError(
            "data_dir_unlockable",
            f"the file system of the data folder does not lock files: {error.strerror}",
            "set INGEST_DATA_DIR to a local disk, or set INGEST_DATABASE_URL",
        ) from error
    return True


def _last_lines(file: Path) -> list[str]:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 16_384))
        return stream.read().decode(errors="replace").splitlines()[-LOG_LINES:]


def every(seconds: float, progress: Progress) -> Progress:
    """Return a ``progress`` that speaks after ``seconds`` for the first time and at most that often."""
    last = time.monotonic()

    def say(message: str) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            progress(message)

    return say
