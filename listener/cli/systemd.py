"""Report to systemd how a listener is: ready, stopping, and that its event loop still turns. Elsewhere nothing happens.

The protocol is that of sd_notify(3): datagrams to the Unix socket that ``NOTIFY_SOCKET`` names (an ``@`` stands for the
NUL of an abstract name). With ``WatchdogSec=`` in the unit, systemd expects a sign within ``WATCHDOG_USEC``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)


class Systemd:
    """The service manager that started this process, if it wants reports."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog_seconds = int(environment.get("WATCHDOG_USEC", 0)) / 1e6 if ours else 0.0

    def ready(self, status: str, _: object = None) -> None:
        """Say that requests are claimed."""
        self.report("READY=1", f"STATUS={status}")

    def stopping(self, status: str) -> None:
        """Say that it stops."""
        self.report("STOPPING=1", f"STATUS={status}")

    def report(self, *lines: str) -> None:
        """Send assignments such as ``READY=1``. One that can't be reached stops no listener."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.connect(self._address)
                channel.sendall("\n".join(lines).encode())
        except OSError as error:
            log.warning("%s can't be reported to systemd: %s", lines[0], error)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """For the time of a block, say twice in the watchdog's time that the event loop turns."""
        from listener.concurrency import task_group

        async with task_group() as tasks:
            if self._watchdog_seconds:
                tasks.start_soon(self._signs)
            yield
            tasks.cancel_scope.cancel()

    async def _signs(self) -> None:
        while True:
            self.report("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_seconds / 2)
