"""E-mail to its body's text, its headers, and its attachments, in a worker, with Python's own parser.

The text is the plain body, or the HTML one as Markdown if there is no plain one or if that is only a stub. Nothing but
plain text and HTML is body. What is signed is read, also where the signature is around it. Left out: signatures, and
what a page is drawn with (style sheets, pictures, fonts). Mail is broken in every way there is, so that
``mail_headers`` decodes headers. (The library's newer policy raises on some.)
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator, Sequence
from email.message import Message
from email.parser import BytesParser
from functools import partial
from itertools import chain
from typing import Any

from listener.documents import mail_forms, mail_headers, markup, media_types, office_types, reading
from listener.documents.mail_forms import Contents
from listener.documents.reading import About, DocumentFormat, Reading
from listener.documents.signed import signed_content

SIGNATURES = frozenset(
    f"application/{name}" for name in ("pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-encrypted")
)
SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
OPEN = re.compile(r"signed-data|certs-only", re.IGNORECASE)
REPORTS = frozenset({"message/delivery-status", "text/rfc822-headers", "message/disposition-notification"})
MESSAGES = frozenset({office_types.MAIL, "message/global"})
PAGES = frozenset({"text/html", "application/xhtml+xml"})
BODIES = ("text/plain", *PAGES, "multipart/")
PAGE = "multipart/related"  # a page and what it is drawn with: first the page, unless its start says otherwise
FORMS = (PAGE, "multipart/alternative")
DRAWN = re.compile(r"image/|font/|text/(?:css|javascript|ecmascript)|application/(?:x-)?(?:javascript|ecmascript|font)")
DEEPEST = 50  # multiparts within each other


def read(data: bytes, about: About) -> Reading:
    """Parse one message. Its title is the subject; with attachments and no body, its text is made of the headers.

    Raises DocumentError ``encrypted``.
    """
    message = BytesParser(policy=email.policy.compat32).parsebytes(data)
    found = Contents()
    _walk(message, found, inside="", depth=0)
    text = "\n\n".join(text.strip("\r\n") for text in found.texts if text.strip())
    if found.sealed and not text and not found.parts:
        raise office_types.encrypted(about.uri)
    notes, subject = mail_headers.about(message), reading.short(mail_headers.header(message, "subject"))
    if not text and found.parts:
        text = _of_headers(subject, notes, found)
    kind = media_types.MARKDOWN if found.markdown else media_types.PLAIN
    unread = ["its encrypted part"] if found.sealed else []
    return Reading(reading.as_buffer(text and text + "\n"), subject, reading.sane(notes), (), found.parts, kind, unread)


def _walk(part: Message[str, str], found: Contents, inside: str, depth: int) -> None:
    kind = part.get_content_type()
    if kind in MESSAGES:
        _add_message(part, found)
    elif kind == "multipart/alternative" and part.is_multipart():
        _choose(part, found, depth)
    elif kind == "multipart/encrypted":
        found.sealed = True
    elif kind in SEALED:
        _open(part, found, inside, depth)
    elif kind == PAGE and part.is_multipart():
        _add_page(part, found, depth)
    elif part.is_multipart() and kind not in REPORTS:
        for inner in _inner(part) if depth < DEEPEST else ():
            _walk(inner, found, kind, depth + 1)
    else:
        _add_leaf(part, found, kind, inside)


def _inner(part: Message[str, str]) -> Iterator[Message[str, str]]:
    payload = part.get_payload()
    yield from (inner for inner in payload if isinstance(inner, Message)) if isinstance(payload, list) else ()


def _choose(part: Message[str, str], found: Contents, depth: int) -> None:
    """Take one of several forms of a body, plain text first; attachments of the others are kept."""
    forms = []
    for inner in _inner(part) if depth < DEEPEST else ():
        form = Contents()
        _walk(inner, form, "multipart/alternative", depth + 1)
        forms.append(form)
        found.parts += form.parts
        found.sealed |= form.sealed
    if best := mail_forms.best(forms):
        found.texts += best.texts
        found.markdown |= best.markdown
    elif not found.parts and depth < DEEPEST:  # an invitation, for instance, and nothing else
        for inner in _inner(part):
            if inner.get_content_maintype() == "text":
                _walk(inner, found, "", depth + 1)


def _add_page(part: Message[str, str], found: Contents, depth: int) -> None:
    """Add a page's own text. Further pages are its frames: they count only if it has no text."""
    inner = list(_inner(part)) if depth < DEEPEST else []
    root = _root(part, inner)
    page, frames = Contents(), Contents()
    for one in inner:
        _walk(one, page if one is root or not _is_referred_to(one) else frames, PAGE, depth + 1)
    worded = page if any(map(str.strip, page.texts)) else frames
    found.texts += worded.texts
    found.markdown |= worded.markdown
    found.parts += page.parts + frames.parts
    found.sealed |= page.sealed or frames.sealed


def _root(part: Message[str, str], inner: Sequence[Message[str, str]]) -> Message[str, str] | None:
    """Return the page: the part named as the start, otherwise the first of the named type, otherwise the first body."""
    start, kind = (str(mail_headers.attempt(partial(part.get_param, name)) or "").strip() for name in ("start", "type"))
    named = (one for one in inner if start and str(one.get("content-id", "")).strip(" <>") == start.strip(" <>"))
    of_type = (one for one in inner if kind and one.get_content_type() == kind.lower())
    bodies = (one for one in inner if one.get_content_type().startswith(BODIES))
    return next(chain(named, of_type, bodies), None)


def _is_referred_to(part: Message[str, str]) -> bool:
    return "content-id" in part or "content-location" in part


def _add_leaf(part: Message[str, str], found: Contents, kind: str, inside: str) -> None:
    name, attached = _name(part), part.get_content_disposition() == "attachment"
    if kind in REPORTS or _draws(part, kind, inside, attached, name):
        return
    if (kind.startswith(BODIES) or (kind.startswith("text/") and not inside)) and not attached and not name:
        _add_text(part, found, kind in PAGES)
    elif kind not in SIGNATURES and (name or attached or (kind.startswith("text/") and inside not in FORMS)):
        found.parts.append((name or _made_up(kind, found), kind, _bytes(part)))


def _open(part: Message[str, str], found: Contents, inside: str, depth: int) -> None:
    """Walk through what an opaque signature is around; what is encrypted stays closed."""
    content = signed_content(_bytes(part)) if depth < DEEPEST else None
    if content is not None:
        _walk(BytesParser(policy=email.policy.compat32).parsebytes(content), found, inside, depth + 1)
    else:
        found.sealed = found.sealed or OPEN.search(str(part.get("content-type"))) is None


def _draws(part: Message[str, str], kind: str, inside: str, attached: bool, name: str | None) -> bool:
    """Tell whether a part serves only the looks of a page: nobody would search for it."""
    if attached or not DRAWN.match(kind):
        return False
    return inside == PAGE or "content-id" in part or (not name and not kind.startswith("image/"))


def _add_text(part: Message[str, str], found: Contents, html: bool) -> None:
    text = mail_headers.unicode(_bytes(part), _charset(part), html)
    if html and text.strip():
        text = markup.markdown(text)[0]
        found.markdown |= bool(text.strip())
    found.texts.append(text.replace("\r\n", "\n"))


def _add_message(part: Message[str, str], found: Contents) -> None:
    """Add a message inside the message; its own attachments are found when it is parsed."""
    for inner in _inner(part):
        data = mail_headers.attempt(inner.as_bytes)
        if data is not None:
            data, sent = mail_forms.unpacked(part, inner, data)
            subject = reading.safe_name(reading.short(mail_headers.header(sent, "subject")) or "")[:100]
            found.parts.append((f"{subject or 'message'}.eml", office_types.MAIL, data))
        return
    if data := _bytes(part):
        found.parts.append((_name(part) or "message.eml", office_types.MAIL, data))


def _bytes(part: Message[str, str]) -> bytes:
    payload = mail_headers.attempt(lambda: part.get_payload(decode=True))
    if isinstance(payload, bytes):
        return payload
    return str(part.get_payload() or "").encode("utf-8", "surrogateescape") if not part.is_multipart() else b""


def _charset(part: Message[str, str]) -> str | None:
    charset: str | None = mail_headers.attempt(part.get_content_charset)
    return charset


def _name(part: Message[str, str]) -> str | None:
    name = mail_headers.attempt(part.get_filename)
    return reading.safe_name(mail_headers.decoded(name))[:200] or None if name else None


def _made_up(kind: str, found: Contents) -> str:
    import mimetypes  # noqa: PLC0415 - rarely

    extension = {"text/plain": ".txt"}.get(kind) or mimetypes.MimeTypes().guess_extension(kind) or ""
    return f"attachment-{len(found.parts) + 1}{extension}"


def _of_headers(subject: str | None, notes: dict[str, Any], found: Contents) -> str:
    people = [f"From: {notes['from']}" if notes["from"] else "", "To: " + ", ".join(notes["to"]) if notes["to"] else ""]
    lines = [subject or "", *people, *(f"Attachment: {name}" for name, _, _ in found.parts)]
    return "\n".join(filter(None, lines))


FORMAT = DocumentFormat(read, {office_types.MAIL: "eml mht mhtml"})
