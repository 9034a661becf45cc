"""Open a place by its path without following any link, whatever is swapped for one meanwhile.

If the kernel has ``openat2`` (5.6 and newer), this is one call with RESOLVE_NO_SYMLINKS; else each part of the path
is opened in the folder before it. A path that is longer than the system takes at once is opened in pieces.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from functools import cache

PLACE = os.O_PATH | os.O_CLOEXEC  # to look at, not to read: that has no effect on a device
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # O_NONBLOCK: a FIFO does not hang us
LINK_ERRORS = (errno.ELOOP, errno.ENOTDIR)  # what a link on the way is answered with

OPENAT2 = 437  # on all machines but Alpha
AT_FDCWD = -100
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = 0x02, 0x04, 0x08
PIECE_BYTES = 3500  # of a path that is opened at once; the system takes 4,096 and a name has 255
# File systems that hold no files but what the kernel says of itself: from <linux/magic.h>.
KERNELS = frozenset({
    0x9FA0,  # proc
    0x62656572,  # sysfs
    0x64626720,  # debugfs
    0x74726163,  # tracefs
    0x73636673,  # securityfs
    0x62656570,  # configfs
    0x27E0EB, 0x63677270,  # cgroup, cgroup2
    0xCAFE4A11,  # bpf
    0x6165676C,  # pstore
    0xDE5E81E4,  # efivarfs
    0x42494E4D,  # binfmt_misc
    0xF97CFF8C,  # selinux
    0x1CD1,  # devpts
    0x19800202,  # mqueue
    0x6E736673,  # namespaces
})  # fmt: skip


class _How(ctypes.Structure):
    """``struct open_how``."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_system = ctypes.CDLL(None, use_errno=True)


def open_linkless(path: str, flags: int) -> int:
    """Open an absolute path that has no ``..`` in it and return the descriptor.

    Raises OSError, of ``LINK_ERRORS`` if there is a link in the path, its last part included.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    assert ".." not in parts
    return _at_once(parts, flags) if has_openat2() else _part_by_part(parts, flags)


def reopened(place: int, path: str) -> int:
    """Open for reading exactly what the descriptor ``place`` refers to, which was opened from ``path``."""
    try:
        return os.open(f"/proc/self/fd/{place}", READ)
    except FileNotFoundError:  # no /proc here
        descriptor = open_linkless(path, READ)
    if not os.path.samestat(os.fstat(place), os.fstat(descriptor)):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return descriptor


def is_kernels(descriptor: int) -> bool:
    """Tell whether something lies on a kernel file system, such as /proc, wherever that is mounted."""
    about = ctypes.create_string_buffer(512)  # struct statfs is smaller; its first field is the type
    if _system.fstatfs(descriptor, about):
        return False
    kind = ctypes.c_long.from_buffer(about).value & 0xFFFFFFFF
    return kind in KERNELS or os.fstat(descriptor).st_dev == _devices()


@cache
def has_openat2() -> bool:
    """Tell whether the kernel has ``openat2``, and lets us: filters of system calls may not know it."""
    if sys.platform != "linux":
        return False
    try:
        os.close(_openat2(AT_FDCWD, "/", PLACE))
    except OSError:
        return False
    return True


@cache
def _devices() -> int | None:
    """Return the device number of /dev, if it is a file system of its own (which calls itself tmpfs)."""
    try:
        device = os.lstat("/dev").st_dev
    except OSError:
        return None
    return device if device != os.lstat("/").st_dev else None


def _at_once(parts: Sequence[str], flags: int) -> int:
    *before, last = _pieces(parts)
    folder = AT_FDCWD
    try:
        for piece in before:
            folder = _closing(folder, _openat2(folder, piece, PLACE | os.O_DIRECTORY))
        return _openat2(folder, last, flags)
    finally:
        _closing(folder)


def _pieces(parts: Sequence[str]) -> Iterator[str]:
    """Yield the path in pieces; only the first is absolute."""
    piece, size = "/", 1
    for part in parts:
        added = len(os.fsencode(part)) + 1
        if size + added > PIECE_BYTES:
            yield piece.rstrip("/") or "/"
            piece, size = "", 0
        piece, size = f"{piece}{part}/", size + added
    yield piece.rstrip("/") or "/"


def _openat2(folder: int, path: str, flags: int) -> int:
    how = _How(flags, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (RESOLVE_BENEATH if folder >= 0 else 0))
    number = ctypes.c_long(OPENAT2), ctypes.c_long(folder)
    descriptor: int = _system.syscall(*number, os.fsencode(path), ctypes.byref(how), ctypes.c_size_t(24))
    if descriptor < 0:
        number_of = ctypes.get_errno()
        raise OSError(number_of, os.strerror(number_of), path)
    return descriptor


def _part_by_part(parts: Sequence[str], flags: int) -> int:
    descriptor = os.open("/", PLACE | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            descriptor = _closing(descriptor, os.open(part, PLACE | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor))
        opened = os.open(parts[-1] if parts else ".", flags | os.O_NOFOLLOW, dir_fd=descriptor)
    finally:
        _closing(descriptor)
    if stat.S_ISLNK(os.fstat(opened).st_mode):  # O_PATH opens the link itself
        os.close(opened)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), parts[-1])
    return opened


def _closing(former: int, descriptor: int = AT_FDCWD) -> int:
    """Close the former descriptor and return its replacement."""
    if former >= 0:
        os.close(former)
    return descriptor
