"""What a worker process can't do, whatever a document makes of it: reach anybody, start anything, read or write files.

::

    limits       no core dumps, no large files                                          everywhere
    privileges   none that the listener may have (as root), and none to come            Linux
    calls        seccomp: no sockets, no processes, no signals to others, no traces     Linux on x86_64 and aarch64
    files        Landlock: programs and libraries can be read, nothing can be written   Linux 5.13 and later

All of it is refused with EPERM or EACCES, so that a library that only tries continues. Each part is used if the system
has it; whatever is missing is reported to the listener, which logs it. Without Landlock a worker has the rights of the
listener's user on files, so that only the empty environment keeps secrets from it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38  # from <linux/prctl.h>
SECCOMP_MODE_FILTER = 2
KILL_PROCESS, REFUSE, ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06  # of <linux/bpf_common.h>
NUMBER, ARCHITECTURE, FIRST, SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data; of arguments the lower half
OTHER_ABI = 0x4000_0000  # x32: the same calls under other numbers
CLONE_THREAD, STREAM = 0x1_0000, 1

# Numbers of calls on x86_64 and aarch64, after the architecture.
MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
REFUSED = (
    # sockets: io_uring would open them too
    ("socket", 41, 198), ("connect", 42, 203), ("accept", 43, 202), ("accept4", 288, 242), ("bind", 49, 200),
    ("listen", 50, 201), ("io_uring_setup", 425, 425),
    # processes, and memory that does not count as a process's own
    ("execve", 59, 221), ("execveat", 322, 281), ("fork", 57, None), ("vfork", 58, None),
    ("memfd_create", 319, 279), ("shmget", 29, 194), ("msgget", 68, 186), ("semget", 64, 190), ("mq_open", 240, 180),
    # others of the same user, the listener among them
    ("ptrace", 101, 117), ("process_vm_readv", 310, 270), ("process_vm_writev", 311, 271), ("kcmp", 312, 272),
    ("pidfd_open", 434, 434), ("pidfd_getfd", 438, 438), ("pidfd_send_signal", 424, 424), ("tkill", 200, 130),
    ("rt_sigqueueinfo", 129, 138), ("rt_tgsigqueueinfo", 297, 240), ("setpriority", 141, 140),
    ("sched_setscheduler", 144, 119), ("sched_setparam", 142, 118), ("sched_setattr", 314, 274),
    ("sched_setaffinity", 203, 122), ("ioprio_set", 251, 30), ("keyctl", 250, 219), ("add_key", 248, 217),
    ("request_key", 249, 218),
    # files' owners, modes and times: not among Landlock's rights
    ("chmod", 90, None), ("fchmod", 91, 52), ("fchmodat", 268, 53), ("fchmodat2", 452, 452), ("chown", 92, None),
    ("fchown", 93, 55), ("lchown", 94, None), ("fchownat", 260, 54), ("utimensat", 280, 88), ("utime", 132, None),
    ("utimes", 235, None), ("futimesat", 261, None), ("setxattr", 188, 5), ("lsetxattr", 189, 6), ("fsetxattr", 190, 7),
    # the system
    ("mount", 165, 40), ("umount2", 166, 39), ("unshare", 272, 97), ("setns", 308, 268), ("chroot", 161, 51),
    ("pivot_root", 155, 41), ("bpf", 321, 280), ("userfaultfd", 323, 282), ("perf_event_open", 298, 241),
)  # fmt: skip
TO_ITSELF = (("kill", 62, 129), ("tgkill", 234, 131), ("prlimit64", 302, 261))  # refused with another process's id
OWNERS = (  # whom the system signals: with another process's id it would end that
    (("fcntl", 72, 25), (8, 15)),  # F_SETOWN, F_SETOWN_EX
    (("ioctl", 16, 29), (0x8901, 0x8902, 0x5412)),  # FIOSETOWN, SIOCSPGRP; and TIOCSTI, to type on a terminal
)
SOCKETPAIR, CLONE, CLONE3 = (53, 199), (56, 220), (435, 435)

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # of Landlock, on all machines
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))  # since which version of Landlock there are how many rights
SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/nix/store", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/fonts", "/etc/alternatives",
    "/etc/ssl/openssl.cnf", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys",
    "/sys/devices/system", "/sys/fs/cgroup",
)  # fmt: skip
DAC = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: a root's libraries may lie in another user's folder


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def confine(readable: Iterable[str], most_bytes: int) -> list[str]:
    """Give up what no parser needs, for good; return which of ``calls`` and ``files`` could not be had, and why.

    ``readable``: files and folders that may be read; ``most_bytes``: of a file, where one could be written at all.
    Existing threads are not affected.
    """
    limit(most_bytes)
    if sys.platform != "linux":
        return [f"calls: not on {sys.platform}", f"files: not on {sys.platform}"]
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    missing = []
    parts: list[tuple[str, Callable[[], None]]] = [
        ("files", partial(_files, library, readable)),
        ("calls", partial(_calls, library)),
    ]
    for name, part in parts:
        try:
            part()
        except OSError as error:
            missing.append(f"{name}: {error.strerror}")
    _give_up_privileges(library)
    return missing


def keep_apart(most_bytes: int) -> list[str]:
    """Set the limits and give up privileges, for what must reach others; nothing of that can be missing.

    Others of its kind can't look into it, either.
    """
    limit(most_bytes)
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _give_up_privileges(library)
        hide()
    return []


def hide() -> None:
    """Keep other processes of this user from reading this one's environment and memory, where the system can.

    It also leaves no core dump, and no debugger can attach but one that may trace everything.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def limit(most_bytes: int) -> None:
    """Set the limits alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):  # the hard limit may be lower
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))


def die_with(parent: int) -> None:
    """Let the kernel end this process with its parent, even while native code keeps it from noticing."""
    if sys.platform == "linux":
        import signal  # noqa: PLC0415 - for workers only

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


def _calls(library: Any) -> None:
    if platform.machine() not in MACHINES:
        raise OSError(errno.ENOSYS, f"no filter for {platform.machine()}")
    column, architecture = MACHINES[platform.machine()]
    steps = _filter(column, architecture)
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    if library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp filter")


def _filter(column: int, architecture: int) -> list[tuple[int, int, int, int]]:
    """Return the program; a jump says how many steps it passes if it is so, and if it is not."""
    refuse, allow, itself = (RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW), os.getpid()
    steps = [
        (LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, OTHER_ABI), refuse,
    ]  # fmt: skip
    for _, *numbers in REFUSED:
        if (number := numbers[column]) is not None:
            steps += [(EQUAL, 0, 1, number), refuse]
    for _, *numbers in TO_ITSELF:
        own = [(LOAD, 0, 0, FIRST), (EQUAL, 2, 0, itself), (EQUAL, 1, 0, 0), refuse, allow]
        if numbers[0] == TO_ITSELF[0][1]:  # kill(0, …) goes to the whole group
            own = [(LOAD, 0, 0, FIRST), (EQUAL, 1, 0, itself), refuse, allow]
        steps += [(EQUAL, 0, len(own), numbers[column]), *own]
    for (_, *numbers), commands in OWNERS:
        own = [(LOAD, 0, 0, SECOND), *(step for one in commands for step in ((EQUAL, 0, 1, one), refuse)), allow]
        steps += [(EQUAL, 0, len(own), numbers[column]), *own]
    # A stream pair leads nowhere else; a datagram pair could send to any path.
    steps += [(EQUAL, 0, 5, SOCKETPAIR[column]), (LOAD, 0, 0, SECOND), (AND, 0, 0, 0xF), (EQUAL, 1, 0, STREAM)]
    steps += [refuse, allow]
    steps += [(EQUAL, 0, 4, CLONE[column]), (LOAD, 0, 0, FIRST), (ANY_BIT, 1, 0, CLONE_THREAD), refuse, allow]
    # Its flags lie in memory, where a filter can't look; libraries take clone where it is not there.
    steps += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, REFUSE | errno.ENOSYS)]
    return [*steps, allow]


def _files(library: Any, readable: Iterable[str]) -> None:
    version = library.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        raise OSError(ctypes.get_errno(), "no Landlock")
    rights = (1 << max(count for since, count in RIGHTS if since <= version)) - 1
    attributes = struct.pack("Q", rights)
    ruleset = library.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "no Landlock")
    try:
        for path in _paths(readable):
            _allow(library, ruleset, path)
        if library.syscall(RESTRICT_SELF, ruleset, 0):
            raise OSError(ctypes.get_errno(), "no Landlock")
    finally:
        os.close(ruleset)


def _paths(readable: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys([*SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, *readable])


def _allow(library: Any, ruleset: int, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not every system has everything
        return
    try:
        rights = READ_FILE | EXECUTE | (READ_DIR if os.path.isdir(path) else 0)  # noqa: PTH112 - strings
        rights |= WRITE_FILE if path == "/dev/null" else 0
        library.syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _give_up_privileges(library: Any) -> None:
    header, held = (ctypes.c_uint32 * 2)(0x2008_0522, 0), (ctypes.c_uint32 * 6)()
    if not library.capget(header, held):
        kept = held[1] & DAC
        library.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0))


def libraries(path: Sequence[str]) -> list[str]:
    """Return the files and folders that imports may read: those of a search path, and of modules from elsewhere."""
    folders = {os.path.realpath(one) for one in path if one != os.sep}
    beside: set[str] = set()
    for module in [*sys.modules.values()]:
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or "." in getattr(module, "__name__", "."):
            continue
        name = os.path.realpath(file)
        place = os.path.dirname(name) if os.path.basename(name).startswith("__init__.") else name  # noqa: PTH119, PTH120
        if not any(place.startswith(folder + os.sep) for folder in folders):
            beside.add(place)  # for instance, of an editable install
    return sorted(folders | beside)
