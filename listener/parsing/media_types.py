"""Decide what a document is: by what it is declared to be, else by its name, else by its first bytes."""

from __future__ import annotations

import mimetypes
from posixpath import basename, splitext

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
# Python's own table, not the system's: the same answer on every host. Office formats came into it late.
OTHERS = mimetypes.MimeTypes().types_map[True] | {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".epub": "application/epub+zip",
    ".mobi": "application/x-mobipocket-ebook",
    ".rtf": "application/rtf",
    ".msg": "application/vnd.ms-outlook",
    ".parquet": "application/vnd.apache.parquet",
}
# What real files of other formats begin with; none of these begins a text.
SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
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
    (b"{\\rtf1", "application/rtf"),
)
HTML_STARTS = (b"<!doctype html", b"<html")


def decide(data: bytes, uri: str, declared: str) -> tuple[str, bool]:
    """Return the document's media type and whether it was told (declared or by name) rather than guessed.

    Raises DocumentError ``unsupported`` for what is not text.
    """
    if signed := _by_signature(data):
        raise unsupported(uri, signed, "its content is")
    if declared not in UNTOLD:
        if not is_text(declared):
            raise unsupported(uri, declared, "it is declared as")
        return declared, True
    if named := by_name(uri):
        if not is_text(named):
            raise unsupported(uri, named, "its name says")
        return named, True
    starts_like_html = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(HTML_STARTS)
    return ("text/html" if starts_like_html else PLAIN), starts_like_html


def by_name(uri: str) -> str | None:
    """Return the media type that the last part of the URI stands for, if it is known."""
    name = basename(uri.partition("?")[0] if "://" in uri else uri).lower()
    extension = splitext(name)[1]
    return BY_NAME.get(name) or BY_EXTENSION.get(extension) or OTHERS.get(extension)


def is_text(media_type: str) -> bool:
    """Tell whether documents of this type are text."""
    return media_type.startswith("text/") or media_type in TEXTUAL or media_type in HTML or _by_suffix(media_type)


def unsupported(uri: str, media_type: str, because: str) -> DocumentError:
    """Return the error for a document of a format that can't be read yet."""
    return DocumentError(
        "unsupported",
        f"{uri} can't be read: {because} {media_type}",
        "text, Markdown, source code and HTML can be ingested for now: convert it, or leave it out with 'exclude'",
    )


def _by_suffix(media_type: str) -> bool:
    return media_type.endswith(("+json", "+xml", "+yaml")) and not media_type.startswith("image/")


def _by_signature(data: bytes) -> str | None:
    head = data[:16]
    if head[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}[data[8:12]]
    return next((kind for start, kind in SIGNATURES if head.startswith(start)), None)
