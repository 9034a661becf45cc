"""Whatever went wrong, as a code, a message and a hint on stderr, and as an exit status."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace

import typer

from listener.cli.in_shell import in_shell
from listener.database import translation
from listener.errors import DocumentError, IngestError, RequestError
from listener.logs.masking import Secrets
from listener.logs.visible import in_lines, on_one_line

OK, FAILED, USAGE, PARTIALLY_SUCCEEDED, CANCELLED, ENVIRONMENT, BUG, BROKEN_PIPE = 0, 1, 2, 3, 4, 5, 70, 141
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
SIGNALLED = 128  # plus the number of the signal, as shells have it

_OUTCOMES = {"failed": FAILED, "cancelled": CANCELLED, "partially_succeeded": PARTIALLY_SUCCEEDED}


class UsageProblem(IngestError):
    """The command line, or a value on it, is wrong."""


class Stopped(Exception):
    """A signal asked this program to end."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


class Reported(Exception):
    """A process of this program ended with a problem, and this one ends with it too."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Problem:
    """What is reported: a stable ``code``, a ``message`` that names the thing, a ``hint``, and the exit ``status``."""

    code: str
    message: str
    hint: str
    status: int


def outcome(statuses: Iterable[str]) -> int:
    """Return the exit status for requests that ended in ``statuses``: the worst one's, failed before cancelled."""
    ends = set(statuses)
    return next((status for end, status in _OUTCOMES.items() if end in ends), OK)


def report(error: BaseException, as_json: bool) -> int:
    """Write ``error`` to stderr and return the exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else OK
    if isinstance(error, typer.Exit):
        return error.exit_code
    problem = shown(error)
    if problem.status == BUG and os.environ.get("INGEST_LOG_LEVEL") == "DEBUG":
        hidden = Secrets(os.environ).hide("".join(traceback.format_exception(error)))
        print(in_lines(hidden), end="", file=sys.stderr)
    if as_json:
        written = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        print(json.dumps({"error": written}, ensure_ascii=False), file=sys.stderr)
    else:
        print(f"error: {problem.code}: {on_one_line(problem.message)}", file=sys.stderr)
        for hint in filter(None, [problem.hint]):
            print(f"hint: {on_one_line(hint)}", file=sys.stderr)
    return problem.status


def shown(error: BaseException) -> Problem:
    """Return what to report about ``error``, without secrets."""
    problem, hide = explain(error), Secrets(os.environ).hide
    return replace(problem, message=hide(problem.message), hint=hide(in_shell(problem.hint)))


def explain(error: BaseException) -> Problem:
    """Return what to report about ``error``, whatever it is."""
    if isinstance(error, Reported):
        return error.problem
    if isinstance(error, Stopped):
        return Problem("stopped", f"stopped by signal {error.signal}", "", SIGNALLED + error.signal)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Problem("stopped", "stopped by SIGINT", "", SIGNALLED + 2)
    if isinstance(error, IngestError):
        refused = isinstance(error, (UsageProblem, RequestError, DocumentError))
        return Problem(error.code, error.message, error.hint, USAGE if refused else ENVIRONMENT)
    if hasattr(error, "format_message"):  # typer's usage errors; it exports no class for all of them
        return _usage(error, error.format_message())
    if isinstance(error, OSError) and error.errno in FULL:
        hint = "Check where the output goes, and the disk of the data folder."
        return Problem("not_written", f"something could not be written: {error.strerror}", hint, ENVIRONMENT)
    known = translation.translated(error)
    return explain(known) if known else _bug(error)


def _usage(error: BaseException, message: str) -> Problem:
    context = getattr(error, "ctx", None)
    verb = context.command_path if context else "ingest"
    return Problem("usage", message, f"{verb} --help", USAGE)


def _bug(error: BaseException) -> Problem:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    hint = "This is a bug. INGEST_LOG_LEVEL=DEBUG shows where it comes from."
    return Problem("internal", f"{type(error).__name__}: {error}{place}", hint, BUG)
