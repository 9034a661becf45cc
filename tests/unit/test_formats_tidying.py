"""What is taken out of a parser's Markdown, and what stays."""

from __future__ import annotations

import pytest

from listener.documents import reading, titles
from listener.documents.tidying import tidy


@pytest.mark.parametrize(
    ("markdown", "tidied"),
    [
        (r"5 \< 6 \& 7 \~ 8\!", "5 < 6 & 7 ~ 8!"),
        (r"## 1\. Start", "## 1. Start"),
        (r"C:\\new \\d+", r"C:\new \d+"),
        (r"\(x\) and \[y\]", r"\(x\) and \[y\]"),
        (r"\# no heading \<b\>", r"\# no heading <b>"),
        (r"\-g and \--leak-check", "-g and --leak-check"),
        (r"\- no item", r"\- no item"),
        ("no heading\n\\---", "no heading\n\\---"),
        (r"\#tag", "#tag"),
        (r"| a \| b | c\!d |", r"| a \| b | c!d |"),
        (r"code `a\\b` and \<x\>", r"code `a\\b` and <x>"),
        ("```\n\\<x\\> [a](http://b)\n```\n\\<y\\>", "```\n\\<x\\> [a](http://b)\n```\n<y>"),
        ("see [the page](https://x.org/a_(b)?c=1) and [*](#note-1)", "see the page and *"),
        ("arr[i](x) and [c] (d)", "arr[i](x) and [c] (d)"),
        ("![](image_0.png)\n\ntext", "text"),
        ("a [cmt:0]comment", "a comment"),
        ("1 Start . . . . . . . . . 7", "1 Start … 7"),
        ("wait ... what", "wait ... what"),
        ("\uf0b7 bow", "• bow"),
        ("a\n\n\n \n\nb", "a\n\nb"),
        ("\ufb01nd o\ufb03ces", "find offices"),
        ("\ufedf\ufe92\ufef4\ufe96 \ufefb \ufdfa", "لبيت لا صلى الله عليه وسلم"),
        ("x² ½ ™ Ａ ﴾", "x² ½ ™ Ａ ﴾"),
        ("| a |  |\n| --- | --- |\n|  |  |\n| b \\| c |  |\n", "| a |\n| --- |\n| b \\| c |"),
        ("|  | x |\n| --- | --- |\n| y |  |", "|  | x |\n| --- | --- |\n| y |  |"),
        ("a\n\n|  |  |\n| --- | --- |\n|  |  |\n\nb", "a\n\nb"),
        ("|  |\n| --- |\n| Styles |\n| a |", "| Styles |\n| --- |\n| a |"),
        ("```\n| a |  |\n| --- | --- |\n|  |  |\n```", "```\n| a |  |\n| --- | --- |\n|  |  |\n```"),
        ("|x| and no table", "|x| and no table"),
    ],
)
def test_noise_goes_and_text_stays(markdown: str, tidied: str) -> None:
    assert tidy(markdown) == tidied


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Harbour handbook", "Harbour handbook"),
        ("Microsoft Word - report 2024.docx", "report 2024"),
        ("Microsoft Word - Document1", None),
        ("C:\\Users\\ada\\tides.dvi", "tides"),
        ("Untitled", None),
        ("PowerPoint-Präsentation", None),
        ("Slide 1", None),
        ("Presentation of the tides", "Presentation of the tides"),
        ("???????? Europass", None),
        ("Why?", "Why?"),
        ("PowerPoint \ufffd\ufffd", None),
        ("", None),
        (None, None),
    ],
)
def test_a_title_that_a_program_put_there_is_none(title: str | None, told: str | None) -> None:
    assert titles.told(title) == told


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("???? ??? a", True),
        ("What? Why? Really? Yes.", False),
        ("", False),
        ("one ??? two ???", True),
        ("one? two? (three?)", False),
    ],
)
def test_a_text_that_is_mostly_question_marks_is_unknown(text: str, unknown: bool) -> None:
    assert titles.is_unknown(text) == unknown


def test_what_documents_say_of_themselves_is_kept_in_bounds() -> None:
    assert reading.short("a\0\n b\ud800  " + "x" * 5000) == "a b " + "x" * 996
    assert reading.short(" \0 ") is None
    assert reading.listed(["a; b", "b", ";", "c" * 3000], ";") == ["a", "b", "c" * 1000]
    assert len(reading.listed(map(str, range(1000)), ";")) == reading.MOST_VALUES


def test_dates_and_languages_that_are_none_are_dropped() -> None:
    told = {
        "created": "D:2024",
        "modified": "2024-01-02T03:04:05Z",
        "language": "see below",
        "authors": [],
        "subject": "",
    }
    assert reading.sane(told) == {"modified": "2024-01-02T03:04:05Z"}
    assert reading.sane({"created": "0101-01-01T00:00:00Z"}) == {}  # an unknown date, as some programs write it
    assert reading.sane({"language": "de-AT", "created": "2011-09-01"}) == {
        "language": "de-AT",
        "created": "2011-09-01",
    }
