"""What an opaque S/MIME signature is around: the message that was signed, which anybody can read.

CMS (RFC 5652) in BER: a ContentInfo with SignedData, and in that the content as an OCTET STRING, whole or in pieces.
The signature is not verified: nothing here depends on who wrote a document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
SEQUENCE, SET, NAME, OCTETS, IN_PIECES, FIRST = 0x30, 0x31, 0x06, 0x04, 0x24, 0xA0
DEEPEST = 12


class NoElement(Exception):
    """These bytes are not BER."""


class Element(NamedTuple):
    """An element of BER: its tag, where its content begins and ends, where the next one begins."""

    tag: int
    start: int
    end: int
    behind: int


def signed_content(data: bytes) -> bytes | None:
    """Return the signed content, None if the bytes contain none (it may be encrypted, or detached)."""
    try:
        info = _only(data, _element(data, 0, len(data), 0), SEQUENCE)
        if data[info[0].start : info[0].end] != SIGNED_DATA:
            return None
        (signed,) = _only(data, info[1], FIRST)
        inside = _only(data, signed, SEQUENCE)
        content = _only(data, next(one for one in inside if one.tag == SEQUENCE), SEQUENCE)
        (octets,) = _only(data, content[1], FIRST)
        return _octets(data, octets, 0)
    except (NoElement, IndexError, ValueError, StopIteration):
        return None


def _only(data: bytes, element: Element, tag: int) -> list[Element]:
    """Return what an element of this tag holds."""
    if element.tag != tag:
        raise NoElement
    return list(_inside(data, element, 0))


def _inside(data: bytes, element: Element, depth: int) -> Iterator[Element]:
    at = element.start
    while at < element.end:
        one = _element(data, at, element.end, depth)
        yield one
        at = one.behind


def _octets(data: bytes, element: Element, depth: int) -> bytes:
    if element.tag == OCTETS:
        return data[element.start : element.end]
    if element.tag != IN_PIECES or depth > DEEPEST:
        raise NoElement
    return b"".join(_octets(data, one, depth + 1) for one in _inside(data, element, depth))


def _element(data: bytes, at: int, end: int, depth: int) -> Element:
    """Read an element; one of indefinite length ends with two zeros after its last."""
    if depth > DEEPEST or data[at] & 0x1F == 0x1F:
        raise NoElement
    tag, length, start = data[at], data[at + 1], at + 2
    if length == 0x80:
        inner = start
        while data[inner : inner + 2] != b"\0\0":
            inner = _element(data, inner, end, depth + 1).behind
        return Element(tag, start, inner, inner + 2)
    if length > 0x80:
        start += length - 0x80
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > end:
        raise NoElement
    return Element(tag, start, start + length, start + length)
