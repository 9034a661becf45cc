"""E-mail to its body's text, its headers, and its attachments, in a worker, with Python's own parser.

The text is the plain body, or the HTML one as Markdown if there is no plain one. Left out: signatures, images that only
decorate an HTML body. Mail is broken in every way there is, so that headers are decoded here, one piece at a time: what
can't be is kept as it stands. (The library's newer policy raises on some.)
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Callable, Iterator
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from listener.documents import decoding, markup, media_types, office_types, reading
from listener.documents.reading import About, DocumentFormat, PartSent, Reading

SIGNATURES = frozenset(
    f"application/{name}" for name in ("pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-encrypted")
)
SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
REPORTS = frozenset({"message/delivery-status", "text/rfc822-headers", "message/disposition-notification"})
NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff/\\]+")
DEEPEST = 50  # multiparts within each other


class _Contents:
    """What was found while walking through a message."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.markdown = False
        self.parts: list[PartSent] = []
        self.sealed = False


def read(data: bytes, about: About) -> Reading:
    """Parse one message. Its title is the subject; with attachments and no body, its text is made of the headers.

    Raises DocumentError ``encrypted``.
    """
    message = BytesParser(policy=email.policy.compat32).parsebytes(data)
    found = _Contents()
    _walk(message, found, inside="", depth=0)
    text = "\n\n".join(text.strip("\r\n") for text in found.texts if text.strip())
    if found.sealed and not text and not found.parts:
        raise office_types.encrypted(about.uri)
    notes, subject = _headers(message), reading.short(_header(message, "subject"))
    if not text and found.parts:
        text = _of_headers(subject, notes, found.parts)
    kind = media_types.MARKDOWN if found.markdown else media_types.PLAIN
    return Reading(reading.as_buffer(text and text + "\n"), subject, reading.sane(notes), (), found.parts, kind)


def _walk(part: Message[str, str], found: _Contents, inside: str, depth: int) -> None:
    kind = part.get_content_type()
    if kind == office_types.MAIL:
        _add_message(part, found)
    elif kind == "multipart/alternative" and part.is_multipart():
        _choose(part, found, depth)
    elif kind == "multipart/encrypted":
        found.sealed = True
    elif part.is_multipart() and kind not in REPORTS:
        for inner in _inner(part) if depth < DEEPEST else ():
            _walk(inner, found, kind, depth + 1)
    else:
        _add_leaf(part, found, kind, inside)


def _inner(part: Message[str, str]) -> Iterator[Message[str, str]]:
    payload = part.get_payload()
    yield from (inner for inner in payload if isinstance(inner, Message)) if isinstance(payload, list) else ()


def _choose(part: Message[str, str], found: _Contents, depth: int) -> None:
    """Take one of several forms of a body, plain text first; attachments of the others are kept."""
    forms = []
    for inner in _inner(part) if depth < DEEPEST else ():
        form = _Contents()
        _walk(inner, form, "multipart/alternative", depth + 1)
        forms.append(form)
        found.parts += form.parts
        found.sealed |= form.sealed
    worded = sorted((form for form in forms if any(map(str.strip, form.texts))), key=lambda form: form.markdown)
    for form in worded[:1]:
        found.texts += form.texts
        found.markdown |= form.markdown


def _add_leaf(part: Message[str, str], found: _Contents, kind: str, inside: str) -> None:
    name, attached = _name(part), part.get_content_disposition() == "attachment"
    if kind in REPORTS:
        return
    if kind in SEALED:
        found.sealed = found.sealed or "signed-data" not in str(part.get("content-type")).lower()
    elif kind.startswith(("text/plain", "text/html", "multipart/")) and not attached and not name:
        _add_text(part, found, kind == "text/html")
    elif name or attached:
        if kind not in SIGNATURES and not _decorates(part, kind, inside, attached):
            found.parts.append((name or _made_up(kind, found), kind, _bytes(part)))
    elif kind.startswith("text/") and inside != "multipart/alternative":
        _add_text(part, found, html=False)


def _decorates(part: Message[str, str], kind: str, inside: str, attached: bool) -> bool:
    return kind.startswith("image/") and not attached and (inside == "multipart/related" or "content-id" in part)


def _add_text(part: Message[str, str], found: _Contents, html: bool) -> None:
    text = _unicode(_bytes(part), _charset(part), html)
    if html and text.strip():
        text = markup.markdown(text)[0]
        found.markdown |= bool(text.strip())
    found.texts.append(text.replace("\r\n", "\n"))


def _add_message(part: Message[str, str], found: _Contents) -> None:
    """Add a message inside the message; its own attachments are found when it is parsed."""
    for inner in _inner(part):
        subject = _safe_name(reading.short(_header(inner, "subject")) or "")[:100]
        data = _attempt(inner.as_bytes)
        if data is not None:
            found.parts.append((f"{subject or 'message'}.eml", office_types.MAIL, data))
        return
    if data := _bytes(part):
        found.parts.append((_name(part) or "message.eml", office_types.MAIL, data))


def _bytes(part: Message[str, str]) -> bytes:
    payload = _attempt(lambda: part.get_payload(decode=True))
    if isinstance(payload, bytes):
        return payload
    return str(part.get_payload() or "").encode("utf-8", "surrogateescape") if not part.is_multipart() else b""


def _charset(part: Message[str, str]) -> str | None:
    charset: str | None = _attempt(part.get_content_charset)
    return charset


def _name(part: Message[str, str]) -> str | None:
    name = _attempt(part.get_filename)
    return _safe_name(_decoded(name))[:200] or None if name else None


def _safe_name(name: str) -> str:
    """Return a name without the signs of paths: it becomes a part of the document's URI."""
    return " ".join(NOT_IN_A_NAME.sub(" ", name).split()).strip(". ")


def _made_up(kind: str, found: _Contents) -> str:
    import mimetypes  # noqa: PLC0415 - rarely

    extension = {"text/plain": ".txt"}.get(kind) or mimetypes.MimeTypes().guess_extension(kind) or ""
    return f"attachment-{len(found.parts) + 1}{extension}"


def _headers(message: Message[str, str]) -> dict[str, Any]:
    return {
        "from": next(iter(_addresses(message, "from")), None),
        "to": _addresses(message, "to"),
        "cc": _addresses(message, "cc"),
        "date": _date(message),
        "message_id": reading.short(_header(message, "message-id")),
        "language": reading.short(_header(message, "content-language")),
    }


def _header(message: Message[str, str], name: str) -> str:
    return _decoded(_raw(message, name))


def _raw(message: Message[str, str], name: str) -> str:
    """Return a header as it stands: 8-bit signs, against the rules, are still the bytes they were."""
    return next((str(value) for key, value in message.raw_items() if key.lower() == name), "")


def _decoded(value: str) -> str:
    """Return a header's words; what can't be decoded stays."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        value = raw.decode("cp1252", "replace")
    pieces = _attempt(lambda: decode_header(value))
    return "".join(map(_piece, pieces)) if pieces else value


def _piece(piece: tuple[Any, str | None]) -> str:
    words, charset = piece
    if isinstance(words, str):
        return words
    if charset is None:  # the library's way to hand back what was not encoded
        return str(words.decode("raw-unicode-escape"))
    return _unicode(words, charset)


def _unicode(data: bytes, charset: str | None, html: bool = False) -> str:
    try:
        return decoding.decode(data, charset, told=True, html=html)[0]
    except decoding.Binary:
        return data.decode("utf-8", "replace")


def _addresses(message: Message[str, str], name: str) -> list[str]:
    value = _raw(message, name)
    pairs = _attempt(lambda: getaddresses([value])) or []
    found = [_decoded(words) + f" <{address}>" if words else _decoded(address) for words, address in pairs if address]
    lines = filter(None, map(reading.short, found or [_decoded(value)]))
    return list(lines)[: reading.MOST_VALUES]


def _date(message: Message[str, str]) -> str | None:
    when = _attempt(lambda: parsedate_to_datetime(_raw(message, "date")))
    return when.isoformat() if when else None


def _of_headers(subject: str | None, notes: dict[str, Any], parts: list[PartSent]) -> str:
    people = [f"From: {notes['from']}" if notes["from"] else "", "To: " + ", ".join(notes["to"]) if notes["to"] else ""]
    lines = [subject or "", *people, *(f"Attachment: {name}" for name, _, _ in parts)]
    return "\n".join(filter(None, lines))


def _attempt(read: Callable[[], Any]) -> Any:
    """Return what a reading returns, or None if it fails: the library raises these on malformed mail."""
    try:
        return read()
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


FORMAT = DocumentFormat(read, {office_types.MAIL: "eml mht mhtml"})
