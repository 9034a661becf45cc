"""A listener that also says when the first line of each request's workflow ran: ``<request> <monotonic ns>`` lines."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from benchmarks.session import say, say_begun
from listener.pipeline.references import RequestRef
from listener.pipeline.workflows import Workflows
from listener.service import Listener
from listener.settings import Settings


async def main() -> None:
    """Run until SIGTERM."""
    carry_out = Workflows._request

    async def timed(self: Workflows, ref: RequestRef) -> dict[str, Any]:
        say_begun(str(ref.request))
        return await carry_out(self, ref)

    Workflows._request = timed  # type: ignore[method-assign]
    settings = Settings()
    assert settings.database_url
    listener = Listener(settings, settings.database_url)
    await listener.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    say("ready")
    await stop.wait()
    await listener.stop()


if __name__ == "__main__":
    asyncio.run(main())
