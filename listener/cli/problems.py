"""Whatever went wrong, as a code, a message and a hint on stderr, and as an exit status."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass

import typer

from listener.errors import DocumentError, IngestError, RequestError

OK, FAILED, USAGE, PARTIALLY_SUCCEEDED, CANCELLED, ENVIRONMENT, BUG, BROKEN_PIPE = 0, 1, 2, 3, 4, 5, 70, 141
SIGNALLED = 128  # plus the number of the signal, as shells have it

_OUTCOMES = {"failed": FAILED, "cancelled": CANCELLED, "partially_succeeded": PARTIALLY_SUCCEEDED}
_NOT_MIGRATED = {"42P01", "42883", "42703", "3F000"}  # undefined table, function, column, schema


class UsageProblem(IngestError):
    """The command line, or a value on it, is wrong."""


class Stopped(Exception):
    """A signal asked this program to end."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told: a stable ``code``, a ``message`` that names the thing, a ``hint``, and the exit ``status``."""

    code: str
    message: str
    hint: str
    status: int


def outcome(statuses: Iterable[str]) -> int:
    """Return the exit status for requests that ended in ``statuses``: the worst one's, failed before cancelled."""
    ends = set(statuses)
    return next((status for end, status in _OUTCOMES.items() if end in ends), OK)


def report(error: BaseException, as_json: bool) -> int:
    """Tell ``error`` on stderr and return the exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else OK
    if isinstance(error, typer.Exit):
        return error.exit_code
    problem = explain(error)
    if problem.status == BUG and os.environ.get("INGEST_LOG_LEVEL") == "DEBUG":
        traceback.print_exception(error)
    if as_json:
        told = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        print(json.dumps({"error": told}, ensure_ascii=False), file=sys.stderr)
    else:
        print(f"error: {problem.code}: {problem.message}", file=sys.stderr)
        for hint in filter(None, [problem.hint]):
            print(f"hint: {hint}", file=sys.stderr)
    return problem.status


def explain(error: BaseException) -> Problem:
    """Return what to tell about ``error``, whatever it is."""
    if isinstance(error, Stopped):
        return Problem("stopped", f"stopped by signal {error.signal}", "", SIGNALLED + error.signal)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Problem("stopped", "stopped by SIGINT", "", SIGNALLED + 2)
    if isinstance(error, IngestError):
        refused = isinstance(error, (UsageProblem, RequestError, DocumentError))
        return Problem(error.code, error.message, error.hint, USAGE if refused else ENVIRONMENT)
    if hasattr(error, "format_message"):  # typer's usage errors; it exports no class for all of them
        return _usage(error, error.format_message())
    return _database_problem(error) or _bug(error)


def _usage(error: BaseException, message: str) -> Problem:
    context = getattr(error, "ctx", None)
    verb = context.command_path if context else "ingest"
    return Problem("usage", message, f"{verb} --help", USAGE)


def _database_problem(error: BaseException) -> Problem | None:
    import asyncpg

    if isinstance(error, asyncpg.PostgresError):
        return _postgres_problem(error)
    if isinstance(error, (asyncpg.InterfaceError, ConnectionError, TimeoutError)):
        return _lost(str(error) or type(error).__name__)
    return None


def _postgres_problem(error: BaseException) -> Problem:
    state = str(getattr(error, "sqlstate", None) or "")
    constraint = getattr(error, "constraint_name", None)
    hint = getattr(error, "hint", None) or ""
    message = str(getattr(error, "message", None) or error)
    if state.startswith("IG"):  # raised by our own functions
        return Problem(constraint or state, message, hint, USAGE)
    if state in _NOT_MIGRATED:
        return Problem("schema_not_migrated", message, "Run: ingest migrate (and check INGEST_SCHEMA)", ENVIRONMENT)
    if state.startswith(("08", "57P")):
        return _lost(message)
    if state == "42501":
        return Problem("not_permitted", message, "Have the owner of the schema grant it to this role.", ENVIRONMENT)
    if state.startswith(("22", "23")):  # a value that Postgres can't take
        return Problem(constraint or "invalid_value", message, hint, USAGE)
    return Problem("database_error", f"{message} (SQLSTATE {state})", hint, ENVIRONMENT)


def _lost(message: str) -> Problem:
    hint = "Requests are kept: when Postgres is back, a listener goes on. See: ingest doctor"
    return Problem("database_lost", f"the connection to Postgres was lost: {message}", hint, ENVIRONMENT)


def _bug(error: BaseException) -> Problem:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    hint = "This is a bug. INGEST_LOG_LEVEL=DEBUG shows where it comes from."
    return Problem("internal", f"{type(error).__name__}: {error}{place}", hint, BUG)
