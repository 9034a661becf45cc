"""Which file systems do not tell of changes that others make: those of another host, or of a container's host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from listener.sources.paths import below

MOUNTINFO = Path("/proc/self/mountinfo")
REMOTE = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "davfs", "beegfs", "gpfs"),
    *("virtiofs", "fakeowner", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "grpcfuse", "osxfs"),
}
"""By the kernel's names; the second line is what desktop Docker and virtual machines share folders by."""
OCTAL = re.compile(r"\\([0-7]{3})")


def deaf(place: str) -> str | None:
    """Return the type of the file system that a resolved path lies on, if it does not tell of others' changes."""
    found = max(_mounts_above(place), key=lambda mount: len(mount[0]), default=("", ""))[1]
    return found if found in REMOTE or found.partition(".")[0] in ("fuse", "fuseblk") else None


def _mounts_above(place: str) -> Iterator[tuple[str, str]]:
    """Yield mount points above a path, with their types; of two at one place the last one hides the others."""
    try:
        lines = MOUNTINFO.read_text(errors="surrogateescape").splitlines()
    except OSError:  # no Linux
        return
    for line in reversed(lines):
        mount, _, source = line.partition(" - ")
        point, kind = mount.split(" ")[4:5], source.split(" ")[:1]
        name = OCTAL.sub(lambda found: chr(int(found[1], 8)), point[0]) if point else ""
        if name and below(place, name) is not None:
            yield name, kind[0] if kind else ""
