"""The colours of pages: WCAG AA contrast of each text on each ground, in light and dark, computed."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STYLE = (files("listener.cli.webui") / "static" / "ui.css").read_text(encoding="utf-8")
NAMED = re.compile(r"--([a-z-]+): (#[0-9a-f]{6})")
TEXTS = ("text", "quiet", "link", "good", "bad", "warn", "busy")
GROUNDS = ("ground", "raised")
OTHER_TEXTS = [("mark-text", "mark"), ("ground", "link")]  # marks; the button that is meant
LINES = ("first", "second", "third", "fourth")
TEXT_CONTRAST, LINE_CONTRAST = 4.5, 3.0


def colours() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    light, dark = (dict(NAMED.findall(block)) for block in blocks[:2])
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_has_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_texts_can_be_read(mode: str) -> None:
    known = colours()[mode]
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS] + OTHER_TEXTS
    low = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in pairs}
    assert {pair: found for pair, found in low.items() if found < TEXT_CONTRAST} == {}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_lines_of_charts_can_be_seen(mode: str) -> None:
    known = colours()[mode]
    low = {line: contrast(known[line], known["ground"]) for line in LINES}
    assert {line: found for line, found in low.items() if found < LINE_CONTRAST} == {}


def test_colours_are_named_once() -> None:
    """Elsewhere a colour that no mode can change would stand."""
    rest = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])", rest) == []


def test_each_section_of_the_style_sheet_begins_outside_of_any_block() -> None:
    depth = 0
    for line in STYLE.splitlines():
        assert depth == 0 or not line.startswith("/*"), line
        depth += line.count("{") - line.count("}")
    assert depth == 0
