"""How many processes a listener should have by itself: as many as it has cores, up to what they bring."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MOST = 4  # eight carried no more than four on 16 cores: then Postgres's own locks are what limits (docs/decisions/0047)
CGROUP = Path("/sys/fs/cgroup")


def processes_by_itself(cgroup: Path = CGROUP) -> int:
    """Return it from the cores that this process may run on, and the time on them that its cgroup may have."""
    return max(1, min(_cores(), int(_quota(cgroup)), MOST))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def _quota(cgroup: Path) -> float:
    """Return how many cores' time this process's cgroup may have: that of the container, which sees it as the root."""
    with suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        return float("inf") if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):  # version 1
        quota, period = ((cgroup / "cpu" / f"cpu.cfs_{one}_us").read_text() for one in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else float("inf")
    return float("inf")
