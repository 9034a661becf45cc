"""Decide what a document is: by its first bytes where they are certain, else as declared, else by its name."""

from __future__ import annotations

import mimetypes
from posixpath import basename, splitext

from listener.documents import formats
from listener.errors import DocumentError

HTML = frozenset({"text/html", "application/xhtml+xml"})
MARKDOWN = "text/markdown"
PLAIN = "text/plain"

# Not text/*, and text all the same.
TEXTUAL = frozenset(
    f"application/{name}"
    for name in (
        "json", "ld+json", "x-ndjson", "jsonl", "json5", "geo+json", "yaml", "x-yaml", "toml", "xml", "javascript",
        "x-javascript", "ecmascript", "typescript", "sql", "graphql", "x-sh", "x-shellscript", "x-httpd-php", "x-tex",
        "x-latex", "x-subrip", "x-ipynb+json", "csv",
    )
)  # fmt: skip
UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-unknown", "unknown/unknown"})

_EXTENSIONS = {
    "text/plain": "txt text log out err list diff patch srt vtt sub nfo env properties po pot lock dist",
    "text/markdown": "md markdown mdown mkd mkdn mdx rmd qmd",
    "text/html": "html htm xhtml xht shtml",
    "text/x-rst": "rst rest",
    "text/x-asciidoc": "adoc asciidoc asc",
    "text/x-org": "org",
    "text/x-tex": "tex ltx sty cls bib",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv tab",
    "application/json": "json json5 jsonc geojson ipynb webmanifest",
    "application/x-ndjson": "jsonl ndjson",
    "application/yaml": "yaml yml",
    "application/toml": "toml",
    "application/xml": "xml xsd xsl xslt rss atom wsdl plist",
    "text/x-ini": "ini cfg conf cnf desktop service",
    "text/css": "css",
    "text/x-scss": "scss sass less",
    "text/x-python": "py pyi pyw pyx pxd",
    "text/javascript": "js mjs cjs jsx",
    "text/x-typescript": "ts mts cts tsx",
    "text/x-vue": "vue svelte",
    "text/x-rust": "rs",
    "text/x-go": "go",
    "text/x-java": "java",
    "text/x-kotlin": "kt kts",
    "text/x-scala": "scala sc sbt",
    "text/x-groovy": "groovy gradle",
    "text/x-c": "c h",
    "text/x-c++": "cc cpp cxx c++ hh hpp hxx h++ ino",
    "text/x-csharp": "cs csx",
    "text/x-fsharp": "fs fsi fsx",
    "text/x-objective-c": "m mm",
    "text/x-swift": "swift",
    "text/x-ruby": "rb rake gemspec",
    "text/x-php": "php phtml",
    "text/x-perl": "pl pm t",
    "text/x-lua": "lua",
    "text/x-r": "r",
    "text/x-julia": "jl",
    "text/x-haskell": "hs lhs",
    "text/x-ocaml": "ml mli",
    "text/x-elixir": "ex exs",
    "text/x-erlang": "erl hrl",
    "text/x-clojure": "clj cljs cljc edn",
    "text/x-lisp": "lisp lsp el scm rkt",
    "text/x-dart": "dart",
    "text/x-zig": "zig",
    "text/x-nim": "nim",
    "text/x-sh": "sh bash zsh fish ksh",
    "text/x-powershell": "ps1 psm1 psd1",
    "text/x-bat": "bat cmd",
    "text/x-sql": "sql psql ddl pgsql",
    "text/x-graphql": "graphql gql",
    "text/x-protobuf": "proto",
    "text/x-terraform": "tf tfvars hcl",
    "text/x-cmake": "cmake",
    "text/x-makefile": "mk mak",
    "text/x-pascal": "pas pp",
    "text/x-fortran": "f f90 f95 f03",
    "text/x-asm": "s asm",
    "text/x-verilog": "v sv",
    "text/x-vhdl": "vhd vhdl",
}
BY_EXTENSION = {f".{extension}": kind for kind, names in _EXTENSIONS.items() for extension in names.split()}
BY_NAME = {
    "makefile": "text/x-makefile",
    "gnumakefile": "text/x-makefile",
    "dockerfile": "text/x-dockerfile",
    "containerfile": "text/x-dockerfile",
    "cmakelists.txt": "text/x-cmake",
    "gemfile": "text/x-ruby",
    "rakefile": "text/x-ruby",
    "readme": PLAIN,
    "license": PLAIN,
    "copying": PLAIN,
    "changelog": PLAIN,
    "authors": PLAIN,
    "news": PLAIN,
}
# Python's own table, not the system's: the same answer on every host.
OTHERS = mimetypes.MimeTypes().types_map[True] | {
    ".mobi": "application/x-mobipocket-ebook",
    ".parquet": "application/vnd.apache.parquet",
    **formats.EXTENSIONS,
}
# What real files of other formats begin with; none of these begins a text.
SIGNATURES = (
    (b"%PDF-", formats.PDF),
    (b"PK\x03\x04", formats.ZIP),
    (b"PK\x05\x06", formats.ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", formats.OLE),
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
    (b"{\\rtf", formats.RTF),
)
HTML_STARTS = (b"<!doctype html", b"<html")
MAIL_START = b"mime-version:"
PDF_JUNK = 1024  # readers take a PDF that begins so late


def decide(data: bytes, uri: str, declared: str, ocr: bool = False) -> tuple[str, bool]:
    """Return the document's media type and whether it was told (declared or by name) rather than guessed.

    A signature wins over name and declaration. For zip and OLE files it is the container's: ``formats`` looks inside.
    Images are documents with ``ocr``. Raises DocumentError ``unsupported``, or ``parser_failed`` for what is not what
    its name or declaration promises.
    """
    promised = declared if declared not in UNTOLD else by_name(uri) or ""
    promised = formats.ALIASES.get(promised, promised)
    if signed := _by_signature(data):
        if not _is_document(signed, ocr) and signed not in (formats.ZIP, formats.OLE):
            raise unsupported(uri, signed, "its content is")
        return signed, True
    if promised in formats.DOCUMENTS:
        return _without_signature(data, uri, promised)
    if not promised:
        return ("text/html", True) if _starts_like_html(data) else (PLAIN, False)
    if not is_text(promised) and promised != formats.MAIL:
        raise unsupported(uri, promised, "its name says" if declared in UNTOLD else "it is declared as")
    return promised, True


def by_name(uri: str) -> str | None:
    """Return the media type that the last part of the URI stands for, if it is known."""
    name = basename(uri.partition("?")[0] if "://" in uri else uri).lower()
    extension = splitext(name)[1]
    return BY_NAME.get(name) or BY_EXTENSION.get(extension) or OTHERS.get(extension)


def is_text(media_type: str) -> bool:
    """Tell whether documents of this type are text."""
    return media_type.startswith("text/") or media_type in TEXTUAL or media_type in HTML or _by_suffix(media_type)


def unsupported(uri: str, media_type: str, because: str) -> DocumentError:
    """Return the error for a document of a format that can't be read."""
    hint = "convert it to PDF, an office format, HTML or text, or leave it out with 'exclude'"
    if media_type in formats.IMAGES:
        hint = "images are read with OCR only: set INGEST_OCR, or leave them out with 'exclude'"
    elif media_type == formats.ZIP:
        hint = "unpack it and ingest the files, or leave it out with 'exclude'"
    return DocumentError("unsupported", f"{uri} can't be read: {because} {media_type}", hint)


def _is_document(media_type: str, ocr: bool) -> bool:
    return media_type in formats.DOCUMENTS or (ocr and media_type in formats.IMAGES)


def _without_signature(data: bytes, uri: str, promised: str) -> tuple[str, bool]:
    """Return what a document is that should begin otherwise, and whether that was told.

    Programs export web pages, archived ones and tables of text as .xls and .doc, and .doc was text once.
    """
    if promised == formats.PDF and b"%PDF-" in data[:PDF_JUNK]:
        return promised, True
    if _starts_like_html(data):
        return "text/html", True
    if promised in (formats.DOC, formats.XLS, formats.RTF):
        return (formats.MAIL, True) if data[:64].lower().startswith(MAIL_START) else (PLAIN, False)
    message = f"{uri} could not be parsed: it is told to be {promised}, but does not begin like that"
    hint = "it is damaged, or its name or media type is wrong: give the right one"
    raise DocumentError("parser_failed", message, hint)


def _starts_like_html(data: bytes) -> bool:
    return data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(HTML_STARTS)


def _by_suffix(media_type: str) -> bool:
    return media_type.endswith(("+json", "+xml", "+yaml")) and not media_type.startswith("image/")


def _by_signature(data: bytes) -> str | None:
    head = data[:16]
    if head[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}[data[8:12]]
    return next((kind for start, kind in SIGNATURES if head.startswith(start)), None)
