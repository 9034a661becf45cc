"""The program that kills a listener whose event loop hangs: a separate process, started by ``watchdog``.

It gets a sign through its stdin each time that the loop turns, and counts how often it woke up itself without having
got one. So it does not matter how long all processes were stopped, as when the machine was suspended; and it does
not count while the listener is stopped (SIGSTOP) or held by a debugger. It imports nothing of ours, to be small.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

TICKS = 8  # checks without a signal after which the loop counts as hanging
DEBUGGED, TURNS = b"d", b"."
END = signal.SIGVTALRM  # ends it without a core dump; the listener has Python write the stacks of all threads before
PATIENCE_SECONDS = 5.0


def watch(pid: int, seconds: float, form: str, process: str = "") -> None:
    """Return when the process has ended or asks for no more, or kill it if no signal came for ``seconds``."""
    missed, debugged = 0, False
    while missed < TICKS:
        if not _is_readable(seconds / TICKS):
            missed = 0 if debugged or is_stopped(pid) else missed + 1
            continue
        signs = os.read(sys.stdin.fileno(), 4096)
        if not signs:
            return
        missed, debugged = 0, signs.endswith(DEBUGGED)
    _say(f"the event loop stood still for {seconds:g} seconds: this listener is killed, others continue", form, process)
    with suppress(ProcessLookupError):
        os.kill(pid, END)
        if not _is_readable(PATIENCE_SECONDS):
            os.kill(pid, signal.SIGKILL)


def is_stopped(pid: int) -> bool:
    """Tell whether a process is stopped or held by a debugger; False where the system does not tell."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in "Tt"


def _is_readable(seconds: float) -> bool:
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def _say(message: str, form: str, process: str) -> None:
    """Write a line like those of the log, which the process itself can't any more."""
    moment = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = f"{moment} CRITICAL listener.cli.watchdog: {message}" + (f" [process={process}]" if process else "")
    if form == "json":
        told = {"time": moment, "level": "CRITICAL", "logger": "listener.cli.watchdog", "message": message}
        line = json.dumps(told | ({"process": int(process)} if process else {}))
    with suppress(OSError):  # nobody reads it any more: what hangs is killed all the same
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    for _number in (signal.SIGINT, signal.SIGTERM):  # for the whole group: it watches while the listener stops, too
        signal.signal(_number, signal.SIG_IGN)
    watch(int(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:])
