"""What only a look at a PDF's objects tells: pages that can't be read, notes, attached files; a sound copy. With qpdf.

The parser gives an empty page for one whose bytes are damaged, and nothing at all where the list of pages has a gap.
Streams are inflated in bounds, and what they hold is thrown away unless it is an attached file.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from io import BytesIO
from typing import Any

from listener.documents.reading import PartSent, safe_name

UNSAID = frozenset({"/Link", "/Popup", "/Widget"})  # annotations without words of people
COUNT = re.compile(
    rb"/Type\s{0,9}/Pages\b[^<>]{0,300}?/Count\s{1,9}(\d{1,6})\b|/Count\s{1,9}(\d{1,6})\b[^<>]{0,300}?/Type\s{0,9}/Pages\b"
)
TAG = re.compile("<[^<>]*>")
HIDDEN = 2 | 32  # flags of an annotation: hidden, not to be viewed
MOST_NOTES = 10_000  # on a page
DEEPEST = 60  # nodes in the tree of pages
MOST_PAGES = 100_000
MOST_FILES = 1000  # attached to one document
MOST_INFLATED, MOST_RATIO = 64 * 1024 * 1024, 200  # of an attached file: bytes, or times its size
PIECE = 256 * 1024
BLANKS, MOST_ASCII = b"\0\t\n\f\r ", 4 * 1024 * 1024  # of a stream in ASCII: two seconds to decode
ODD = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)  # over odd objects


@dataclass(slots=True)
class Look:
    """What was found: numbers of pages from 1, ``missing`` in the list of pages and ``broken`` in their content.

    ``doubtful``: pages whose content has no end, or another checksum; if they have no text, it is lost.
    ``notes``: page, author and words of what people noted. ``damaged``: the file as a whole is, so that ``empty`` pages
    may have lost their content, and there may be fewer ``pages`` than were ``declared``. ``lost``: what else can't be
    read.
    """

    missing: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    parts: list[PartSent] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    damaged: bool = False
    pages: int = 0
    declared: int = 0
    sound: bytes = b""


def look(data: bytes, copy: bool = False) -> Look | None:
    """Scan a PDF; None if that fails. ``copy``: write an intact one, with the readable pages."""
    import pikepdf  # noqa: PLC0415 - for workers only: 30 MB of native code

    try:
        # With attributes pushed down to pages, gaps in their list would be closed before they are seen.
        with pikepdf.open(BytesIO(data), suppress_warnings=True, inherit_page_attributes=False) as pdf:
            found = _found(pdf)
            found.declared = _declared(data) if found.damaged else found.pages
            if copy:
                with BytesIO() as file:
                    pdf.save(file)
                    found.sound = file.getvalue()
            return found
    except (pikepdf.PdfError, pikepdf.PasswordError, *ODD):
        return None


def _found(pdf: Any) -> Look:
    found = Look(damaged=bool(pdf.get_warnings()))
    pinned: list[Any] = []
    for number, page in enumerate(_leaves(pdf.Root.get("/Pages"), 0), 1):
        if number > MOST_PAGES:
            break
        found.pages = number
        if page is None:
            found.missing.append(number)
            continue
        streams = _streams(page.get("/Contents"))
        content = [*map(_inflated_content, streams)]
        if any(inflated is None for inflated, _ in content):
            found.broken.append(number)
        elif not all(sound for _, sound in content):
            found.doubtful.append(number)
        found.empty += [] if streams else [number]
        annotations = [one for one in _array(page.get("/Annots"))[:MOST_NOTES] if _is_dictionary(one)]
        pinned += [one.get("/FS") for one in annotations if _kind(one) == "/FileAttachment"]
        noted = [(_text(one, "/T"), _words(one)) for one in annotations if _kind(one) not in UNSAID and _is_shown(one)]
        found.notes += [(number, author, words) for author, words in noted if words]
    found.damaged |= bool(pdf.get_warnings())
    _add_files(pdf, pinned, found)
    return found


def _declared(data: bytes) -> int:
    """Return how many pages a file says that it has, as far as its bytes can be read."""
    counts = (int(found[1] or found[2]) for found in COUNT.finditer(data))
    return max((count for count in counts if count <= MOST_PAGES), default=0)


def _leaves(node: Any, depth: int) -> Iterator[Any]:
    """Yield the pages of a tree, None for one that is not there."""
    if not _is_dictionary(node) or depth > DEEPEST:
        yield None
    elif "/Kids" in node:
        for kid in _array(node.get("/Kids")):
            yield from _leaves(kid, depth + 1)
    else:
        yield node


def _streams(contents: Any) -> list[Any]:
    return [one for one in (_array(contents) or [contents]) if _is_stream(one)]


def _inflated_content(stream: Any) -> tuple[bytes | None, bool]:
    """Inflate a stream that is deflated, and perhaps written in ASCII; others pass as sound."""
    try:
        *written, last = _filters(stream)
        if last != "/FlateDecode" or not IN_ASCII.keys() >= set(written):
            return b"", True
        raw = stream.read_raw_bytes()
        if written and len(raw) > MOST_ASCII:
            return b"", True
        for name in written:
            raw = IN_ASCII[name](raw)
    except ODD:
        return None, False
    return _inflated(raw, keep=False)


def _of_base85(raw: bytes) -> bytes:
    return base64.a85decode(raw.partition(b"~>")[0], ignorechars=BLANKS)


def _of_hexadecimal(raw: bytes) -> bytes:
    digits = raw.partition(b">")[0].translate(None, BLANKS)
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


IN_ASCII: Mapping[str, Callable[[bytes], bytes]] = {
    "/ASCII85Decode": _of_base85,
    "/ASCIIHexDecode": _of_hexadecimal,
}


def _inflated(raw: bytes, keep: bool) -> tuple[bytes | None, bool]:
    """Return what a deflated stream holds (nothing, unless to ``keep``), or None if it breaks or is a bomb.

    And whether it has an end and the right checksum: not all programs write these, so this alone is no damage.
    """
    inflate, kept, size = zlib.decompressobj(), [], 0
    most = max(MOST_INFLATED, len(raw) * MOST_RATIO)
    try:
        while raw and not inflate.eof:
            piece = inflate.decompress(raw, PIECE)
            raw, size = inflate.unconsumed_tail, size + len(piece)
            if size > most:
                return (None if keep else b""), True
            kept += [piece] if keep else []
    except zlib.error as error:
        return (None if "incorrect data check" not in str(error) else b"".join(kept)), False
    return b"".join(kept), inflate.eof


def _add_files(pdf: Any, specifications: list[Any], found: Look) -> None:
    """Add files that the document or a page has attached, each once."""
    names = pdf.Root.get("/Names")
    tree = names.get("/EmbeddedFiles") if _is_dictionary(names) else None
    seen: set[Any] = set()
    for one in [*_values(tree, 0), *_array(pdf.Root.get("/AF")), *specifications][:MOST_FILES]:
        files = one.get("/EF") if _is_dictionary(one) else None
        stream = files.get("/UF", files.get("/F")) if files is not None and _is_dictionary(files) else None
        if stream is None or not _is_stream(stream) or stream.objgen in seen:
            continue
        seen.add(stream.objgen)
        name = safe_name(str(one.get("/UF") or one.get("/F") or ""))[:200] or f"attachment-{len(found.parts) + 1}"
        content = _content(stream)
        if content is None:
            found.lost.append(f"the attached {name}")
        else:
            found.parts.append((name, _media_type(stream), content))


def _values(tree: Any, depth: int) -> Iterator[Any]:
    """Yield the values of a tree of names."""
    if not _is_dictionary(tree) or depth > DEEPEST:
        return
    yield from _array(tree.get("/Names"))[1::2]
    for kid in _array(tree.get("/Kids")):
        yield from _values(kid, depth + 1)


def _content(stream: Any) -> bytes | None:
    import pikepdf  # noqa: PLC0415 - as above

    try:
        if _filters(stream) == ["/FlateDecode"] and "/DecodeParms" not in stream:
            return _inflated(stream.read_raw_bytes(), keep=True)[0]
        return bytes(stream.read_bytes())
    except (pikepdf.PdfError, *ODD):
        return None


def _filters(stream: Any) -> list[str]:
    filters = stream.get("/Filter")
    return list(map(str, _array(filters) or [filters]))


def _media_type(stream: Any) -> str | None:
    return str(stream.get("/Subtype") or "").removeprefix("/") or None


def _kind(annotation: Any) -> str:
    return str(annotation.get("/Subtype"))


def _is_shown(annotation: Any) -> bool:
    """Tell whether people see an annotation: it is not flagged as hidden, or as not to be viewed."""
    flags = annotation.get("/F")
    return not (isinstance(flags, int) and flags & HIDDEN)


def _words(annotation: Any) -> str:
    """Return what an annotation says; some have it only in their rich form, which is XHTML."""
    return _text(annotation, "/Contents") or unescape(TAG.sub(" ", _text(annotation, "/RC")))


def _text(annotation: Any, key: str) -> str:
    """Return a text, decoded; anything else is empty."""
    import pikepdf  # noqa: PLC0415 - as above

    value = annotation.get(key)
    return str(value) if isinstance(value, pikepdf.String) else ""


def _is_dictionary(value: Any) -> bool:
    import pikepdf  # noqa: PLC0415 - as above

    return isinstance(value, pikepdf.Dictionary)


def _is_stream(value: Any) -> bool:
    import pikepdf  # noqa: PLC0415 - as above

    return isinstance(value, pikepdf.Stream)


def _array(value: Any) -> list[Any]:
    """Return an array's values; none if it is not an array."""
    import pikepdf  # noqa: PLC0415 - as above

    return list(value) if isinstance(value, pikepdf.Array) else []
