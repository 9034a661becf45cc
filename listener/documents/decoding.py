"""Bytes to Unicode: marks and declarations first, UTF-8 next, and only then detection by a library.

In this order: a byte order mark; a charset that the source declared (as with HTTP); UTF-16 and UTF-32 without a mark;
valid UTF-8, whatever the document says of itself; what it says (``declarations``), if the whole document agrees; UTF-8
with a few broken places; chardet over the first 64 KB from the first byte that is not ASCII. What does not fit
an encoding that was chosen becomes U+FFFD, counted in the notes. Byte order marks are dropped. NULs (Postgres can't
hold them) are dropped and counted in what is told to be text; text that nobody said is text, or that consists of
control characters for a good part, is binary and refused.
"""

from __future__ import annotations

import codecs
import re
from typing import Any

from listener.documents.declarations import codec, declared

SAMPLE = 64 * 1024  # 4 ms of detection
MARKS = (  # UTF-32 before UTF-16: its mark begins with the other's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b\b"))
ASIAN = re.compile(
    "[\t\n\r -~\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)  # with their punctuation, and ASCII
BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
FOREIGN_WORD = re.compile(rb"[\x80-\xff]{4,}")
HIGH_BYTES = bytes(range(9))
NOT_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
WINDOWS_SIGN = re.compile(rb"[\x80-\x9f]")  # quotes, dashes, and there letters too; control characters in ISO 8859
# Signs in Windows-1250, or letters of two languages: no text in it has both ``ą`` and ``ľ``.
SIGNS_OR_LETTERS = re.compile(
    rb"(?<=[a-zA-Z\xc0-\xff])(?:(?P<sign>[\xa1\xa6\xa9\xab\xac\xae\xb1\xb6\xbb])|(?P<polish>\xb9)|(?P<slovak>\xbe))(?=[a-zA-Z\xc0-\xff])"
)
NO_SUPERSETS = frozenset({"cp1251", "cp1256"})  # only the script is that of ISO 8859-5 and 8859-6, not the places
SINGLE_BYTE_DOUBT = 0.15  # below, chardet names a Greek or Turkish code page for three accents of French


class Binary(Exception):
    """The bytes are not text in any encoding."""


def decode(data: bytes, charset: str | None, told: bool, html: bool) -> tuple[str, dict[str, Any]]:
    """Return the text and notes (``encoding`` unless UTF-8, ``replaced`` and ``nul_removed`` characters, if any).

    ``charset`` is what the source declared, ``told`` whether it or the name declared it to be text. Raises Binary.
    """
    text, encoding, fits = _decoded(data, codec(charset), html)
    if "\0" in text and not told:
        raise Binary
    notes: dict[str, Any] = {} if encoding == "utf-8" else {"encoding": encoding}
    if not fits:
        notes["replaced"] = text.count("\ufffd")
    if removed := text.count("\0"):
        notes["nul_removed"] = removed
        text = text.replace("\0", "")
    return text, notes


def _decoded(data: bytes, told: str | None, html: bool) -> tuple[str, str, bool]:
    """Return the text, its encoding, and whether all bytes fit that encoding."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _forced(data[len(mark) :], encoding)
    itself = declared(data, html)
    shifts = b"\x1b$" in data or (itself == "hz" and b"~{" in data)  # to other characters, in ASCII
    candidates = [told, itself if shifts and data.isascii() else None, "iso2022_jp" if b"\x1b$" in data else None]
    candidates += ["iso2022_kr" if b"\x1b$)C" in data else None]
    candidates += [_wide(data)] if b"\0" in data[:SAMPLE] else []
    candidates += ["utf-8", itself]
    for encoding in filter(None, candidates):
        try:
            return data.decode(encoding), encoding, True
        except UnicodeError:
            continue
    if _is_full_of_controls(data):
        return _forced(data, _asian(data))
    return _forced(data, "utf-8" if _nearly_utf8(data) else _detected(data))


def _forced(data: bytes, encoding: str) -> tuple[str, str, bool]:
    try:
        return data.decode(encoding), encoding, True
    except UnicodeError:
        return data.decode(encoding, "replace"), encoding, False


def _wide(data: bytes) -> str | None:
    """Return UTF-16 or UTF-32 if NULs are where mostly Latin text would have them."""
    sample = data[: SAMPLE & ~3]
    zeros = [sample[offset::4].count(0) for offset in range(4)]
    units = max(len(sample) // 4, 1)
    if len(data) % 4 == 0 and (zeros[0] == 0 or zeros[3] == 0) and min(sorted(zeros)[1:]) > units * 0.9:
        return "utf-32-le" if zeros[0] < zeros[3] else "utf-32-be"
    if len(data) % 2:
        return None
    # the high bytes of letters: NUL in Latin, 3 to 8 from Greek to Arabic; other scripts are not valid UTF-8
    even, odd = (len(half) - len(half.translate(None, HIGH_BYTES)) for half in (sample[::2], sample[1::2]))
    if max(even, odd) < units * 2 * 0.7 or min(even, odd) > max(even, odd) * 0.05:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_full_of_controls(data: bytes) -> bool:
    sample = data[:SAMPLE]
    return len(sample) - len(sample.translate(None, CONTROLS)) > len(sample) * 0.05


def _asian(data: bytes) -> str:
    """Return the UTF-16 that makes Chinese, Japanese or Korean of the bytes; raise Binary if neither does."""
    sample = data[: SAMPLE // 16]
    for encoding in ("utf-16-le", "utf-16-be"):  # bytes in the wrong order: 42 to 62 % of four samples
        text = sample.decode(encoding, "ignore")
        if len(data) % 2 == 0 and len(ASIAN.findall(text)) > len(text) * 0.95:
            return encoding
    raise Binary


def _nearly_utf8(data: bytes) -> bool:
    """Tell whether far more characters beyond ASCII are valid UTF-8 than are broken."""
    sample = data[: SAMPLE * 16].decode("utf-8", "replace")
    broken = sample.count("\ufffd")
    return len(sample.encode("ascii", "ignore")) + 4 * broken < len(sample)


def _detected(data: bytes) -> str:
    from chardet import EncodingEra, detect  # noqa: PLC0415 - 120 ms, and few documents need it

    first = BEYOND_ASCII.search(data)
    start = max(data.rfind(b"\n", 0, first.start()) + 1, first.start() - 200) if first else 0
    start -= start % 4  # keeps UTF-16 and UTF-32 in step
    sample = data[start : start + SAMPLE]
    eras = EncodingEra.MODERN_WEB | EncodingEra.LEGACY_ISO
    guess = detect(sample, encoding_era=eras, prefer_superset=True, compat_names=False)
    if guess["encoding"] in NO_SUPERSETS:  # by name, or in place of what the text is in
        guess = detect(sample, encoding_era=eras, compat_names=False)
    encoding = codec(guess["encoding"])
    if encoding is None:
        raise Binary
    doubtful = guess["confidence"] < SINGLE_BYTE_DOUBT and encoding.startswith(("cp12", "iso8859", "koi8", "mac"))
    if encoding == "cp1250" and _is_iso8859_2(sample):
        return "iso8859-2"
    return "cp1252" if doubtful and not NOT_IN_CP1252.search(data) and _has_latin_words(sample) else encoding


def _has_latin_words(data: bytes) -> bool:
    """Tell whether most bytes beyond ASCII stand alone or in twos and threes: accents, not words of another script."""
    return 2 * sum(map(len, FOREIGN_WORD.findall(data))) <= len(BEYOND_ASCII.findall(data))


def _is_iso8859_2(data: bytes) -> bool:
    """Tell whether a text that may be in Windows-1250 is in ISO 8859-2: by what stands inside of words."""
    if WINDOWS_SIGN.search(data):
        return False
    kinds = {found.lastgroup for found in SIGNS_OR_LETTERS.finditer(data)}
    return "sign" in kinds or {"polish", "slovak"} <= kinds
