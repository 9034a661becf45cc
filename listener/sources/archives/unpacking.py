"""Unpack streams in bounded memory: whatever they expand to, at most a megabyte is in memory at a time."""

from __future__ import annotations

import bz2
import lzma
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from listener.sources.archives.archive_errors import BadArchive

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1024 * 1024
MOST_MEMORY = 96 * 1024 * 1024  # of one stream: xz -9 takes 65 MB
WINDOW_LOG = 26  # 64 MB: zstd --ultra -22 asks for twice as much, all others for less
LZMA_HEADER = 9
MOST_SHORT_STREAMS, LEAST_STREAM = 1000, 4096
NO_SENSE = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError, ValueError, MemoryError)
# What streams begin with; each may consist of several that follow each other.
STREAM_STARTS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
METHODS = {8: "deflate", 12: "bzip2", 14: "lzma", 93: "zstd"}  # of zips; 0 is not packed


class Decompressor(Protocol):
    """As in ``bz2``, ``lzma`` and ``zstd``."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib's decompressor, used as the others are."""

    def __init__(self, bits: int) -> None:
        self._inner = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail and not self._full

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    _full = False

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        given = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(given) == max_length  # there may be more in it, although it took all
        return given


class _Lzma:
    """LZMA as in zips: the properties come before the data."""

    unused_data = b""

    def __init__(self) -> None:
        self._head = b""
        self._inner: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner is None or self._inner.needs_input

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._inner is None:
            self._head += data
            if len(self._head) < LZMA_HEADER:
                return b""
            self._inner, data = _lzma(self._head), self._head[LZMA_HEADER:]
        return self._inner.decompress(data, max_length)


def _lzma(head: bytes) -> lzma.LZMADecompressor:
    length, sign, window = struct.unpack("<HBI", head[2:LZMA_HEADER])
    if length != 5 or sign >= 9 * 5 * 5 or window > MOST_MEMORY:
        raise ValueError("its properties are invalid")
    rest, lc = divmod(sign, 9)
    pb, lp = divmod(rest, 5)
    one = {"id": lzma.FILTER_LZMA1, "dict_size": window, "lc": lc, "lp": lp, "pb": pb}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[one])


MAKERS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(-15),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY),
    "lzma": _Lzma,
    "zstd": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG}),
}


class Unpacker:
    """One stream, or several of its kind one after the other, as ``gzip`` and others read them.

    ``whole``: whether it could end here.
    """

    def __init__(self, kind: str, *, several: bool = True) -> None:
        self._kind = kind
        self._several = several
        self._inner = MAKERS[kind]()
        self._between = b""  # bytes after a stream, too few to tell whether another one follows
        self._ended = False
        self._streams = 1
        self._taken = 0
        self.whole = False

    @property
    def ended(self) -> bool:
        """Whether what follows does not count any more."""
        return self._ended

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield the result of the next bytes, piece by piece. Raises BadArchive."""
        try:
            yield from self._pieces(data)
        except NO_SENSE as error:
            raise BadArchive("bad_archive", f"it is no whole {self._kind} ({error})") from None

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        self._taken += len(data)
        if self._inner.eof:
            data = self._next(self._between + data)
            if not data:
                return
        while not self._ended:
            if piece := self._inner.decompress(data, PIECE):
                yield piece
            data = b""
            self.whole = self._inner.eof
            if self._inner.eof:
                data = self._next(self._inner.unused_data)
                if not data:
                    return
            elif self._inner.needs_input:
                return

    def _next(self, rest: bytes) -> bytes:
        """Start the next stream, if there is one; anything else is ignored, as programs do."""
        self._between = rest = rest.lstrip(b"\0")
        start = next(start for start, kind in [*STREAM_STARTS.items(), (b"", self._kind)] if kind == self._kind)
        if not self._several or (rest and not rest.startswith(start) and not start.startswith(rest)):
            self._ended = True
        if self._ended or len(rest) < len(start) or not rest:
            return b""
        self._streams += 1
        if self._streams > MOST_SHORT_STREAMS + self._taken // LEAST_STREAM:  # each costs as much as the piece is long
            raise BadArchive("archive_too_large", f"it consists of more than {self._streams} tiny streams")
        self._inner, self._between, self.whole = MAKERS[self._kind](), b"", False
        return rest


def stream_kind(start: bytes) -> str | None:
    """Return how something is packed, by its first bytes; None if it is not."""
    return next((kind for sign, kind in STREAM_STARTS.items() if start.startswith(sign)), None)
