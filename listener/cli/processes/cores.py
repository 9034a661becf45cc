"""How many processes a listener has; by itself as many as it has cores, up to what more of them bring."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.settings import Settings

MOST = 4  # eight carried no more than four on 16 cores: then Postgres's own locks are the limit (docs/decisions/0047)
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def processes_for(settings: Settings) -> int:
    """Return how many processes a listener with these settings has.

    ``auto`` means one where the embedded Postgres is used: that needs the other cores.
    """
    if settings.processes != "auto":
        return settings.processes
    return automatic() if settings.database_url else 1


def automatic(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> int:
    """Return the number by the cores that this process may run on, and the time on them that its cgroups may have."""
    return int(max(1, min(_cores(), MOST, *_quotas(cgroups, own))))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on Linux, or forbidden
        return os.cpu_count() or 1


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """Yield how many cores' time this process's cgroups may have; a container sees its own one as the root."""
    for folder in _folders(cgroups, own):
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)  # "max": a ValueError
    with suppress(OSError, ValueError):  # version 1
        quota, period = ((cgroups / "cpu" / f"cpu.cfs_{one}_us").read_text() for one in ("quota", "period"))
        if int(quota) > 0:
            yield int(quota) / int(period)


def _folders(cgroups: Path, own: Path) -> Iterator[Path]:
    yield cgroups
    with suppress(OSError):
        for line in own.read_text().splitlines():
            place = line.partition("0::/")[2]
            for number in range(len(Path(place).parts)):
                yield cgroups.joinpath(*Path(place).parts[: number + 1])
