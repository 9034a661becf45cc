"""The headers of an e-mail, decoded piece by piece; what can't be decoded is kept as it is."""

from __future__ import annotations

from collections.abc import Callable
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from listener.documents import decoding, reading


def about(message: Message[str, str]) -> dict[str, Any]:
    """Return sender, recipients and date, as far as the headers give them."""
    return {
        "from": next(iter(_addresses(message, "from")), None),
        "to": _addresses(message, "to"),
        "cc": _addresses(message, "cc"),
        "date": _date(message),
        "message_id": reading.short(header(message, "message-id")),
        "language": reading.short(header(message, "content-language")),
    }


def header(message: Message[str, str], name: str) -> str:
    """Return the words of a header; nothing if there is none."""
    return decoded(_raw(message, name))


def _raw(message: Message[str, str], name: str) -> str:
    """Return a raw header: 8-bit characters, against the rules, are still the original bytes."""
    return next((str(value) for key, value in message.raw_items() if key.lower() == name), "")


def decoded(value: str) -> str:
    """Return a header's words; what can't be decoded stays."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        value = raw.decode("cp1252", "replace")
    pieces = attempt(lambda: decode_header(value))
    return "".join(map(_piece, pieces)) if pieces else value


def _piece(piece: tuple[Any, str | None]) -> str:
    words, charset = piece
    if isinstance(words, str):
        return words
    if charset is None:  # the library's way to hand back what was not encoded
        try:
            return str(words.decode("raw-unicode-escape"))
        except ValueError:  # a backslash of the sender's own
            return str(words.decode("latin-1"))
    return unicode(words, charset)


def unicode(data: bytes, charset: str | None, html: bool = False) -> str:
    """Return text, whatever its charset is said to be."""
    try:
        return decoding.decode(data, charset, told=True, html=html)[0]
    except decoding.Binary:
        return data.decode("utf-8", "replace")


def _addresses(message: Message[str, str], name: str) -> list[str]:
    value = _raw(message, name)
    pairs = attempt(lambda: getaddresses([value])) or []
    found = [decoded(words) + f" <{address}>" if words else decoded(address) for words, address in pairs if address]
    lines = filter(None, map(reading.short, found or [decoded(value)]))
    return list(lines)[: reading.MOST_VALUES]


def _date(message: Message[str, str]) -> str | None:
    when = attempt(lambda: parsedate_to_datetime(_raw(message, "date")))
    return when.isoformat() if when else None


def attempt(read: Callable[[], Any]) -> Any:
    """Return what a reading returns, or None if it fails: the library raises these on malformed mail."""
    try:
        return read()
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
