"""An unlinked file on the listener's disk: what an archive without an index, or without ranges, is read from."""

from __future__ import annotations

import os
import tempfile

from listener.sources.archives.archive_errors import BadArchive


class DiskCopy:
    """Bytes on disk; nobody else can see them, and they vanish with the process. Blocks."""

    def __init__(self) -> None:
        self.size = 0
        try:
            self._file = tempfile.TemporaryFile(prefix="ingest-", buffering=0)  # noqa: SIM115 - until ``close``
        except OSError as error:
            raise BadArchive("archive_not_copied", str(error.strerror)) from None

    def write(self, data: bytes) -> None:
        """Add bytes; raises BadArchive ``archive_not_copied`` where the disk is full."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise BadArchive("archive_not_copied", str(error.strerror)) from None
        self.size += len(data)

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes at a place, fewer where they end."""
        if start >= self.size or length <= 0:
            return b""
        data = os.pread(self._file.fileno(), length, start)
        while len(data) < min(length, self.size - start):  # the system gives 2 GB at most
            data += os.pread(self._file.fileno(), length - len(data), start + len(data))
        return data

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()
