"""For workers in tests: the kernel ends the process when it opens a socket, so that native code is silent too."""

from __future__ import annotations

import ctypes
import platform
import socket
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
KILL_PROCESS, ALLOW = 0x8000_0000, 0x7FFF_0000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of <linux/bpf_common.h>
SOCKET_CALL = {"x86_64": 41, "aarch64": 198}.get(platform.machine())
CAN_REFUSE = sys.platform == "linux" and SOCKET_CALL is not None


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_sockets() -> None:
    """Install the filter for this process and its threads; socket pairs, which event loops use, are another call."""
    steps = [(LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, SOCKET_CALL), (RETURN, 0, 0, KILL_PROCESS), (RETURN, 0, 0, ALLOW)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or library.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "no seccomp filter")


def open_socket() -> None:
    """What a library would do to reach anybody."""
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
