"""From the queue of ended spans to the process that has the SDK: a thread that asks it to deliver batch after batch.

One batch is under way at a time, and it is kept until Opik took or refused it. So what waits is bounded by the queue
here; nothing piles up in the SDK.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

MOST_WAITING = 10_000  # records, about 0.5 KB each
BATCH = 500
LINGER_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
END_SECONDS = 1.0

# Secrets of ours that the SDK and what it imports have no use for.
PRIVATE = ("INGEST_", "PG", "OPENAI_")
# Nothing goes to the SDK's maker (errors, usage), and no prices are fetched, unless somebody sets it so.
QUIET = {"OPIK_SENTRY_ENABLE": "false", "OPIK_ANALYTICS_ENABLE": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "true"}
# The process sees the same modules as we do, and nothing of __main__.
BOOT = "import sys; sys.path[:] = sys.argv[2:]; from listener.tracing.sender import main; main(sys.argv[1])"

log = logging.getLogger(__name__)
encode = json.JSONEncoder(default=str).encode


class Gone(Exception):
    """The process ended."""


class Delivery:
    """A bounded queue of spans and the thread that empties it."""

    def __init__(self, environment: Mapping[str, str], *, show_log: bool = False) -> None:
        """Start at once, in the background. ``environment`` is where the SDK finds its ``OPIK_…`` settings."""
        self.dropped = 0
        self._environment = sdk_environment(environment)
        self._show_log = show_log
        self._queue: deque[tuple[str, str]] = deque(maxlen=MOST_WAITING)
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._batch: list[str] = []
        self._pause = FIRST_PAUSE_SECONDS
        self._trouble = ""
        self._sender: Sender | None = None
        self._thread = threading.Thread(target=self._run, name="tracing", daemon=True)
        self._thread.start()

    def put(self, span: str, record: dict[str, Any]) -> None:
        """Have a record delivered; of those that wait for one span, the last. Never waits; the oldest may be dropped.

        What waits is text: thousands of records as objects would have the garbage collector stop the event loop.
        """
        if len(self._queue) == MOST_WAITING:
            self.dropped += 1
        self._queue.append((span, encode(record)))
        if not self._wake.is_set():
            self._wake.set()

    def close(self, seconds: float) -> None:
        """Deliver what waits within ``seconds``, and end the process."""
        self._closing.set()
        self._wake.set()
        self._thread.join(seconds)
        if self._sender is not None and self._thread.is_alive():
            self._sender.kill()
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._sender = Sender(self._environment, show_log=self._show_log)
                try:
                    self._serve(self._sender)
                finally:
                    self._sender.close()
            except (Gone, OSError, ValueError) as error:
                self._wait_out(str(error))

    def _serve(self, sender: Sender) -> None:
        """Ask ``sender`` to deliver until nothing is left and the listener ends."""
        while self._batch or self._next_batch():
            answer = sender.ask(self._batch)
            if answer["result"] == "unreachable":
                self._wait_out(answer["why"])
                if self._closing.is_set():
                    return
                continue
            self._batch = []
            self._pause = FIRST_PAUSE_SECONDS
            self._note(answer["why"] and f"{answer['why']}; these spans are lost")

    def _next_batch(self) -> bool:
        while not self._queue:
            if self._closing.is_set():
                return False
            self._wake.wait()
            self._wake.clear()
        if len(self._queue) < BATCH:
            self._closing.wait(LINGER_SECONDS)
        records: dict[str, str] = {}
        while self._queue and len(records) < BATCH:
            span, record = self._queue.popleft()
            records[span] = record
        self._batch = list(records.values())
        return True

    def _wait_out(self, why: str) -> None:
        if self._closing.is_set():
            return
        self._note(f"{why}; spans wait, and the oldest are dropped when there are more than {MOST_WAITING:,}")
        self._closing.wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _note(self, trouble: str) -> None:
        """Say once what trouble there is, and once that it is over."""
        if trouble and trouble != self._trouble:
            log.warning("tracing: %s", trouble)
        if self._trouble and not trouble:
            log.warning("tracing: works again; %d spans were dropped until now", self.dropped)
        self._trouble = trouble


class Sender:
    """The process that has the SDK. Not for more than one thread, ``kill`` excepted."""

    def __init__(self, environment: Mapping[str, str], *, show_log: bool) -> None:
        """Start it; it imports the SDK while the first batch waits. Raises OSError."""
        # For the SDK's temporary files: whatever is in there goes with the process.
        self._folder = tempfile.TemporaryDirectory(prefix="ingest-tracing-", ignore_cleanup_errors=True)
        paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100 - what sys.path holds are strings
        self._process = subprocess.Popen(
            [sys.executable, "-c", BOOT, self._folder.name, *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if show_log else subprocess.DEVNULL,
            cwd=self._folder.name,
            env=dict(environment),
            start_new_session=True,  # a Ctrl-C in the terminal is for the listener, which then closes us
        )

    def ask(self, batch: list[str]) -> dict[str, str]:
        """Have a batch of records delivered; return its ``result`` (taken, refused, unreachable) and ``why``.

        Raises Gone if the process ended.
        """
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"[{','.join(batch)}]\n".encode())
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise Gone(f"the process that sends spans ended with {self._process.wait()}")
        told: dict[str, str] = json.loads(answer)
        return told

    def kill(self) -> None:
        """End it now; ``ask`` then raises Gone."""
        self._process.kill()

    def close(self) -> None:
        """End it cleanly, and remove its leftovers."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()


def sdk_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for the SDK: without our secrets, quiet where nobody has said otherwise."""
    return QUIET | {name: value for name, value in environment.items() if not name.startswith(PRIVATE)}
