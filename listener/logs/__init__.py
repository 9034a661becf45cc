"""Log lines on stderr, one per event, as text or JSON: what each is about, one format for all writers, no secrets.

::

    with logs.bound(request=id, batch=3):
        log.info("request ended", extra={"seconds": 1.5})

    2025-06-01T12:00:00.123Z INFO listener.pipeline.workflows: request ended [request=… batch=3 seconds=1.5]
    {"time": …, "level": "INFO", "logger": …, "message": "request ended", "request": …, "batch": 3, "seconds": 1.5}
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar, Token
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, TextIO

from listener.logs.masking import Secrets
from listener.logs.visible import on_one_line

Fields = Mapping[str, Any]

CHATTY = ("httpx", "httpcore", "openai")  # an INFO line for each call

_bound: ContextVar[Fields] = ContextVar("bound", default={})  # noqa: B039 - replaced, never changed
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_OF_DBOS = {"applicationID", "applicationVersion", "executorID"}  # on each of its lines the same, for all of a process


class bound:
    """Give each log line of a block these fields, also those of tasks that are started in it.

    A class and not a generator: that would cost three times as much, and it is entered for each step.
    """

    __slots__ = ("_fields", "_token")

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        self._token: Token[Fields] = _bound.set({**_bound.get(), **self._fields})

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _bound.reset(self._token)


def to_stderr(level: str, form: str, process: int | None = None, turns: int = -1) -> None:
    """Have everything that this process logs, warns of or dies of in a thread written to stderr.

    ``form`` is ``text`` or ``json``. What is secret in the environment is looked up now and hidden from now on.
    ``process``: a field of each line, where several processes write one log; ``turns``: what ``turns`` returned.
    """
    secrets = Secrets(os.environ)
    told = InTurn(turns) if turns >= 0 else logging.StreamHandler(sys.stderr)
    told.setFormatter(JsonLine(secrets, process) if form == "json" else LogLine(secrets, process))
    logging.basicConfig(level=level, handlers=[told], force=True)
    dbos = logging.getLogger("dbos")  # which brings its own handler, unless it has one when it is imported
    dbos.handlers, dbos.propagate = [told], False
    for name in CHATTY if level != "DEBUG" else ():
        logging.getLogger(name).setLevel("WARNING")
    if level != "DEBUG":
        logging.getLogger("asyncpg.pool").setLevel("ERROR")  # a traceback for what we say in a line: Postgres is away
    logging.captureWarnings(True)
    threading.excepthook = _log_end_of_thread


def _log_end_of_thread(end: threading.ExceptHookArgs) -> None:
    if end.exc_value is not None and not isinstance(end.exc_value, SystemExit):
        log = logging.getLogger(__name__)
        log.error("a thread failed", exc_info=end.exc_value, extra={"thread_name": getattr(end.thread, "name", None)})


def turns() -> int:
    """Return a file by whose lock processes take turns to log, -1 where there is none: to be inherited."""
    try:
        return os.memfd_create("turns to log")
    except (AttributeError, OSError):  # not on Linux, or a filter of system calls forbids it
        return -1


class InTurn(logging.StreamHandler[TextIO]):
    """Writes to stderr, an event at a time: a pipe keeps no more than 4 KB together, less than a traceback has."""

    def __init__(self, turns: int) -> None:
        super().__init__(sys.stderr)
        self._turns = turns

    def emit(self, record: logging.LogRecord) -> None:
        """Write an event. The lock is this process's, and goes with it however it ends."""
        fcntl.lockf(self._turns, fcntl.LOCK_EX)
        try:
            super().emit(record)
        finally:
            fcntl.lockf(self._turns, fcntl.LOCK_UN)


class LogLine(logging.Formatter):
    """``2025-06-01T12:00:00.123Z INFO listener.engine.claims: … [request=…]``, then a traceback, indented."""

    def __init__(self, secrets: Secrets, process: int | None = None) -> None:
        super().__init__()
        self._secrets = secrets
        self._always: Fields = {} if process is None else {"process": process}

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {record.name}: {on_one_line(record.getMessage())}"
        if fields := {**self._always, **_fields(record)}:
            line += on_one_line(" [" + " ".join(f"{key}={value}" for key, value in fields.items()) + "]")
        # Indented, so that no line of a message in it looks like one of the log.
        traceback = ("    " + on_one_line(part) for told in _traceback(self, record) for part in told.split("\n"))
        return "\n".join(map(self._secrets.hide, [line, *traceback]))


class JsonLine(logging.Formatter):
    """``{"time": …, "level": …, "logger": …, "message": …}``, the fields, ``exception`` where there is one."""

    def __init__(self, secrets: Secrets, process: int | None = None) -> None:
        super().__init__()
        self._secrets = secrets
        self._always: Fields = {} if process is None else {"process": process}

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _time(record), "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        told = {**told, **self._always, **_fields(record), **told}  # time first, and no field replaces it
        if traceback := _traceback(self, record):
            told["exception"] = "\n".join(traceback)
        return json.dumps(self._secrets.hide_in(told), ensure_ascii=False)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what is bound and what the call gave as ``extra``, without what is None."""
    given = {key: value for key, value in vars(record).items() if key not in _USUAL | _OF_DBOS}
    return {key: value for key, value in {**_bound.get(), **given}.items() if value is not None}


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    found = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[1] else []
    return found + ([formatter.formatStack(record.stack_info)] if record.stack_info else [])


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_TOLD_BY_US = ("Exception encountered in", "Asyncio task cancelled for")
# A batch that was left on the queue for others, and is started here after all: as it should be.
_ORDINARY = ("Workflow already exists in queue",)


def quiet_dbos(level: str) -> None:
    """Keep what DBOS says of requests that failed, or are left to others, out of the log: we log it ourselves."""

    class OnlyTroubles(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if level == "DEBUG":
                return True
            message, traceback, _ = str(record.msg).partition(" Traceback (most recent call last)")
            if traceback:  # of what goes wrong in its own loops; the error itself is the last line
                record.msg = f"{message} {str(record.msg).strip().splitlines()[-1]}"
            return not message.startswith(_TOLD_BY_US + _ORDINARY)

    logger = logging.getLogger("dbos")
    logger.setLevel("DEBUG" if level == "DEBUG" else "WARNING")
    logger.addFilter(OnlyTroubles())
