"""The document formats that are installed, and which of them a document has.

A format is a ``DocumentFormat`` that an entry point of the group ``ingest_listener.formats`` leads to; see
``docs/formats.md``. A document's format is decided by its first bytes if these are certain, otherwise by its
declaration, otherwise by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from posixpath import basename, splitext

from listener.documents import media_types
from listener.documents.media_types import HTML, PLAIN, UNTOLD
from listener.documents.reading import DocumentFormat
from listener.extensions import Extension, broken, installed

GROUP = "ingest_listener.formats"


class Formats:
    """The formats by media type, ending and first bytes. A later one of the list takes over what an earlier one has."""

    def __init__(self, formats: Iterable[DocumentFormat]) -> None:
        self._formats = list(formats)[::-1]
        self._by_type: dict[str, DocumentFormat] = {}
        self._pictures: dict[str, DocumentFormat] = {}
        self._names: dict[str, str] = {}
        self._endings = dict(media_types.OTHERS)
        self._aliases: dict[str, str] = {}
        for one in reversed(self._formats):
            self._by_type |= dict.fromkeys(one.extensions, one)
            self._pictures |= dict.fromkeys(one.pictures, one)
            self._endings |= {f".{end}": kind for kind, ends in one.extensions.items() for end in ends.split()}
            self._names |= one.names
            self._aliases |= one.aliases

    @classmethod
    def installed(cls) -> Formats:
        """Return the formats of all distributions; raises OperatorError ``broken_extension``."""
        extensions = installed(GROUP)
        for one in extensions:
            if not isinstance(one.value, DocumentFormat):
                raise broken(f"the format {one.name!r} of {one.origin}", f"{one.value!r} is no DocumentFormat")
        _require_one_stranger_a_type(extensions)
        return cls(one.value for one in extensions)

    def decide(self, data: bytes, uri: str, declared: str, ocr: bool = False) -> tuple[DocumentFormat, str, str, bool]:
        """Return the format, the media type, what was promised, and whether it was declared rather than guessed.

        Certain first bytes win over name and declaration. For zip and OLE files the media type is the container's: the
        format looks inside. Pictures are documents with ``ocr``. Raises DocumentError ``unsupported``, or
        ``parser_failed`` for what is not what its name or declaration promises.
        """
        promised = declared if declared not in UNTOLD else self.by_name(uri) or ""
        promised = self._aliases.get(promised, promised)
        if signed := self._by_start(data, promised):
            return *signed, promised, True
        if foreign := media_types.foreign(data):
            if ocr and (one := self._pictures.get(foreign)):
                return one, foreign, promised, True
            raise media_types.unsupported(uri, foreign, "its content is")
        kind = self._without_start(data, uri, promised, declared)
        return self._of(kind, uri, declared), kind, promised, kind in (promised, HTML)

    def promised(self, uri: str, declared: str) -> str:
        """Return what a document says that it is: its media type, of all kinds of text ``text/plain``."""
        kind = declared if declared not in UNTOLD else self.by_name(uri) or PLAIN
        kind = self._aliases.get(kind, kind)
        one = self._by_type.get(kind) or next((one for one in self._formats if one.takes and one.takes(kind)), None)
        return PLAIN if one and one.here else kind

    def by_name(self, uri: str) -> str | None:
        """Return the media type for the last part of the URI, if it is known."""
        place, _, inside = uri.partition("#")  # a document inside of another one
        name = basename(inside or (place.partition("?")[0] if "://" in place else place)).lower()
        return self._names.get(name) or self._endings.get(splitext(name)[1])

    def _by_start(self, data: bytes, promised: str) -> tuple[DocumentFormat, str] | None:
        """Return format and media type by the first bytes; of formats that begin alike, the promised one's."""
        wanted = self._by_type.get(promised)
        for one in [wanted, *self._formats] if wanted else self._formats:
            for start, kind in one.starts:
                if data.startswith(start):
                    return one, kind
        return None

    def _without_start(self, data: bytes, uri: str, promised: str, declared: str) -> str:
        """Return the media type of a document that begins with nothing in particular."""
        one = self._by_type.get(promised)
        if one and one.starts:
            kind = one.otherwise(data, promised) if one.otherwise else None
            kind = kind or (HTML if media_types.starts_like_html(data) else None)
            if kind is None:
                raise media_types.broken_promise(uri, promised)
            return kind
        if not promised:
            return HTML if media_types.starts_like_html(data) else PLAIN
        return promised

    def _of(self, kind: str, uri: str, declared: str) -> DocumentFormat:
        one = self._by_type.get(kind) or next((one for one in self._formats if one.takes and one.takes(kind)), None)
        if one is None:
            raise media_types.unsupported(uri, kind, "its name says" if declared in UNTOLD else "it is declared as")
        return one


def _require_one_stranger_a_type(extensions: Sequence[Extension]) -> None:
    """Let others take over what we have, but not each other's: which of them it is must not depend on names."""
    taken: dict[str, Extension] = {}
    for one in extensions:
        for kind in () if one.ours else one.value.extensions:
            if other := taken.get(kind):
                raise broken(f"the format {one.name!r} of {one.origin}", f"{other.origin} has {kind} too")
            taken[kind] = one
