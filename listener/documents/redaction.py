"""The own step ``redact``: what looks like personal data is replaced in a document's text, title and metadata.

Patterns are bounded and linear, and of this program: a collection names them, and gives words of its own, which are
taken as they are. No regular expression comes from a setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from string import ascii_uppercase
from typing import Any

from listener.documents.steps import DocumentStep, DocumentText, Options, WrongStepOptions

MOST_WORDS, LONGEST_WORD = 1000, 200

GAP = r"[ \t.\u00a0\u2007\u2009\u2011\u2013\u202f-]"  # between the groups of a number: blanks, dots, hyphens
LONG_GAP = r"[ \t./()\u00a0\u2007\u2009\u2011\u2013\u202f-]"

# Each begins where no sign of its own kind stands before it, and is bounded: no two ways to read the same signs.
# Numbers are looked for from each place on: what stands before one, as a year or a count, may look like its begin.
EMAIL = re.compile(
    r"(?<![\w.+%-])(?:[\w.+%-]{1,32}['\u2019&!#])?[\w.+%-]{1,64}(?:[@\uff20]|%40)(?!\dx\.)"
    r"(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{1,62}"
)
IBAN = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=IBAN))"
    r"(?=([A-Za-z]{2}[0-9]{2}(?:[ \n\u00a0\u2009\u202f-]?[A-Za-z0-9]){11,30})(?![A-Za-z0-9]))"
)
CARD = re.compile(rf"(?<!\d)(?<!\d[.,])(?=([2-6]\d(?:(?:{GAP}(?=\d\d))?\d){{11,17}})(?!\d))")
PHONE = re.compile(
    r"(?<![^\W_])(?<![+(])(?<!\d[.,:/-])(?=("
    rf"(?:[+\uff0b]|00 ?)[1-9]\d{{0,2}}(?:{LONG_GAP}{{0,3}}\d){{5,13}}"
    rf"|\(?0[ )]{{0,2}}[1-9]\d{{0,4}}\)?(?:(?:{LONG_GAP}{{1,3}}(?=\d\d))?\d){{4,12}}(?:-\d)?"
    r"|(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[ .-]\d{4}"
    r"|8 ?\(\d{3,5}\) ?\d{1,3}[ -]\d\d[ -]\d\d"
    r")(?![^\W_]))"
)
DATE_FIRST = re.compile(r"(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:\d{4}|\d\d)(?![./-]?\d)")
LABEL = re.compile(r"(?:ISBN|ISSN|EAN|GTIN|UPC|DOI)(?:-1[03])?[:#]? ?$")
LONGEST_LABEL = 12
NOT_DIGITS = re.compile(r"\D+")
NOT_SIGNS = re.compile(r"[^A-Z0-9]+")
NUMBERS = str.maketrans({letter: str(number) for number, letter in enumerate(ascii_uppercase, 10)})
DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # of the two digits of 10 to 18, the sum
WORD_ENDS = re.compile(r"(?<=[A-Za-z\d])(?![A-Za-z\d])")
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""By ISO 13616's register; others are as long as their checksum says, in capitals."""


def _email(found: re.Match[str]) -> int:
    return len(found[0])


def _longest(found: re.Match[str], is_one: Callable[[str], bool]) -> int:
    """Find one by its begin: as many of the words as it has, since what follows may be digits or capitals, too."""
    ends = [end.start() for end in WORD_ENDS.finditer(found[1])]
    return next((end for end in reversed(ends) if is_one(found[1][:end])), 0)


def _iban(found: re.Match[str]) -> int:
    """Find one by its length and checksum."""
    return _longest(found, _is_iban)


def _is_iban(words: str) -> bool:
    country = words[:2].upper()
    if country not in IBAN_LENGTHS and words != words.upper():
        return False
    signs = NOT_SIGNS.sub("", words.upper())
    is_long = len(signs) == IBAN_LENGTHS[country] if country in IBAN_LENGTHS else 15 <= len(signs) <= 34
    return is_long and int((signs[4:] + signs[:4]).translate(NUMBERS)) % 97 == 1


def _card(found: re.Match[str]) -> int:
    """Find one by its checksum (Luhn): the sum of what is there so far, its last digit as it is, or doubled."""
    signs = f"{found[1]} "
    length = count = plain = doubled = 0
    for at, sign in enumerate(found[1], 1):
        if not sign.isdecimal():
            continue
        digit = int(sign)
        plain, doubled, count = doubled + digit, plain + DOUBLED[digit], count + 1
        if plain % 10 == 0 and not signs[at].isdecimal() and _is_long_enough(found[1], count):
            length = at
    return length


def _is_long_enough(begin: str, count: int) -> bool:
    """Tell whether cards that begin so have as many digits: those that begin with 4 are Visa's."""
    return count in (13, 16, 19) if begin[0] == "4" else count == 15 if begin[:2] in ("34", "37") else count >= 13


def _phone(found: re.Match[str]) -> int:
    """Find one by how many digits it has; dates and numbers of books and goods are none."""
    begin = found.start()
    if DATE_FIRST.match(found[1]) or LABEL.search(found.string[max(0, begin - LONGEST_LABEL) : begin]):
        return 0
    return _longest(found, _is_phone)


def _is_phone(words: str) -> bool:
    digits = NOT_DIGITS.sub("", words)
    return (7 if words[0] in "+\uff0b" else 8) <= len(digits) <= 15


Kind = tuple["re.Pattern[str]", "Callable[[re.Match[str]], int]"]
KINDS: Mapping[str, Kind] = {
    "email": (EMAIL, _email),
    "iban": (IBAN, _iban),
    "card": (CARD, _card),
    "phone": (PHONE, _phone),
}
"""Of each, the pattern, and how many of the signs from where it matches are one; 0: it is none."""


def redact(document: DocumentText, options: Options) -> DocumentText:
    """Return a document without what the options name: ``patterns``, ``words``; ``replacement`` has ``{kind}``."""
    kinds = _kinds(options.get("patterns", sorted(KINDS)))
    words = _words(options.get("words", []))
    wanted = str(options.get("replacement", "[{kind}]"))

    def said(text: str) -> str:
        return DocumentText(text).replaced(_places(text, kinds, words, wanted)).text

    kept = document.replaced(_places(document.text, kinds, words, wanted))
    title = said(document.title) if document.title else document.title
    return replace(kept, title=title, metadata=_of_values(document.metadata, said))


def _kinds(names: Any) -> list[tuple[str, Kind]]:
    names = [names] if isinstance(names, str) else names
    if unknown := [name for name in names if name not in KINDS]:
        raise WrongStepOptions(f"redact knows no pattern {unknown[0]!r}", f"It knows {', '.join(sorted(KINDS))}.")
    return [(name, kind) for name, kind in KINDS.items() if name in names]


def _words(given: Any) -> list[str]:
    words = [given] if isinstance(given, str) else list(given)
    if len(words) > MOST_WORDS or not all(isinstance(one, str) and 0 < len(one) <= LONGEST_WORD for one in words):
        raise WrongStepOptions(f"words of redact are up to {MOST_WORDS} strings of up to {LONGEST_WORD} characters")
    return words


def _places(
    text: str, kinds: Sequence[tuple[str, Kind]], words: Sequence[str], wanted: str
) -> list[tuple[int, int, str]]:
    """Return what is replaced, in order; of what overlaps, the kind that comes first."""
    found: list[tuple[int, int, str]] = []
    for name, (pattern, length_of) in kinds:
        instead = wanted.replace("{kind}", name.upper())
        lengths = ((one.start(), length_of(one)) for one in pattern.finditer(text))
        found += [(start, start + length, instead) for start, length in lengths if length]
    found += [(at, at + len(word), wanted.replace("{kind}", "WORD")) for word in words for at in _all(text, word)]
    kept: list[tuple[int, int, str]] = []
    for place in sorted(found, key=lambda one: (one[0], -one[1])):
        if not kept or place[0] >= kept[-1][1]:
            kept.append(place)
        elif place[1] > kept[-1][1]:  # it begins inside of one, and goes on behind it
            kept[-1] = (kept[-1][0], place[1], kept[-1][2])
    return kept


def _all(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _of_values(value: Any, said: Callable[[str], str]) -> Any:
    """Return metadata with all strings in them changed; keys stay."""
    if isinstance(value, str):
        return said(value)
    if isinstance(value, Mapping):
        return {key: _of_values(one, said) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_of_values(one, said) for one in value]
    return value


STEP = DocumentStep(
    version="2",
    options={"patterns": "string or array", "words": "string or array", "replacement": "string"},
    run=redact,
)
