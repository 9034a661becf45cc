"""A server of S3 in a process of its own (moto's), on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class S3Server:
    """Where it is reached; ``environment`` is what a listener needs to."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self, name: str) -> S3Store:
        """Make a bucket; return a client of it."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT")).close()
        return S3Store(
            name, endpoint=self.url, region="us-east-1", access_key_id="test", secret_access_key="test",
            client_options={"allow_http": True}, retry_config={"retry_timeout": timedelta(seconds=10)},
        )  # fmt: skip


def put(bucket: S3Store, key: str, data: str, media_type: str = "text/markdown") -> None:
    obstore.put(bucket, key, data.encode(), attributes={"Content-Type": media_type})


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run one for the time of a block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INGEST_"))}
    with (folder / "s3.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=clean, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _answers(process, f"http://127.0.0.1:{port}")
        yield S3Server(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/moto-api/data.json").close()
            return
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)  # a pause between questions; nothing depends on its length
