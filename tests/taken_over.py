"""What a hostile document would do in a worker that it took over; and formats that raise whatever there is."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pickle
import resource
import signal
import socket
import stat
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from listener.documents.reading import About, Reading
from listener.errors import DocumentError


def refused(attempt: Callable[[], object]) -> str:
    """Return how the system refused an attempt, ``done`` if it did not."""
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "done"


def environment() -> dict[str, str]:
    return dict(os.environ) | {"/proc": Path("/proc/self/environ").read_text()}


def attempts(folder: str, secret: str) -> dict[str, str]:
    """Try to reach, start, end, read and write what is not a parser's business; return how each was refused."""
    listener, inside = os.getppid(), Path(folder)
    left, right = socket.socketpair()  # as event loops need it
    left.close()
    right.close()
    tries: dict[str, Callable[[], object]] = {
        "internet": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "internet 6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        "unix": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "datagram pair": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
        "io_uring": lambda: called(425, 8, ctypes.create_string_buffer(120)),
        "a program": lambda: subprocess.run(["/bin/true"], check=False),
        "a fork": os.fork,
        "another program": lambda: os.execv("/bin/true", ["true"]),
        "the listener's end": lambda: os.kill(listener, signal.SIGTERM),
        "a signal by the system": lambda: fcntl.fcntl(connection(), fcntl.F_SETOWN, listener),
        "a signal by a device": lambda: fcntl.ioctl(connection(), 0x8901, struct.pack("i", listener)),
        "the end of all": lambda: os.kill(0, 0),
        "the listener's limits": lambda: resource.prlimit(listener, resource.RLIMIT_NOFILE, (3, 3)),
        "the listener's environment": lambda: Path(f"/proc/{listener}/environ").read_bytes(),
        "the listener's memory": lambda: Path(f"/proc/{listener}/mem").read_bytes(),
        "a document of others": lambda: Path(secret).read_bytes(),
        "a name": lambda: [*inside.iterdir()],
        "a new file": lambda: (inside / "new").write_text("x"),
        "a file for all": lambda: Path("/tmp/of-a-worker").write_text("x"),
        "a memory file": lambda: os.memfd_create("x"),
        "more files": (inside / "folder").mkdir,
        "no secret": lambda: Path(secret).unlink(),
        "another owner": lambda: Path(secret).chmod(0o777),
    }  # fmt: skip
    return {name: refused(attempt) for name, attempt in tries.items()}


def called(number: int, *arguments: Any) -> None:
    """Make a call of the system by its number."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def threads() -> int:
    """Start some threads, which parsers may."""
    found: list[int] = []
    started = [threading.Thread(target=lambda: found.append(1)) for _ in range(4)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    return len(found)


def descriptors() -> list[str]:
    """Return what is open here beside the folder that is being read."""
    return ["socket" if stat.S_ISSOCK(mode) else f"{number}: {mode}" for number, mode in opened()]


def opened() -> Iterator[tuple[int, int]]:
    """Yield the open descriptors above stderr, and their modes."""
    for number in range(3, 1024):
        with suppress(OSError):
            yield number, os.fstat(number).st_mode


def limits() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_CORE)


class Pickled:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.folder,)


def answer(what: str, folder: str = "") -> NoReturn:
    """Send what is no answer in the place of one, and wait for the end."""
    sizes = struct.Struct(">II")
    pickles = pickle.dumps((True, Pickled(folder)))
    object_ = b'["ok",{"\\u0000":["object","os","mkdir",["%s"],{}]}]' % folder.encode()
    twice = b'["ok",[{"\\u0000":["text",0]},{"\\u0000":["text",0]}]]'
    messages = {
        "pickle": struct.pack(">IQ", 1, len(pickles)) + pickles,
        "pickle in a header": sizes.pack(len(pickles), 0) + pickles,
        "object": sizes.pack(len(object_), 0) + object_,
        "noise": os.urandom(64),
        "no header": sizes.pack(0, 0),
        "deep": sizes.pack(2_000_000, 0) + b"[" * 2_000_000,
        "long number": sizes.pack(10_000, 0) + b"9" * 10_000,
        "large header": sizes.pack(2**32 - 1, 0),
        "many frames": sizes.pack(2, 2**32 - 1),
        "large frame": sizes.pack(2, 1) + struct.pack(">Q", 2**63) + b"[]",
        "frame twice": sizes.pack(len(twice), 1) + struct.pack(">Q", 1) + twice + b"x",
        "no such frame": said(b'["ok",{"\\u0000":["bytes",-1]}]'),
        "no result": said(b'{"ok":1}'),
        "no error": said(b'["error","document","DROP TABLE","",""]'),
        "no kind": said(b'["error","LostOwnership","x","",""]'),
        "error of another class": said(b'["error","raised",7,"",""]'),
    }  # fmt: skip
    connection().sendall(messages[what])
    signal.pause()
    raise AssertionError


def answer_with(header: bytes) -> NoReturn:
    """Send a header of one's own."""
    connection().sendall(said(header))
    signal.pause()
    raise AssertionError


def answer_slowly() -> NoReturn:
    """Begin an answer that never ends, and grow meanwhile."""
    end, kept = connection(), []
    end.sendall(struct.pack(">IIQ", 2, 1, 50_000_000) + b"[]")
    while True:
        kept.append(b"x" * 1_000_000)
        end.sendall(b"x")


def go_on_in_the_background() -> int:
    """Leave a thread behind that never rests."""

    def spin() -> None:
        while True:
            pass

    threading.Thread(target=spin, daemon=True).start()
    return os.getpid()


def said(header: bytes) -> bytes:
    return struct.pack(">II", len(header), 0) + header


def connection() -> socket.socket:
    number = next(number for number, mode in opened() if stat.S_ISSOCK(mode))
    return socket.socket(fileno=os.dup(number))


# Formats.


class Unspeakable(BaseException):
    """Can't be shown, copied or compared."""

    def __str__(self) -> str:
        raise SystemExit(7)

    def __reduce__(self) -> NoReturn:
        raise RuntimeError

    __repr__ = __str__


class Demanding(Exception):
    """Breaks when it is unpickled."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(one)
        self.two = two


RAISED: dict[str, Callable[[], BaseException]] = {
    "RecursionError": lambda: RecursionError("deep"),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "Unspeakable": Unspeakable,
    "Demanding": lambda: Demanding(threading.Lock(), open),
    "huge": lambda: ValueError("x" * 50_000_000),
    "null": lambda: ValueError("a\0b\ud800c"),
    "StopIteration": StopIteration,
    "DocumentError": lambda: DocumentError("no_text", "said\0 \udfff" + "y" * 5_000_000, "hint" * 9_999_999),
}


def raises(data: bytes, about: About) -> Reading:
    raise RAISED[data.decode()]()


def recurses(data: bytes, about: About) -> Reading:
    return recurses(data, about)


def spins(data: bytes, about: About) -> Reading:
    while True:
        pass


def returns(data: bytes, about: About) -> Any:
    """Return what is no Reading, or one with something wrong in it."""
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    wrong: dict[str, Any] = {
        "nothing": None,
        "a number": 7,
        "an object": threading.Lock(),
        "a class": Reading,
        "a text": Reading("text"),
        "no utf-8": Reading(b"\xff\xfe\xfa"),
        "pages behind": Reading(b"text", pages=[0, 99]),
        "pages back": Reading(b"text", pages=[3, 1]),
        "pages of text": Reading(b"text", pages=["x"]),  # type: ignore[list-item]
        "deep notes": Reading(b"text", notes={"a": deep}),
        "infinite notes": Reading(b"text", notes={"a": float("inf")}),
        "long number": Reading(b"text", notes={"a": 10**5000}),
        "large notes": Reading(b"text", notes={"a": "x" * 2_000_000}),
        "objects in notes": Reading(b"text", notes={"a": {1, 2}}),
        "a kind": Reading(b"text", kind="text/plain\n'; drop"),
        "parts": Reading(b"text", parts=[("a", None, "text")]),
        "more parts": Reading(b"text", parts=[(1, 2, 3, 4)]),  # type: ignore[list-item]
        "huge text": Reading(b"x" * 60_000_000),
    }
    return wrong[data.decode()]


def odd(data: bytes, about: About) -> Any:
    """Return what can be put right: NULs, half characters, titles over many lines, names of parts like paths."""
    notes = {"a\0b": "c\ud800d", "list": ("x", 1, None)}
    return Reading(b"a\0b", "one\ntwo\0", notes, (0,), [("../x\0\ud800", "text/plain", b"inner")], "text/plain")
