"""Why an archive, or a member of one, is not read: codes, messages and hints."""

from __future__ import annotations

from listener.errors import DocumentError

ERRORS = {  # code: message after the URI, hint
    "bad_archive": ("can't be read as an archive", "it is damaged or cut off: copy it again from its origin"),
    "archive_too_large": (
        "is more than an archive may be",
        "unpack it and ingest the folder, or raise INGEST_ARCHIVE_BYTES or INGEST_ARCHIVE_MEMBERS",
    ),
    "archive_not_copied": (
        "can't be copied to the listener's disk",
        "make room in the listener's folder for temporary files (TMPDIR)",
    ),
    "unsupported": ("is an archive: its members are documents, it is none", "ingest its source again"),
    "bad_member": ("can't be read", "make the archive again, or skip it with 'exclude'"),
    "bad_member_name": (
        "has a name that no member may have",
        "names in archives are relative, with / between folders: make the archive again, inside of its folder",
    ),
    "duplicate_member": ("is in its archive again, further on", "the last one of a name is taken: make it once"),
    "nested_archive": ("is an archive inside of another one", "unpack the outer one and ingest the folder"),
    "unknown_method": (
        "is packed in a way that can't be read",
        "deflate, bzip2, LZMA and Zstandard can: make the archive again with one of these",
    ),
    "encrypted": ("is encrypted", "make the archive without a password; passwords can't be supplied"),
    "not_a_file": ("is no file", "links and devices in archives are left out: pack the files that they lead to"),
    "not_found": ("is not in its archive any more", "the archive has changed: ingest its source again"),
    "empty_document": ("is empty", "there is nothing to ingest: 0 bytes"),
    "source_changed": ("changed again and again while it was read", "ingest its source again when it stays as it is"),
}


class BadArchive(Exception):
    """What is wrong with an archive, or with one member: one of the codes, and the reason in words."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def archive_error(uri: str, code: str, reason: str = "") -> DocumentError:
    """Return the error of what has this URI."""
    message, hint = ERRORS[code]
    return DocumentError(code, f"{uri} {message}" + (f": {reason}" if reason else ""), hint)
