"""How calls and replies go over the socket: number of parts, their lengths, a pickle, the large buffers beside it."""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

OUT_OF_BAND_BYTES = 64 * 1024  # larger ``bytes`` arguments go beside the pickle, not copied into it
PIECE = 4 * 1024 * 1024
Buffer = bytes | memoryview | bytearray


def beside_the_pickle(value: Any) -> Any:
    """Return what to pickle instead of an argument; it arrives as a memoryview."""
    return pickle.PickleBuffer(value) if type(value) is bytes and len(value) >= OUT_OF_BAND_BYTES else value


def pack(value: Any) -> list[Buffer]:
    """Return what to send."""
    buffers: list[pickle.PickleBuffer] = []
    parts: list[Buffer] = [pickle.dumps(value, protocol=5, buffer_callback=buffers.append)]
    parts += [buffer.raw() for buffer in buffers]
    return [struct.pack(f">I{len(parts)}Q", len(parts), *map(len, parts)), *parts]


def unpack(fill: Callable[[memoryview], int]) -> Any:
    """Read one value; ``fill`` puts at least one byte into the view and returns how many."""
    (count,) = struct.unpack(">I", _exactly(4, fill))
    lengths = struct.unpack(f">{count}Q", _exactly(8 * count, fill))
    parts = [_exactly(length, fill) for length in lengths]
    return pickle.loads(parts[0], buffers=parts[1:])


def _exactly(length: int, fill: Callable[[memoryview], int]) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    done = 0
    while done < length:
        done += fill(view[done : done + PIECE])
    return data


def send(connection: socket.socket, parts: Sequence[Buffer]) -> None:
    """Send what ``pack`` returned."""
    for part in parts:
        connection.sendall(part)
