"""A Postgres 15 as Debian installs it, where it is installed: without pgvector, with TLS and passwords."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PGVECTOR = Path("/usr/share/postgresql/15/extension/vector.control")
PASSWORD = "p/w@[%#+"
CERTIFICATE = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=db.example",
]


@dataclass(frozen=True)
class Debian:
    """A server that runs; its socket and the certificate of ``db.example`` lie in ``folder``."""

    folder: Path
    port: int

    @property
    def certificate(self) -> Path:
        return self.folder / "server.crt"


@contextmanager
def running() -> Iterator[Debian]:
    """Run a server that lets its socket's users in, and others, on the loopback, by TLS or not, with ``PASSWORD``."""
    if not (PROGRAMS / "initdb").exists() or PGVECTOR.exists() or shutil.which("openssl") is None:
        pytest.skip("no Postgres 15 of Debian's without pgvector is installed, or no openssl")
    folder = Path(tempfile.mkdtemp(prefix="ingest-15-"))
    folder.chmod(0o755)
    user = dict[str, Any]()
    if os.geteuid() == 0:  # whom Postgres refuses; Debian's package has made this account
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **user)

    def control(*arguments: str) -> None:
        run(str(PROGRAMS / "pg_ctl"), "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", *arguments)

    try:
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        (folder / "data").mkdir()
        shutil.chown(folder / "data", user.get("user", os.geteuid()))
        run(
            str(PROGRAMS / "initdb"), "-D", f"{folder}/data", "-U", "postgres", "--auth-local=trust",
            "--auth-host=scram-sha-256", f"--pwfile={folder}/password", "-E", "UTF8", "--locale=C", "-N",
        )  # fmt: skip
        names = ["-addext", "subjectAltName=DNS:db.example"]
        run(
            "openssl",
            "req",
            "-x509",
            *CERTIFICATE,
            *names,
            "-keyout",
            f"{folder}/server.key",
            "-out",
            f"{folder}/server.crt",
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        tls = f"-c ssl=on -c ssl_cert_file={folder}/server.crt -c ssl_key_file={folder}/server.key"
        control("-o", f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off {tls}", "start")
        try:
            yield Debian(folder, port)
        finally:
            control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
