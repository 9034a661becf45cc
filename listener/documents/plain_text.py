"""Text in any encoding, as it is: plain text, Markdown, source code, JSON, XML and other readable formats.

Nothing rewrites it: line ends, tabs and blanks stay. Only byte order marks and NULs are dropped; what can't be decoded
becomes U+FFFD and is counted in the metadata (see ``decoding``).
"""

from __future__ import annotations

from listener.documents import decoding
from listener.documents.media_types import PLAIN
from listener.documents.reading import About, DocumentFormat, Reading, as_buffer
from listener.documents.utf8 import plain_text

# Not text/*, but text nevertheless.
TEXTUAL = frozenset(
    f"application/{name}"
    for name in (
        "json", "ld+json", "x-ndjson", "jsonl", "json5", "geo+json", "yaml", "x-yaml", "toml", "xml", "javascript",
        "x-javascript", "ecmascript", "typescript", "sql", "graphql", "x-sh", "x-shellscript", "x-httpd-php", "x-tex",
        "x-latex", "x-subrip", "x-ipynb+json", "csv",
    )
)  # fmt: skip
EXTENSIONS = {
    "text/plain": "txt text log out err list diff patch srt vtt sub nfo env properties po pot lock dist",
    "text/markdown": "md markdown mdown mkd mkdn mdx rmd qmd",
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
NAMES = {
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


def read(data: bytes, about: About) -> Reading:
    """Decode text, in a worker."""
    text, notes = decoding.decode(data, about.charset, told=about.told, html=False)
    return Reading(as_buffer(text), None, notes)


async def read_utf8(data: bytes, about: About) -> str | None:
    """Return plain UTF-8 text, or None if it takes a closer look (NULs, ISO-2022-JP, other encodings)."""
    if about.charset not in (None, "utf-8"):
        return None
    try:
        text = await plain_text(data)
    except UnicodeDecodeError:
        return None
    return text and text.removeprefix("\ufeff")


def is_text(media_type: str) -> bool:
    """Tell whether documents of this type are text."""
    return media_type.startswith("text/") or media_type in TEXTUAL or _by_suffix(media_type)


def _by_suffix(media_type: str) -> bool:
    return media_type.endswith(("+json", "+xml", "+yaml")) and not media_type.startswith("image/")


FORMAT = DocumentFormat(read, EXTENSIONS, NAMES, takes=is_text, here=read_utf8)
