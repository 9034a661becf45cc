"""Charts: what is drawn of no, one and many values, of gaps, and of hostile names."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest

pytest.importorskip("jinja2")

from listener.cli.webui.charts import chart, compact, stretch

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
PATH = re.compile(r'class="line s(\d)" d="([^"]*)"')


def lines(drawn: str) -> dict[str, str]:
    """Return the paths of the plot by the number of their series."""
    plot = drawn[drawn.index('<svg class="chart"') :]
    return dict(PATH.findall(plot))


def test_a_gap_begins_a_line_anew_and_a_lonely_value_is_a_dot() -> None:
    drawn = str(chart([("speed", [1, 2, None, 3, None, 1, 2])], list("abcdefg"), title="Speed", unit="a second"))
    path = lines(drawn)["1"]
    assert path.count("M") == 3
    assert path.count("L") == 2
    assert path.count("h.1") == 1
    assert "a to g: speed 1 to 3, last 2" in drawn


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_without_values_it_says_so(values: list[float | None]) -> None:
    drawn = str(chart([("speed", values)], ["x"] * len(values), title="Speed"))
    assert "no figures" in drawn
    assert lines(drawn) == {}


def test_one_value_is_a_dot_and_a_bar_is_as_high_as_it_says() -> None:
    assert lines(str(chart([("speed", [5])], ["now"], title="Speed")))["1"].endswith("h.1")
    drawn = str(chart([("tokens", [0, 50, 100])], ["a", "b", "c"], title="Tokens", bars=True))
    assert re.findall(r' height="([\d.]+)"/>', drawn) == ["50.0", "100.0"]


@pytest.mark.parametrize(("most", "top"), [(0.02, "0.02"), (3, "5"), (7.2, "10"), (1500, "2k"), (9.9e6, "10M")])
def test_an_axis_ends_at_a_round_number(most: float, top: str) -> None:
    assert f"<span>{top}</span>" in str(chart([("n", [0, most])], ["a", "b"], title="N"))


def test_values_that_are_no_numbers_break_nothing() -> None:
    drawn = str(chart([("n", [float("nan"), float("inf"), -1.0])], ["a", "b", "c"], title="N"))
    assert "nan" not in lines(drawn).get("1", "")


def test_names_are_text() -> None:
    hostile = '"><script>alert(1)</script>'
    drawn = str(chart([(hostile, [1, 2])], [hostile, hostile], title=hostile, unit=hostile))
    assert "<script" not in drawn
    assert ElementTree.fromstring(drawn).tag == "figure"


def test_it_is_told_in_words_too() -> None:
    plot = ElementTree.fromstring(str(chart([("n", [1, 2])], ["a", "b"], title="N"))).find(".//svg[@role='img']")
    assert plot is not None
    assert plot.findtext("title") == "N"
    assert "n 1 to 2" in (plot.findtext("desc") or "")
    assert "n 1 to 2" in plot.attrib["aria-label"]


def test_a_stretch_lies_where_it_was() -> None:
    hour = timedelta(hours=1)
    assert 'x="25.0" y="1" width="50.0"' in str(stretch(NOON + hour, NOON + 3 * hour, NOON, NOON + 4 * hour))
    assert 'x="75.0" y="1" width="25.0"' in str(stretch(NOON + 3 * hour, None, NOON, NOON + 4 * hour))
    assert stretch(None, None, NOON, NOON + hour) == ""
    assert stretch(NOON, NOON, NOON, NOON) == ""


def test_numbers_on_axes_are_short() -> None:
    assert [compact(one) for one in (0, 0.5, 12, 1500, 2.5e6, 3e9)] == ["0", "0.5", "12", "1.5k", "2.5M", "3G"]
