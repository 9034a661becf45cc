"""The embedded Postgres, if that is the one that is used, runs as long as the listener."""

from __future__ import annotations

from pathlib import Path

from listener.engine.loop import Loop


class EmbeddedServer(Loop):
    """The loop that starts the embedded Postgres again whenever it ended by itself."""

    name = "embedded server"

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir

    async def run(self) -> None:
        """Watch over the server."""
        from listener.embedded.keeping import keep_running  # noqa: PLC0415 - Linux only

        await keep_running(self._data_dir)
