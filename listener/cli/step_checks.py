"""``doctor``'s look at own steps: those that are installed here, and those that collections name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.cli.findings import Bad

if TYPE_CHECKING:
    from listener.client import Session
    from listener.settings import Settings

SHOWN = 5


async def installed_steps(settings: Settings) -> str:
    """Say which own steps a listener started here would have. Raises OperatorError ``broken_extension``."""
    from listener.documents.pool import Workers
    from listener.documents.step_registry import Steps

    async with Workers(1, settings.parse_timeout_seconds, settings.parse_memory_mb) as workers:
        steps = await Steps.installed(workers, settings)
        await steps.close()
    unset = {name: ", ".join(steps.unset(name)) for name in steps.as_told}
    return "; ".join(
        f"{name} {told['version']}" + (f" (not set here: {unset[name]})" if unset[name] else "")
        for name, told in sorted(steps.as_told.items())
    )


async def named_steps(session: Session) -> str:
    """Say which own steps collections name, and in which versions running listeners have them."""
    from listener.client.named_steps import NamedSteps

    named = NamedSteps()
    named.session = session
    steps = await named.named_steps()
    if bad := [one for one in steps if one.trouble]:
        some = "; ".join(f"{one.collection}, {one.name}: {one.trouble}" for one in bad[:SHOWN])
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        hint = "Install its package beside each listener, and start these anew; options: ingest_collection(…)."
        lacks = any(one.listeners_alive and not one.listeners for one in bad)
        raise Bad(some + more, hint, "problem" if lacks else "warning")
    if not steps:
        return "no collection names any"
    versions = {one.name: ", ".join(one.versions) or "no listener runs" for one in steps}
    return "; ".join(f"{name} ({version})" for name, version in sorted(versions.items()))
