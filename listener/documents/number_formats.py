"""Numbers as a sheet shows them: ``0.125`` with the format ``0.0%`` is 12.5%, ``7`` with ``000`` is 007.

A format has up to four sections, for positive numbers, negative ones, zero and text. Dates whose look depends on the
reader's system, and names of months, come in ISO form and in English.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from listener.documents import date_formats
from listener.documents.format_codes import CodeSection, Piece, sections

MOST_DECIMALS = 30
WHOLE = 1e15  # below, each whole number is exact


def shown(value: float, code: str, since_1904: bool = False) -> str:
    """Return how a number looks in a format."""
    try:
        section = _chosen(code, value)
        if section is None or not section.pieces:
            return general(value) if section is None else ""
        if section.dated:
            return _date(section, value, since_1904)
        return _number(section, value if section.is_first or _choices(code)[0] else abs(value))
    except (ValueError, OverflowError, ArithmeticError):
        return general(value)


def text_shown(text: str, code: str) -> str:
    """Return how a text looks in a format."""
    section = next((one for one in sections(code) if any(piece.kind == "@" for piece in one.pieces)), None)
    if section is None:
        return text
    return "".join(text if piece.kind == "@" else piece.text for piece in section.pieces if piece.kind in "@ literal")


def general(value: float) -> str:
    """Return a number in the format General: no more digits than a cell shows, whole numbers without decimals."""
    if value == int(value) and abs(value) < WHOLE:
        return str(int(value))
    return f"{value:.10g}".replace("e", "E")


def _chosen(code: str, value: float) -> CodeSection | None:
    conditional, plain = _choices(code)
    for one in conditional:
        if one.condition and _holds(value, *one.condition):
            return one
    if not plain:
        return None
    if conditional:
        return plain[-1]
    place = 1 if value < 0 else 2 if value == 0 else 0
    return plain[place] if place < len(plain) else plain[0]


@lru_cache(maxsize=512)
def _choices(code: str) -> tuple[list[CodeSection], list[CodeSection]]:
    """Return the sections for numbers: those with a condition, and the others."""
    numbers = [one for one in sections(code) if not any(piece.kind == "@" for piece in one.pieces)]
    return [one for one in numbers if one.condition], [one for one in numbers if not one.condition]


def _holds(value: float, sign: str, limit: float) -> bool:
    below, same = value < limit, value == limit
    return {"<": below, "<=": below or same, ">": not below and not same, ">=": not below, "=": same, "<>": not same}[
        sign
    ]


@lru_cache(maxsize=10_000)
def _date(section: CodeSection, value: float, since_1904: bool) -> str:
    return date_formats.shown(section.pieces, value, since_1904)


def _number(section: CodeSection, value: float) -> str:
    pieces, simple = section.pieces, section.simple
    if simple:
        digits = f"{abs(_rounded(value * simple.times, simple.places)):{simple.digits}}"
        sign = "-" if value < 0 and any(digit in "123456789" for digit in digits) else ""
        return f"{sign}{simple.before}{digits}{simple.after}"
    if any(piece.kind == "general" for piece in pieces):
        return "".join(general(value) if piece.kind == "general" else piece.text for piece in pieces)
    if not any(piece.kind == "digit" for piece in pieces):
        return ("-" if value < 0 else "") + "".join(piece.text for piece in pieces)
    if any(piece.kind == "exponent" for piece in pieces):
        return _scientific(pieces, value)
    slash = next((place for place, piece in enumerate(pieces) if piece.kind == "/"), None)
    if slash is not None:
        return _fraction(pieces, slash, value)
    return _decimal(pieces, value)


def _decimal(pieces: tuple[Piece, ...], value: float) -> str:
    last = max(place for place, piece in enumerate(pieces) if piece.kind == "digit")
    dot = next((place for place, piece in enumerate(pieces) if piece.kind == "."), None)
    end = last if dot is None or last < dot else max((n for n in range(dot) if pieces[n].kind == "digit"), default=dot)
    scale = 0
    while end + 1 + scale < len(pieces) and pieces[end + 1 + scale].kind == ",":
        scale += 1
    if dot is not None and last > dot:  # commas may also be at the very end
        while last + 1 < len(pieces) and pieces[last + 1].kind == ",":
            scale, last = scale + 1, last + 1
    value = value * 100 ** sum(piece.kind == "%" for piece in pieces) / 1000**scale
    after = [] if dot is None else [piece.text for piece in pieces[dot:] if piece.kind == "digit"][:MOST_DECIMALS]
    digits = f"{abs(_rounded(value, len(after))):.{len(after)}f}"
    whole, _, rest = digits.partition(".")
    before = pieces if dot is None else pieces[:dot]
    text = _whole(before, whole)
    if dot is not None:
        if not any(piece.kind == "digit" for piece in before):  # as in .00
            text += whole.lstrip("0")
        text += _rest(pieces[dot:], rest, after)
    return f"-{text}" if value < 0 and any(sign in "123456789" for sign in digits) else text


def _rounded(value: float, places: int) -> float:
    """Round as sheets do: a half away from zero, in decimals."""
    moved = abs(value) * 10.0**places
    if moved > WHOLE:
        return value
    return int(moved + 0.5 + moved * 1e-15) / 10.0**places


def _whole(pieces: tuple[Piece, ...], digits: str) -> str:
    places = [place for place, piece in enumerate(pieces) if piece.kind == "digit"]
    grouped = any(piece.kind == "," for piece in pieces[places[0] : places[-1]]) if places else False
    digits = digits.lstrip("0")
    least = next((len(places) - n for n, place in enumerate(places) if pieces[place].text == "0"), 0)
    digits = digits.zfill(least)
    out: list[str] = []
    left = list(digits)
    count = 0
    for place in range(len(pieces) - 1, -1, -1):
        piece = pieces[place]
        if piece.kind == "digit":
            many = len(left) if places and place == places[0] else 1
            for _ in range(min(many, len(left))):
                out.append("," if grouped and count and count % 3 == 0 else "")
                out.append(left.pop())
                count += 1
        elif piece.kind != ",":
            out.append(piece.text)
    return "".join(reversed(out)) if places else "".join(piece.text for piece in pieces if piece.kind != ",")


def _rest(pieces: tuple[Piece, ...], digits: str, wanted: list[str]) -> str:
    kept = len(digits)
    while kept and wanted[kept - 1] != "0" and digits[kept - 1] == "0":
        kept -= 1
    out, place = [], 0
    for piece in pieces:
        if piece.kind == "digit":
            out.append(digits[place] if place < kept else "")
            place += 1
        elif piece.kind == ".":
            out.append("." if kept or not wanted else "")
        elif piece.kind != ",":
            out.append(piece.text)
    return "".join(out)


def _scientific(pieces: tuple[Piece, ...], value: float) -> str:
    place = next(n for n, piece in enumerate(pieces) if piece.kind == "exponent")
    dot = next((n for n, piece in enumerate(pieces[:place]) if piece.kind == "."), place)
    decimals = sum(piece.kind == "digit" for piece in pieces[dot:place])
    power = sum(piece.kind == "digit" for piece in pieces[place:])
    mantissa, _, exponent = f"{value:.{min(decimals, MOST_DECIMALS)}E}".partition("E")
    sign = "-" if exponent.startswith("-") else "+" if pieces[place].text == "e+" else ""
    return f"{mantissa}E{sign}{exponent[1:].lstrip('0').zfill(power)}"


def _fraction(pieces: tuple[Piece, ...], slash: int, value: float) -> str:
    digits = [piece.text for piece in pieces[slash + 1 :] if piece.kind == "digit"]
    fixed = "".join(piece.text for piece in pieces[slash + 1 :] if piece.kind in ("literal", "digit")).strip()
    whole = " " in "".join(piece.text for piece in pieces[:slash]).strip()
    count, rest = divmod(abs(value), 1) if whole else (0, abs(value))
    if fixed.isdecimal() and (under := int(fixed)):  # as in "# ??/100", whose zeros are no places for digits
        over = round(rest * under)
    else:
        near = Fraction(rest).limit_denominator(10 ** max(1, min(len(digits), 4)) - 1)
        over, under = near.numerator, near.denominator
    count, over = (count + 1, 0) if whole and over == under else (count, over)
    parts = [str(int(count))] if count or (whole and not over) else []
    parts += [f"{over}/{under}"] if over or not whole else []
    return ("-" if value < 0 else "") + " ".join(parts)
