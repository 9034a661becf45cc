"""Dates, times and durations as a sheet shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from listener.documents.format_codes import Piece

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEAP = 60  # 29 February 1900, which there was not


def shown(pieces: Sequence[Piece], value: float, since_1904: bool) -> str:
    """Return the display of a number of days; raises ValueError or OverflowError if it is not a date."""
    second_digits = sum(piece.kind == "digit" for piece in pieces)
    steps = 10 ** min(second_digits, 6)
    ticks = round(value * 86400 * steps)
    seconds, part = divmod(ticks, steps)
    if any(piece.kind == "elapsed" for piece in pieces):
        return _elapsed(pieces, seconds, part, second_digits)
    if value < 0:
        raise ValueError("before the first day")
    first = "1904-01-01" if since_1904 else "1899-12-31" if value < LEAP else "1899-12-30"
    begin = datetime.fromisoformat(first)
    when = begin + timedelta(seconds=seconds)
    half = any(piece.kind == "half" for piece in pieces)
    out = []
    for place, piece in enumerate(pieces):
        if piece.kind == "date":
            out.append(_of_date(piece.text, when, _is_minute(pieces, place), half))
        elif piece.kind == "half":
            out.append(("AM" if when.hour < 12 else "PM")[: 2 if len(piece.text) > 3 else 1])
        elif piece.kind == "digit":
            out.append("")
        elif piece.kind == "." and second_digits:
            out.append(f".{part:0{second_digits}d}")
        else:
            out.append(piece.text)
    return "".join(out).strip()


def _elapsed(pieces: Sequence[Piece], seconds: int, part: int, digits: int) -> str:
    left, out = abs(seconds), ["-"] if seconds < 0 else []
    largest = next(piece.text[0] for piece in pieces if piece.kind == "elapsed")
    hours, minutes = left // 3600, left // 60
    of = {"h": hours, "m": minutes if largest == "m" else minutes % 60, "s": left if largest == "s" else left % 60}
    for piece in pieces:
        if piece.kind in ("elapsed", "date") and piece.text[0] in of:
            out.append(str(of[piece.text[0]]).zfill(len(piece.text)))
        elif piece.kind == "." and digits:
            out.append(f".{part:0{digits}d}")
        elif piece.kind != "digit":
            out.append(piece.text)
    return "".join(out)


def _is_minute(pieces: Sequence[Piece], place: int) -> bool:
    """Tell whether an m means minutes: after hours, or before seconds."""
    if pieces[place].text[0] != "m" or len(pieces[place].text) > 2:
        return False
    before = [piece.text[0] for piece in pieces[:place] if piece.kind in ("date", "elapsed")]
    after = [piece.text[0] for piece in pieces[place + 1 :] if piece.kind == "date"]
    return before[-1:] == ["h"] or after[:1] == ["s"]


def _of_date(letters: str, when: datetime, minute: bool, half: bool) -> str:
    count = len(letters)
    if minute:
        return str(when.minute).zfill(count)
    if letters[0] in "ye":
        return f"{when.year % 100:02}" if letters[0] == "y" and count < 3 else str(when.year)
    if letters[0] == "m":
        name = MONTHS[when.month - 1]
        return [str(when.month), f"{when.month:02}", name[:3], name, name[:1]][min(count, 5) - 1]
    if letters[0] == "a":  # the day of the week, in Japanese and Chinese sheets
        return DAYS[when.weekday()][: 3 if count == 3 else None]
    if letters[0] == "d":
        name = DAYS[when.weekday()]
        return [str(when.day), f"{when.day:02}", name[:3], name][min(count, 4) - 1]
    if letters[0] in "hs":
        number = when.second if letters[0] == "s" else (when.hour % 12 or 12) if half else when.hour
        return str(number).zfill(min(count, 2))
    return ""
