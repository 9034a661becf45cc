"""``ingest ui`` as a person has it: the command in a process of its own, and a headless Chromium that looks at it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ingest_command import Ingest, Process

if TYPE_CHECKING:
    from playwright.async_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SANDBOX = ["--no-sandbox"] if os.geteuid() == 0 else []


@dataclass
class Pages:
    """A running ``ingest ui``. ``address`` has no slash at its end."""

    address: str
    process: Process
    noted: list[str] = field(default_factory=list)

    async def stop(self) -> int:
        """End it as a service manager does; return its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 20)


@asynccontextmanager
async def pages_of(database: str, folder: Path, *arguments: str, **settings: str) -> AsyncIterator[Pages]:
    """Give ``ingest ui`` on a database, on a port of its own, for the time of a block."""
    ingest = Ingest(folder, INGEST_DATABASE_URL=database)
    process = await ingest.start("ui", "--port", "0", *arguments, **settings)
    assert process.stdout is not None
    first = (await asyncio.wait_for(process.stdout.readline(), 40)).decode().strip()
    if not first:
        ended = await ingest.end(process)
        raise AssertionError(ended.err)
    pages = Pages(first.rstrip("/"), process)
    try:
        yield pages
    finally:
        await pages.stop()


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Browser]:
    """Give a browser for the time of a block. What its pages ask of other hosts fails."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - it may be missing

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=SANDBOX)
        try:
            yield browser
        finally:
            await browser.close()
