"""How calls and answers go over the socket: as data, never as objects that could run code when they are read.

::

    message   sizes of all parts ── header: JSON, in UTF-8 ── frames: large bytes and texts, as they are
    call      [module, name, arguments, most bytes of the answer]      read by the worker, which trusts it
    so far    ["so far", share]                                         as often as it likes, before the answer
    answer    ["ok", result] | ["error", kind, code, message, hint]    read by the listener, which does not

In JSON an object with the key ``MARK`` represents values that JSON lacks. A document's own keys can't be that one:
NUL is dropped from them. What objects there may be in an answer is said by the function that was called (``answers``).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

from listener.errors import DocumentError

BESIDE_BYTES = 64 * 1024  # larger bytes and texts are sent after the header, not copied into it
SMALL_BYTES = 256  # smaller bytes, such as digests, are in the header
MOST_FRAMES = 100_000
MOST_HEADER = 32 * 1024 * 1024  # of an answer; 10,000 records with the longest ids have 25 MB
SLACK = 4096  # for an error in the place of an answer that is too large
PIECE = 4 * 1024 * 1024
MARK = "\0"
SO_FAR = "so far"
SIZES = struct.Struct(">II")  # bytes of the header, number of frames
LEVELS = 3  # of lists in a result that are looked through for large texts

Buffer = bytes | memoryview | bytearray
Frames = list["bytearray | None"]  # None: used; one that is used often would make much of little
Fill = Callable[[memoryview], int]


class NoMessage(Exception):
    """What was received is no message, or is too large."""


def pack(value: Any) -> list[Buffer]:
    """Return a message as parts to send. Raises TypeError for anything but data."""
    frames: list[Buffer] = []

    def other(one: Any) -> Any:
        if isinstance(one, DocumentError):
            return {MARK: ["error", one.code, one.message, one.hint]}
        if is_dataclass(one) and not isinstance(one, type):
            return {field.name: getattr(one, field.name) for field in fields(one)}
        return _of_bytes(memoryview(one), frames)  # TypeError: it is not data

    said = json.dumps(_beside(value, frames, LEVELS), default=other, ensure_ascii=False, separators=(",", ":"))
    header = said.encode("utf-8", "replace")
    lengths = [memoryview(frame).nbytes for frame in frames]
    sizes = SIZES.pack(len(header), len(frames)) + struct.pack(f">{len(frames)}Q", *lengths)
    # One call of the system wakes the other end once.
    return [sizes + header, *frames] if len(header) < BESIDE_BYTES else [sizes, header, *frames]


def arguments(values: Sequence[Any]) -> list[Any]:
    """Return a call's arguments with the types of objects in them, which the worker is to make again."""
    return list(map(_with_type, values))


def receive(fill: Fill, most: int | None = None) -> tuple[Buffer, Frames]:
    """Read a message's header and frames, up to a limit of bytes; ``fill`` puts at least one into a view.

    Raises NoMessage, and what ``fill`` raises.
    """
    length, count = SIZES.unpack(_exactly(SIZES.size, fill))
    if most is not None and (count > MOST_FRAMES or length > MOST_HEADER):
        raise NoMessage(f"its answer has a header of {length} bytes and {count} frames")
    lengths = struct.unpack(f">{count}Q", _exactly(8 * count, fill))
    if most is not None and length + sum(lengths) > most + SLACK:
        raise NoMessage(f"its answer has {length + sum(lengths)} bytes, more than {most}")
    return _exactly(length, fill), [_exactly(one, fill) for one in lengths]


def unpack(header: Buffer, frames: Frames, trusted: bool = False) -> Any:
    """Return what a message says; objects are made again only if it is trusted. Raises NoMessage."""

    def known(found: dict[str, Any]) -> Any:
        return _read(found[MARK], frames, trusted) if MARK in found else found

    try:
        return json.loads(str(header, "utf-8"), object_hook=known)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, AttributeError) as error:
        raise NoMessage(f"its answer can't be read ({type(error).__name__})") from None


def share_in(header: Buffer) -> float | None:
    """Return the share of its work that a worker says is done; None: the message is something else."""
    if len(header) > SMALL_BYTES or not bytes(header).startswith(b'["so far",'):
        return None
    match unpack(header, []):
        case [str(), int() | float() as share] if 0 <= share <= 1:
            return float(share)
    raise NoMessage("it says nonsense of how far it is")


def _beside(value: Any, frames: list[Buffer], levels: int) -> Any:
    if type(value) is str:
        return _of_text(value, frames) if len(value) >= BESIDE_BYTES else value
    if levels and isinstance(value, (list, tuple)):
        return [_beside(one, frames, levels - 1) for one in value]
    return value


def _of_text(text: str, frames: list[Buffer]) -> dict[str, Any]:
    frames.append(text.encode("utf-8", "replace"))
    return {MARK: ["text", len(frames) - 1]}


def _of_bytes(view: memoryview, frames: list[Buffer]) -> dict[str, Any]:
    if view.nbytes <= SMALL_BYTES:
        return {MARK: ["hex", view.hex()]}
    frames.append(view)
    return {MARK: ["bytes", len(frames) - 1]}


def _with_type(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {MARK: ["object", *_name(type(value)), list(map(_with_type, value)), {}]}
    if is_dataclass(value) and not isinstance(value, type):
        given = {field.name: _with_type(getattr(value, field.name)) for field in fields(value)}
        return {MARK: ["object", *_name(type(value)), [], given]}
    if isinstance(value, tuple):
        return {MARK: ["tuple", list(map(_with_type, value))]}
    if isinstance(value, list):
        return list(map(_with_type, value))
    return {key: _with_type(one) for key, one in value.items()} if isinstance(value, dict) else value


def _name(kind: type) -> tuple[str, str]:
    return kind.__module__, kind.__name__


def _read(word: list[Any], frames: Frames, trusted: bool) -> Any:
    kind, what, *rest = word
    if kind == "hex":
        return bytes.fromhex(what)
    if kind in ("bytes", "text"):
        frame, frames[what] = frames[what], None
        if frame is None:
            raise ValueError
        if kind == "text":
            return str(frame, "utf-8") if trusted or b"\0" not in frame else str(frame, "utf-8").replace("\0", "")
        return bytes(frame) if trusted else frame
    if kind == "error":
        return DocumentError(what, *rest)
    if trusted and kind == "tuple":
        return tuple(what)
    if trusted and kind == "object":
        name, given, named = rest
        return getattr(import_module(what), name)(*given, **named)
    raise ValueError


def _exactly(length: int, fill: Fill) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    done = 0
    while done < length:
        done += fill(view[done : done + PIECE])
    return data
