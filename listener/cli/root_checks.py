"""``doctor``'s look at each root: whether it can be read, and with whose credentials."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import anyio

from listener.cli.findings import Bad, Findings

if TYPE_CHECKING:
    from listener.settings import Settings
    from listener.sources.base import SourceTools
    from listener.sources.schemes import Sources

LOOK_SECONDS = 20.0


async def look_at_roots(settings: Settings, findings: Findings) -> None:
    """Make a finding of each root, as a listener with these settings would read it."""
    from listener.documents.pool import Workers
    from listener.sources.base import SourceTools

    if not (settings.roots or settings.folders):
        await findings.look("roots", _none())
        return
    workers = Workers(1, settings.parse_timeout_seconds, settings.parse_memory_mb)
    with ThreadPoolExecutor(2) as threads:
        made: list[Sources] = []
        # It raises what a listener would not start with.
        if await findings.look("roots", _made(settings, SourceTools(settings, threads, workers), made)):
            (sources,) = made
            for folder in settings.folders:
                await findings.look("root", _folder(str(folder)))
            for root in settings.roots:
                if not root.startswith("/"):
                    await findings.look("root", _url(sources, root))
            await sources.close()
    await workers.close()


async def _none() -> str:
    hint = "For a listener that is started from here: a root in each line, like INGEST_ROOTS=/srv/docs ingest listen."
    raise Bad("INGEST_ROOTS is not set in this shell; the roots of running listeners are listed below", hint, "warning")


async def _made(settings: Settings, tools: SourceTools, made: list[Sources]) -> str:
    from listener.sources.schemes import Sources

    made.append(Sources.installed(tools))
    return f"{len(settings.folders) + sum(not root.startswith('/') for root in settings.roots)} set"


async def _folder(folder: str) -> str:
    if not folder.startswith("/"):
        raise Bad(f"{folder} is relative", "Give absolute paths in INGEST_ROOTS and INGEST_FILE_ROOTS.")
    from listener.sources.folder_roots import unreadable

    if problem := unreadable(folder):
        raise Bad(f"{folder} {problem}", "Mount it, or correct INGEST_ROOTS.")
    return folder


async def _url(sources: Sources, root: str) -> str:
    try:
        with anyio.fail_after(LOOK_SECONDS):
            return await sources.look(root)
    except TimeoutError:
        raise Bad(f"{root} did not answer within {LOOK_SECONDS:g} s", "Is it reachable from this machine?") from None
