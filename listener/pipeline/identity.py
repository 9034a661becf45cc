"""Who a listener is: to the other listeners, and to DBOS."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from listener.settings import Settings

PIPELINE = "2"
"""Version of the steps. Raised when they change: an execution never mixes the steps of two versions."""

_TAKEN_BY_DBOS = re.compile(r"[a-z0-9_-]{3,256}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a listener is.

    ``application`` is its name in DBOS, ``dbos_schema`` the schema of DBOS's tables, ``pipeline`` the version of its
    steps. ``queue`` is the suffix of its queues' names: listeners with the same roots have the same, and share batches.
    """

    executor_id: str
    application: str
    dbos_schema: str
    pipeline: str
    roots: tuple[str, ...]
    queue: str

    @classmethod
    def of(cls, settings: Settings, pipeline: str, roots: tuple[str, ...]) -> Identity:
        """Return a new identity, for one run of a listener that may read what lies below ``roots``."""
        return cls(
            executor_id=f"{socket.gethostname()[:20]}-{os.getpid()}-{uuid4().hex[:8]}",
            application=application(settings),
            dbos_schema=settings.schema_of_dbos,
            pipeline=pipeline,
            roots=roots,
            queue="_" + _digest(settings.schema_, roots),
        )

    @property
    def session(self) -> str:
        """What its database sessions are called."""
        return f"ingest {self.executor_id}"

    @property
    def requests_queue(self) -> str:
        """DBOS's queue of request workflows."""
        return f"ingest_requests{self.queue}"

    @property
    def batches_queue(self) -> str:
        """DBOS's queue of batch workflows."""
        return f"ingest_batches{self.queue}"


def _digest(schema: str, roots: tuple[str, ...]) -> str:
    """Return what listeners with the same roots have in common, those of the former release too: these hash paths."""
    named = tuple(Path(root) if root.startswith("/") else root for root in roots)
    return hashlib.sha256(repr((schema, named)).encode()).hexdigest()[:8]


def application(settings: Settings) -> str:
    """Return DBOS's name for this installation; it takes small letters, digits, - and _, where a schema has any."""
    name = "ingest" if settings.schema_ == "public" else f"ingest_{settings.schema_}"
    return name if _TAKEN_BY_DBOS.fullmatch(name) else f"ingest-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
