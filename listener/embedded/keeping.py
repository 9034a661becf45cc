"""Restarting the embedded server when it ended unexpectedly: killed, or without room for its WAL."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from listener import embedded
from listener.embedded import binaries
from listener.embedded.home import Home, open_home
from listener.errors import OperatorError

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0


async def keep_running(data_dir: Path | None) -> None:
    """Start the server in ``data_dir`` whenever it has ended and nobody had stopped it; until cancelled."""
    # Threads of our own: while Postgres is away, the loop's are DBOS's, and all of them wait for it.
    threads = ThreadPoolExecutor(1, thread_name_prefix="embedded")
    loop, pause = asyncio.get_running_loop(), LOOK_SECONDS
    try:
        home = await loop.run_in_executor(threads, open_home, data_dir)
        while True:
            await asyncio.sleep(pause)
            runs = home.alive() or await loop.run_in_executor(threads, _started_again, home, data_dir)
            pause = LOOK_SECONDS if runs else min(pause * 2, LONGEST_PAUSE_SECONDS)
    finally:
        threads.shutdown(wait=False)


def _started_again(home: Home, data_dir: Path | None) -> bool:
    """Start a server that is not there, unless it was stopped; False if it does not run afterwards."""
    if _was_stopped(home):
        log.warning(
            "waiting for Postgres: the embedded server was stopped; any command starts it, such as: ingest status"
        )
        return False
    log.warning("the embedded Postgres ended unexpectedly and is restarted; its output: %s", home.log_tail())
    try:
        asyncio.run(embedded.start(data_dir))
    except OperatorError as error:
        log.warning("waiting for Postgres: %s", error)
        return False
    return True


def _was_stopped(home: Home) -> bool:
    """Tell whether the server shut down cleanly, by its own control file."""
    installed, version = binaries.installed(), home.version
    if version not in installed:
        return True
    programs = binaries.reachable(installed[version], home.account, home.path)
    control = binaries.run([str(programs / "bin" / "pg_controldata"), "cluster"], home.account, home.path).stdout
    return any("state:" in line and line.endswith(" shut down") for line in control.splitlines())
