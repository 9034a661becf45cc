"""What of a site is a document: pages, texts, PDF and office files; not what pages are made of, nor downloads."""

from __future__ import annotations

from posixpath import basename, splitext
from urllib.parse import unquote

from listener.documents.media_types import OTHERS, UNTOLD
from listener.sources.http.urls import WebUrl
from listener.sources.http.web_answer import WebAnswer
from listener.sources.options import RequestOptions
from listener.sources.patterns import Choice, choose

PAGES = frozenset({"text/html", "application/xhtml+xml"})
PAGE_ENDINGS = frozenset({"", ".html", ".htm", ".xhtml", ".shtml", ".php", ".asp", ".aspx", ".jsp", ".cgi"})
NO_DOCUMENTS = frozenset({"text/css", "text/javascript", "text/ecmascript", "text/xml", "text/calendar", "text/vcard"})
DOCUMENTS = frozenset(
    {
        "application/epub+zip",
        "application/jsonl",
        "application/markdown",
        "application/msword",
        "application/pdf",
        "application/rtf",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/x-jsonlines",
        "application/x-ndjson",
        "application/xhtml+xml",
        "message/rfc822",
    }
)
DOCUMENT_FAMILIES = ("application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.", "text/")
TOLD_BY_ENDING = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
}
DOWNLOADS = (
    ".7z .apk .bz2 .deb .dmg .egg .eot .exe .gz .inv .iso .jar .map .msi .otf .rar .rpm .tgz .ttf .whl"
    " .woff .woff2 .xz .zst"
)
ENDINGS = OTHERS | TOLD_BY_ENDING | dict.fromkeys(DOWNLOADS.split(), "application/octet-stream")
INDEX = "index.html"


def kind_of_media(media_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def is_page(answer: WebAnswer) -> bool:
    """Tell whether an answer is a page with links."""
    return _kind(answer) in PAGES


def is_document(answer: WebAnswer) -> bool:
    """Tell whether an answer is a document, by its media type, or otherwise by the name in its URL."""
    return _is_document_type(_kind(answer))


def may_be_document(url: WebUrl) -> bool:
    """Tell whether a URL is worth a look, by its name."""
    kind = ENDINGS.get(_ending(url))
    return kind is None or _is_document_type(kind) or _ending(url) in PAGE_ENDINGS


def may_be_page(url: WebUrl) -> bool:
    """Tell whether a URL may lead to a page with links, by its name."""
    return _ending(url) in PAGE_ENDINGS or _ending(url) not in ENDINGS


def media_type_of(answer: WebAnswer) -> str | None:
    """Return what an answer is; of plain text, its name may know better what kind of text."""
    declared = answer.content_type
    told = TOLD_BY_ENDING.get(_ending(answer.url))
    if told and kind_of_media(declared) == "text/plain":
        declared = told + declared[declared.find(";") :] if ";" in declared else told
    return declared or None


class SiteChoice:
    """Which URLs below a prefix a request wants; the page of a folder goes by the name ``index.html`` there."""

    def __init__(self, prefix: str, options: RequestOptions) -> None:
        """Raise RequestError ``invalid_option``."""
        self._prefix = prefix
        self._choice: Choice = choose("/", options)[1]

    def takes(self, url: WebUrl) -> bool:
        """Tell whether it is wanted as a document."""
        return self.visits(url) and self._choice.takes(self._path(url))

    def visits(self, url: WebUrl) -> bool:
        """Tell whether neither it nor a folder above it is left out."""
        parts = self._path(url).split("/")
        return all(self._choice.descends("/".join(parts[:end])) for end in range(1, len(parts) + 1))

    def _path(self, url: WebUrl) -> str:
        place = f"{url.origin}{url.path}"
        below = place.startswith(self._prefix)
        path = unquote(place[len(self._prefix) :] if below else url.path[1:])
        return path + INDEX if path == "" or path.endswith("/") else path


def _kind(answer: WebAnswer) -> str:
    declared = kind_of_media(answer.content_type)
    return ENDINGS.get(_ending(answer.url), "") if declared in UNTOLD else declared


def _is_document_type(kind: str) -> bool:
    return kind in DOCUMENTS or (kind.startswith(DOCUMENT_FAMILIES) and kind not in NO_DOCUMENTS)


def _ending(url: WebUrl) -> str:
    return splitext(basename(url.path))[1].lower()
