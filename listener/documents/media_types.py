"""Media types that are not one format's alone: what can't be read, what begins certainly, and the errors of both."""

from __future__ import annotations

import mimetypes

from listener.documents import office_types
from listener.errors import DocumentError

HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-unknown", "unknown/unknown"})

# Python's own table, not the system's: the same answer on every host.
OTHERS = mimetypes.MimeTypes().types_map[True] | {
    ".mobi": "application/x-mobipocket-ebook",
    ".parquet": "application/vnd.apache.parquet",
}
# What real files begin with that no format of ours reads; none of these begins a text.
FOREIGN = (
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh91AY&SY", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"OggS\x00", "audio/ogg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"fLaC\x00", "audio/flac"),
    (b"\x7fELF", "application/x-elf"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
HTML_STARTS = (b"<!doctype html", b"<html")
RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}  # in the third four bytes


def foreign(data: bytes) -> str | None:
    """Return the media type of what begins as files do that are pictures, sounds, archives or programs."""
    head = data[:16]
    if head[:4] == b"RIFF" and data[8:12] in RIFF:
        return RIFF[data[8:12]]
    return next((kind for start, kind in FOREIGN if head.startswith(start)), None)


def starts_like_html(data: bytes) -> bool:
    """Tell whether bytes begin as web pages do."""
    return data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(HTML_STARTS)


def unsupported(uri: str, media_type: str, because: str) -> DocumentError:
    """Return the error for a document of a format that can't be read."""
    hint = "convert it to PDF, an office format, HTML or text, or skip it with 'exclude'"
    if media_type in office_types.IMAGES:
        hint = "images are read with OCR only: set INGEST_OCR, or skip them with 'exclude'"
    elif media_type == office_types.ZIP:
        hint = "unpack it and ingest the files, or skip it with 'exclude'"
    return DocumentError("unsupported", f"{uri} can't be read: {because} {media_type}", hint)


def broken_promise(uri: str, promised: str) -> DocumentError:
    """Return the error for a document that is not what its name or declaration says."""
    message = f"{uri} could not be parsed: it is declared as {promised}, but does not begin like that"
    hint = "it is damaged, or its name or media type is wrong: correct it"
    return DocumentError("parser_failed", message, hint)
