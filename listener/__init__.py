"""A row committed to ``ingest_requests`` becomes searchable chunks in the same Postgres.

For programs: ``connect()``, or ``add``, ``wait``, ``search`` and so on for a single call; see ``docs/python.md``.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would be most of what importing this costs
if TYPE_CHECKING:
    from listener.client import (
        Failure,
        Hit,
        Ingest,
        Passage,
        Reason,
        Status,
        add,
        cancel,
        connect,
        context,
        failures,
        fork,
        resume,
        retry,
        search,
        status,
        statuses,
        wait,
        wait_all,
    )
    from listener.errors import IngestError, OperatorError, RequestError, WaitTimeoutError

__version__ = "0.2.0.dev0"
__all__ = [
    "Failure",
    "Hit",
    "Ingest",
    "IngestError",
    "OperatorError",
    "Passage",
    "Reason",
    "RequestError",
    "Status",
    "WaitTimeoutError",
    "add",
    "cancel",
    "connect",
    "context",
    "failures",
    "fork",
    "resume",
    "retry",
    "search",
    "status",
    "statuses",
    "wait",
    "wait_all",
]


if not TYPE_CHECKING:  # else every name would be there for a type checker

    def __getattr__(name: str) -> object:
        """Import the interface when it is first used: the command and the listener import this package without it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415

        home = import_module("listener.errors" if name.endswith("Error") else "listener.client")
        return getattr(home, name)
