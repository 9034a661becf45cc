"""Texts as they are searched."""

from __future__ import annotations

from unicodedata import normalize

import pytest

from listener.documents.markdown.searchable import searchable
from listener.embedding import DEFAULT_TEMPLATE, embedding_input, text_hash

SAMES = [
    ("**P**ersonal", "Personal"),
    ("*P*ersonal", "Personal"),
    ("***P***ersonal", "Personal"),
    ("(**P**retty **G**ood **P**rivacy)", "(Pretty Good Privacy)"),
    ("**Pretty Good P**rivacy", "Pretty Good Privacy"),
    ("micro**services**, walk*ing*", "microservices, walking"),
    ("un**believ**able", "unbelievable"),
    ("über**morgen** 日本**語**の", "übermorgen 日本語の"),
    ("H~2~O, CO~2~", "H2O, CO2"),
    ("10^th^ and E=mc^2^", "10th and E=mc2"),
    ("co\u00adop\u00aderate", "cooperate"),
    ("zero\u200bwidth \ufeffmark \u2060join", "zerowidth mark join"),
    ("cafe\u0301 A\u030a", "café Å"),
    ("می\u200cخواهم", "میخواهم"),
    ("ភាសា\u200bខ្មែរ", "ភាសា ខ្មែរ"),
    ("Donau&shy;dampf&#173;schiff, un<wbr>break<wbr />able", "Donaudampfschiff, unbreakable"),
    ("CO$_2$, H$_{2}$O and 10$^{6}$", "CO2, H2O and 106"),
    ("葛\U000e0100城, \u061cكتاب", "葛城, كتاب"),
]
KEPT = [
    "foo_bar_ _foo_bar_ snake_case __init__ __all__",
    "**bold** words and *more* of them, **bold**.",
    "a*b*c 2*3*4 n*n*(n+1) width*height*depth",
    "x**2 + y**3 - 2**n**k f(**kw, **rest) *args",
    "`**P**ersonal` and `H~2~O`",
    "~/a~b ~~gone~~ a^b^c x ^ y",
    "* item\n* item",
    "`a&shy;b` is written &shy; or a &shy; b, <wbr> and $x_i$ for $_ of Perl",
    "| a | b* |\n|---|---|",
    "https://e.org/~ada/x*y",
    "",
]


@pytest.mark.parametrize(("text", "same"), SAMES)
def test_what_people_see_as_one_word_is_one(text: str, same: str) -> None:
    assert searchable(text) == same
    assert searchable(same) == same


@pytest.mark.parametrize("text", KEPT)
def test_code_and_names_and_marks_around_words_stay(text: str) -> None:
    assert searchable(text) == text


def test_what_is_embedded_is_the_text_as_it_is_searched_and_a_normal_text_keeps_its_hash() -> None:
    def embedded(text: str, title: str = "Title", path: tuple[str, ...] = ("A", "B")) -> str:
        return embedding_input(DEFAULT_TEMPLATE, "passage: ", title=title, heading_path=path, text=text)

    normal = "Plain words, snake_case, **bold**, é.\n\n* item"
    assert embedded(normal) == f"passage: Title\nA > B\n\n{normal}"
    odd = normalize("NFD", normal).replace("words", "wo\u00adrds").replace("Plain", "**P**lain")
    assert odd != normal
    assert text_hash(embedded(odd)) == text_hash(embedded(normal))
    assert embedded("x", "Cafe\u0301", ("H~2~O",)) == "passage: Café\nH2O\n\nx"
