"""Log lines on stderr, one an event, as text or JSON: what each concerns, one form whoever writes it, no secrets.

::

    with logs.bound(request=id, batch=3):
        log.info("request ended", extra={"seconds": 1.5})

    2025-06-01T12:00:00.123Z INFO listener.pipeline.workflows: request ended [request=… batch=3 seconds=1.5]
    {"time": …, "level": "INFO", "logger": …, "message": "request ended", "request": …, "batch": 3, "seconds": 1.5}
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar, Token
from datetime import datetime, timezone
from types import TracebackType
from typing import Any
from urllib.parse import unquote

Fields = Mapping[str, Any]

CHATTY = ("httpx", "httpcore", "openai")  # an INFO line for each call
HIDDEN = "***"
SHORTEST_SECRET = 4  # of a known value: shorter ones would blot out half the log; in a URL they are hidden all the same

_bound: ContextVar[Fields] = ContextVar("bound", default={})  # noqa: B039 - replaced, never changed
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_OF_DBOS = {"applicationID", "applicationVersion", "executorID"}  # on each of its lines the same, for all of a process
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)} | {10: "\\n", 13: "\\r"}

_SECRET_NAME = re.compile(r"(?i)(?:_api_key|api_?token|_token|_secret|password|secret_access_key)$")
_VALUE = r"(?:'[^']*'|\"[^\"]*\"|[^\s'\",;&)}\]]+)"
# What looks like a secret, behind a word that has to be there at all: most lines have none of them.
_LEAKS = tuple(
    (word, re.compile(f"(?i)(?P<before>{before}){secret}"))
    for word, before, secret in (
        ("://", r"://[^\s:/?#@'\"]*:", r"[^\s/'\"]+(?=@)"),  # a URL's password; an @ in it is no end
        ("password", r"\b(?:pg|ssl)?password['\"]?\s*[=:]\s*", _VALUE),  # conninfo, ?password=, JSON, a dict's repr
        ("key", r"\b(?:x-)?api[_-]?key['\"]?\s*[=:]\s*", _VALUE),
        ("authorization", r"\bauthorization['\"]?\s*[=:]\s*['\"]?(?:basic|bearer)?\s*", r"[\w.~+/=-]+"),
        ("bearer", r"\bbearer\s+", r"[\w.~+/=-]+"),
        ("sk-", r"\b", r"sk-[\w-]{16,}"),  # how OpenAI's keys look
    )
)


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


def to_stderr(level: str, form: str) -> None:
    """Have everything that this process logs, warns of or dies of in a thread written to stderr.

    ``form`` is ``text`` or ``json``. What is secret in the environment is looked up now and hidden from now on.
    """
    secrets = Secrets(os.environ)
    told = logging.StreamHandler(sys.stderr)
    told.setFormatter(JsonLine(secrets) if form == "json" else Line(secrets))
    logging.basicConfig(level=level, handlers=[told], force=True)
    dbos = logging.getLogger("dbos")  # which brings a handler of its own, unless it has one when it is imported
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


class Secrets:
    """What must not be read in a log: known values, and what looks like a password or key."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the values of keys, tokens and passwords in ``environment``, and the passwords in its URLs."""
        values = {form for secret in _secrets(environment) for form in _forms(secret) if len(form) >= SHORTEST_SECRET}
        longest_first = sorted(values, key=len, reverse=True)
        self._known = [(secret, re.compile(_alone(secret))) for secret in longest_first]

    def hide(self, text: str) -> str:
        """Return ``text`` without secrets."""
        for secret, pattern in self._known:
            if secret in text:
                text = pattern.sub(HIDDEN, text)
        lower = text.lower()
        for word, leak in _LEAKS:
            if word in lower:
                text = leak.sub(rf"\g<before>{HIDDEN}", text)
        return text

    def hide_in(self, value: Any) -> Any:
        """Return a JSON value, or its text if it is none, without secrets."""
        if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, Mapping):
            return {self.hide(str(key)): self.hide_in(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.hide_in(item) for item in value]
        return self.hide(str(value))


def _secrets(environment: Mapping[str, str]) -> Iterable[str]:
    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            yield value.strip()
        for password in re.findall(r"://[^\s:/?#@]*:([^\s/]+)@", value):
            yield password
        for password in re.findall(r"(?i)[?&\s](?:ssl)?password=([^\s&]+)", value):
            yield password


def _forms(secret: str) -> set[str]:
    """Return how a value can be written: as it is, decoded from a URL, inside quotes of Python or JSON."""
    plain = {secret, unquote(secret)}
    return plain | {repr(form)[1:-1] for form in plain} | {json.dumps(form)[1:-1] for form in plain}


def _alone(secret: str) -> str:
    """Return a pattern for ``secret`` where it is no part of a longer word: the password may be an everyday word."""
    before, after = (r"(?<!\w)" if secret[0].isalnum() else ""), (r"(?!\w)" if secret[-1].isalnum() else "")
    return before + re.escape(secret) + after


class Line(logging.Formatter):
    """``2025-06-01T12:00:00.123Z INFO listener.engine.claims: … [request=…]``, then a traceback if there is one."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {record.name}: {_on_one_line(record.getMessage())}"
        if fields := _fields(record):
            line += _on_one_line(" [" + " ".join(f"{key}={value}" for key, value in fields.items()) + "]")
        return self._secrets.hide("\n".join([line, *_traceback(self, record)]))


class JsonLine(logging.Formatter):
    """``{"time": …, "level": …, "logger": …, "message": …}``, the fields, ``exception`` where there is one."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _time(record), "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        told = {**told, **_fields(record), **told}  # time first, and no field takes its place
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


def _on_one_line(text: str) -> str:
    """Return ``text`` without control characters: the name of a document must not look like a line of the log."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def quiet_dbos(level: str) -> None:
    """Keep DBOS's tracebacks of failed requests out of the log: we log their code, and the row has the rest."""

    class OnlyTroubles(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return level == "DEBUG" or not str(record.msg).startswith("Exception encountered in")

    logger = logging.getLogger("dbos")
    logger.setLevel("DEBUG" if level == "DEBUG" else "WARNING")
    logger.addFilter(OnlyTroubles())
