"""Office documents, PDF and e-mail by their media types, and what their containers look like inside.

A file's type is decided by its first bytes if these are certain. Two signatures cover many formats: a zip is a
Word, PowerPoint or Excel file, an OpenDocument or an EPUB by the names inside it; an OLE file is an old Office file, an
Outlook message or an encrypted Office file by its streams.
"""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO

from listener.errors import DocumentError

PDF = "application/pdf"
RTF = "application/rtf"
MAIL = "message/rfc822"
OUTLOOK = "application/vnd.ms-outlook"
EPUB = "application/epub+zip"
DOC, XLS, PPT = "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX, PPTX = f"{_OFFICE}.wordprocessingml.document", f"{_OFFICE}.presentationml.presentation"
XLSX = f"{_OFFICE}.spreadsheetml.sheet"
_OPEN = "application/vnd.oasis.opendocument"
ODT, ODS, ODP = f"{_OPEN}.text", f"{_OPEN}.spreadsheet", f"{_OPEN}.presentation"
ZIP, OLE = "application/zip", "application/x-ole-storage"  # what is inside decides

EXTENSIONS = {
    PDF: "pdf", RTF: "rtf", EPUB: "epub", OUTLOOK: "msg",
    DOC: "doc dot", XLS: "xls xlt", PPT: "ppt pps",
    DOCX: "docx docm dotx dotm", PPTX: "pptx pptm ppsx ppsm potx", XLSX: "xlsx xlsm xltx xltm",
    ODT: "odt ott", ODS: "ods ots", ODP: "odp otp",
}  # fmt: skip
DOCUMENTS = frozenset(EXTENSIONS)
STARTS = (
    (b"%PDF-", PDF), (b"PK\x03\x04", ZIP), (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE), (b"{\\rtf", RTF),
)  # fmt: skip
ALIASES = {
    "application/x-pdf": PDF, "text/rtf": RTF, "application/x-rtf": RTF, "application/x-msword": DOC,
    "application/x-msexcel": XLS, "application/x-mspowerpoint": PPT,
    "application/vnd.ms-word.document.macroenabled.12": DOCX, f"{_OFFICE}.wordprocessingml.template": DOCX,
    "application/vnd.ms-excel.sheet.macroenabled.12": XLSX, f"{_OFFICE}.spreadsheetml.template": XLSX,
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": PPTX,
    f"{_OFFICE}.presentationml.template": PPTX, f"{_OFFICE}.presentationml.slideshow": PPTX,
    f"{_OPEN}.text-template": ODT, f"{_OPEN}.spreadsheet-template": ODS, f"{_OPEN}.presentation-template": ODP,
}  # fmt: skip
ZIPPED = frozenset({DOCX, PPTX, EPUB})  # read by a library that may leave out what is damaged
MARKED = frozenset({DOCX, RTF})  # where the parser marks what is underlined or highlighted
IMAGES = frozenset({"image/png", "image/jpeg", "image/tiff", "image/webp", "image/gif"})

# An OLE file names its streams in UTF-16. The first match decides: messages and encrypted files contain others.
STREAMS = (
    ("EncryptedPackage", "encrypted"), ("__nameid_version1.0", OUTLOOK), ("WordDocument", DOC),
    ("PowerPoint Document", PPT), ("Workbook", XLS), ("Book", XLS),
)  # fmt: skip
FOLDERS = (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX), ("META-INF/container.xml", EPUB))

# What reading a damaged part of a zip raises.
DAMAGES = (KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, OSError, EOFError, NotImplementedError)

# Real office files inflate to 2 to 30 times their size and have under 10,000 entries.
MOST_INFLATED = 1024 * 1024 * 1024
MOST_RATIO, FREE_BYTES = 200, 64 * 1024 * 1024  # the ratio counts above this many bytes
MOST_ENTRIES = 50_000


def of_zip(data: bytes, uri: str, promised: str) -> str:
    """Return the media type of what a zip holds (``application/zip`` if nothing known).

    Raises DocumentError ``zip_bomb``, ``encrypted``, or ``parser_failed`` for a damaged one that is ``promised`` to be
    a document. Reads the directory and two small entries.
    """
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        if promised not in DOCUMENTS:
            return ZIP
        hint = "it is cut off or damaged: copy it again from its origin"
        raise DocumentError(
            "parser_failed", f"{uri} could not be parsed: not a whole zip file ({error})", hint
        ) from None
    return _of_archive(archive, len(data), uri)


def _of_archive(archive: zipfile.ZipFile, packed: int, uri: str) -> str:
    with archive:
        _check_sizes(archive, packed, uri)
        names = archive.namelist()
        if "mimetype" in names:
            declared = _small(archive, "mimetype").strip().decode("ascii", "replace")
            if declared.startswith(_OPEN) and b"encryption-data" in _small(archive, "META-INF/manifest.xml"):
                raise encrypted(uri)
            if (known := ALIASES.get(declared, declared)) in DOCUMENTS:
                return known
    return next((kind for start, kind in FOLDERS if any(name.startswith(start) for name in names)), ZIP)


def of_ole(data: bytes, uri: str, promised: str) -> str:
    """Return the media type of an OLE file; ``promised``, its name's or declared one, if that is possible.

    Raises DocumentError ``encrypted``.
    """
    found = [kind for stream, kind in STREAMS if _has_stream(data, stream)]
    if found[:1] == ["encrypted"]:
        raise encrypted(uri)
    whole = promised if promised in (DOC, XLS, PPT, OUTLOOK) else OLE
    return promised if promised in found else next(iter(found), whole)  # a truncated one may have lost its directory


def _has_stream(data: bytes, name: str) -> bool:
    """Tell whether the directory has an entry of this name: 128 bytes that begin with it and its end mark."""
    entry, at = name.encode("utf-16-le") + b"\0\0", -1
    while (at := data.find(entry, at + 1)) >= 0:
        if at % 128 == 0:
            return True
    return False


def encrypted(uri: str) -> DocumentError:
    """Return the error for a document that wants a password."""
    hint = "remove its password and ingest it again, or skip it with 'exclude'; passwords can't be supplied"
    return DocumentError("encrypted", f"{uri} is encrypted", hint)


def _check_sizes(archive: zipfile.ZipFile, packed: int, uri: str) -> None:
    entries = archive.infolist()
    inflated = sum(entry.file_size for entry in entries)
    ratio = inflated / max(packed, 1)
    if inflated > MOST_INFLATED or len(entries) > MOST_ENTRIES or (inflated > FREE_BYTES and ratio > MOST_RATIO):
        size = f"{inflated // 1024 // 1024} MB in {len(entries)} files out of {packed // 1024} KB"
        hint = "it was made to exhaust memory, or it is mostly empty: save it again with a common program, or skip it"
        raise DocumentError("zip_bomb", f"{uri} would expand to {size}", hint)


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the beginning of an entry; nothing if it can't be read."""
    try:
        with archive.open(name) as entry:
            return entry.read(64 * 1024)
    except DAMAGES:
        return b""
