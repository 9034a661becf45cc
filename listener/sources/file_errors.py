"""Why a local file is not read: codes, messages and hints."""

from __future__ import annotations

import errno
import os
import stat

from listener.errors import DocumentError

ERRORS = {  # code: message after the URI, hint
    "outside_roots": ("leads out of the roots", "copy it below a root, or add its folder to INGEST_ROOTS"),
    "not_found": ("is not there", "it was removed, or is a broken link"),
    "not_a_file": ("is neither a file nor a folder", "devices, FIFOs and sockets can't be ingested"),
    "kernel_file": ("lies on a kernel file system", "file systems mounted from /proc, /sys or /dev are not read"),
    "unreadable": ("can't be read", "let the listener's user read it"),
    "empty_document": ("is empty", "there is nothing to ingest: 0 bytes"),
}
CODES = {
    errno.ENOENT: "not_found",
    errno.ENOTDIR: "not_found",
    errno.ELOOP: "not_found",
    errno.ENXIO: "not_a_file",
    errno.EXDEV: "outside_roots",  # as openat2 has it
}


def code_of(error: OSError) -> str:
    """Return the code for what the system says."""
    return CODES.get(error.errno or 0, "unreadable")


def refusal(code: str, uri: str, error: OSError | None = None) -> DocumentError:
    """Return the error of one document, with the system's own words if there are any."""
    message, hint = ERRORS[code]
    words = f": {error.strerror}" if error and error.errno != errno.EXDEV else ""
    return DocumentError(code, f"{uri} {message}{words}", hint)


def require_file(status: os.stat_result, uri: str) -> None:
    """Raise the error for anything that is not a regular file."""
    if not stat.S_ISREG(status.st_mode):
        raise refusal("not_a_file", uri)
