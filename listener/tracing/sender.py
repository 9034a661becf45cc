"""The program around Opik's SDK: a line of spans on stdin, a line on stdout that reports their outcome.

Runs as a separate process, started by ``delivery``. It ends at once when its stdin closes, whatever the SDK is doing:
its exit hooks would hold it for as long as Opik does not answer.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
from datetime import datetime, timezone
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import opik

FLUSH_SECONDS = 30
ANSWER_SECONDS = 10.0
NO_ANSWER = 0
ALREADY_THERE = 409
ASK_AGAIN = (408, 425, 429)
NICE = 5


def main(folder: str) -> None:
    """Deliver until stdin closes. ``folder`` is for temporary files, and is removed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a supervisor may signal all of a service: the listener decides
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICE)
    tempfile.tempdir = folder
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # the SDK prints
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_serve, args=[lines, answers], daemon=True).start()
    for line in sys.stdin.buffer:
        lines.put(line)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _serve(lines: queue.SimpleQueue[bytes], answers: IO[bytes]) -> None:
    try:
        delivery = Courier()
        while True:
            result, why = delivery.deliver(json.loads(lines.get()))
            answers.write(json.dumps({"result": result, "why": why}).encode() + b"\n")
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


class Courier:
    """Hands spans to the SDK and watches what Opik answers.

    The SDK keeps what it could not send on disk, without a limit, and counts it as flushed. So we look at the answers
    ourselves, and throw the client away with all that it holds when Opik is out of reach: the listener sends the batch
    again. Ids make that harmless.
    """

    def __init__(self) -> None:
        from opik import hooks  # noqa: PLC0415 - seconds, in this process only

        self._client: opik.Opik | None = None
        self._answers: dict[str, int] = {}
        hooks.add_httpx_client_hook(hooks.HttpxClientHook(self._watch, None))

    def deliver(self, records: list[dict[str, Any]]) -> tuple[str, str]:
        """Send records; return ``taken``, ``refused`` or ``unreachable``, and why."""
        import opik  # noqa: PLC0415

        client = self._client = self._client or opik.Opik()
        self._answers.clear()
        kinds = {record["as"] for record in records}
        for record in records:
            _log(client, record)
        client.flush(FLUSH_SECONDS)
        result, what = self._judged(len(kinds))
        if result == "unreachable":
            client.end(flush=False)
            self._client = None
        return result, what and f"{what} from Opik at {_host(client)}"

    def _watch(self, client: Any) -> None:
        """Note the last answer to each kind of request of this client (an httpx.Client)."""
        answers = self._answers = {}

        def asked(request: Any) -> None:
            if request.method != "GET":
                answers[request.url.path] = NO_ANSWER

        def answered(response: Any) -> None:
            if response.request.method != "GET":
                answers[response.request.url.path] = response.status_code

        client.event_hooks = {"request": [asked], "response": [answered]}
        client.timeout = ANSWER_SECONDS

    def _judged(self, expected: int) -> tuple[str, str]:
        """Return what the last answers mean; fewer than ``expected``: the SDK knows Opik to be away and did not ask."""
        seen = list(self._answers.values())
        if len(seen) < expected or NO_ANSWER in seen:
            return "unreachable", "no answer"
        for status in seen:
            if status >= 500 or status in ASK_AGAIN:
                return "unreachable", f"HTTP status {status}"
        refusals = [status for status in seen if status >= 300 and status != ALREADY_THERE]
        return ("refused", f"HTTP status {refusals[0]}") if refusals else ("taken", "")


def _log(client: opik.Opik, record: dict[str, Any]) -> None:
    kind = record.pop("as")
    for name in ("start_time", "end_time"):
        if record[name] is not None:
            record[name] = datetime.fromtimestamp(record[name], timezone.utc)
    (client.trace if kind == "trace" else client.span)(**record)


def _host(client: opik.Opik) -> str:
    parts = urlsplit(client.config.url_override)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
