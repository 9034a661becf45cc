"""Keeps the embedded Postgres, if it is the one in use, running as long as the listener."""

from __future__ import annotations

from pathlib import Path

from listener.engine.loop import Loop


class EmbeddedServer(Loop):
    """The loop that restarts the embedded Postgres whenever it ended unexpectedly."""

    name = "embedded server"

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir

    async def run(self) -> None:
        """Watch over the server."""
        from listener.embedded.keeping import keep_running  # noqa: PLC0415 - Linux only

        await keep_running(self._data_dir)
