"""Why an archive, or a member of one, is not read: codes, messages and hints."""

from __future__ import annotations

from listener.errors import DocumentError

ERRORS = {  # code: message after the URI, hint
    "bad_archive": ("can't be read as an archive", "it is damaged or truncated: copy it again from its origin"),
    "archive_too_large": (
        "exceeds the limits of an archive",
        "unpack it and ingest the folder, or raise INGEST_ARCHIVE_BYTES or INGEST_ARCHIVE_MEMBERS",
    ),
    "archive_not_copied": (
        "can't be copied to the listener's disk",
        "free space in the listener's folder for temporary files (TMPDIR)",
    ),
    "unsupported": ("is an archive: its members are documents, it is not one itself", "ingest its source again"),
    "bad_member": ("can't be read", "create the archive again, or skip it with 'exclude'"),
    "bad_member_name": (
        "has a name that members may not have",
        "names in archives are relative, with / between folders: create the archive again inside its folder",
    ),
    "duplicate_member": ("occurs again later in its archive", "the last one of a name is read: keep only one"),
    "nested_archive": ("is an archive inside another one", "unpack the outer one and ingest the folder"),
    "unknown_method": (
        "uses an unsupported compression method",
        "create the archive again with deflate, bzip2, LZMA or Zstandard",
    ),
    "encrypted": ("is encrypted", "create the archive without a password; passwords can't be supplied"),
    "not_a_file": ("is no file", "links and devices in archives are skipped: include the files that they lead to"),
    "not_found": ("is no longer in its archive", "the archive has changed: ingest its source again"),
    "empty_document": ("is empty", "there is nothing to ingest: 0 bytes"),
    "source_changed": ("kept changing while it was read", "ingest its source again when it no longer changes"),
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
