"""Why a local file is not read: codes, messages and hints."""

from __future__ import annotations

import errno

from listener.errors import DocumentError
from listener.models import Refused

ERRORS = {  # code: message after the URI, hint
    "outside_roots": ("leads out of the roots", "copy it below a root, or add its folder to INGEST_FILE_ROOTS"),
    "not_found": ("is not there", "it was removed or is a link that leads nowhere"),
    "not_a_file": ("is neither a file nor a folder", "devices, FIFOs and sockets can't be ingested"),
    "unreadable": ("can't be read", "let the listener's user read it"),
    "empty_document": ("is empty", "there is nothing to ingest: 0 bytes"),
}
CODES = {
    errno.ENOENT: "not_found",
    errno.ENOTDIR: "not_found",
    errno.ELOOP: "not_found",
    errno.ENXIO: "not_a_file",
}


def code_of(error: OSError) -> str:
    """Return the code for what the system says."""
    return CODES.get(error.errno or 0, "unreadable")


def refusal(code: str, uri: str, error: OSError | None = None) -> DocumentError:
    """Return the error of one document, with the system's own words if there are any."""
    message, hint = ERRORS[code]
    return DocumentError(code, f"{uri} {message}" + (f": {error.strerror}" if error else ""), hint)


def refused(uri: str, error: DocumentError) -> Refused:
    """Return the error as what discovery yields."""
    return Refused(uri, error.code, error.message, error.hint)


def too_large(uri: str, size: int, most: int) -> DocumentError:
    """Return the error of a document over the limit."""
    return DocumentError(
        "too_large", f"{uri} has {size} bytes, more than {most}", "split it, or raise INGEST_MAX_DOCUMENT_BYTES"
    )
