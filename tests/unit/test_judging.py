"""Judged queries as they are read, and the figures that come of what they find."""

from __future__ import annotations

import pytest

from listener.client import judging
from listener.client.judging import Judged
from listener.errors import RequestError


def test_a_line_is_a_query_with_uris_or_with_grades_of_them() -> None:
    lines = [
        '{"query": "a", "expected": ["file:///x", "y"]}',
        "",
        '{"query": "b", "expected": {"y": 3, "z": 0}, "kind": "k"}',
    ]
    assert judging.read(lines, "file:///srv/") == [
        Judged("a", {"file:///x": 1, "file:///srv/y": 1}),
        Judged("b", {"file:///srv/y": 3}, "k"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no JSON object"),
        ('{"expected": ["a"]}', "has no query"),
        ('{"query": " ", "expected": ["a"]}', "has no query"),
        ('{"query": "a"}', "has no expected"),
        ('{"query": "a", "expected": "b"}', "has no expected"),
        ('{"query": "a", "expected": [1]}', "has no expected"),
        ('{"query": "a", "expected": []}', "expects nothing"),
        ('{"query": "a", "expected": {"b": 0}}', "expects nothing"),
        ('{"query": "a", "expected": [" "]}', "expects an empty URI"),
        ('{"query": "a", "expected": {"b": "much"}}', "grade"),
        ('{"query": "a", "expected": {"b": true}}', "grade"),
        ('{"query": "a", "expected": {"b": -1}}', "grade"),
        ('{"query": "a", "expected": {"b": NaN}}', "grade"),
        ('{"query": "a", "expected": {"b": 1e9}}', "grade"),
        ('{"query": "a", "expected": ["b"], "uris": 1}', "unknown key, 'uris'"),
        ('{"query": "a", "expected": ["b"], "kind": 1}', "kind"),
    ],
)
def test_a_line_that_is_none_is_refused_by_its_number(line: str, said: str) -> None:
    with pytest.raises(RequestError) as refused:
        judging.read(['{"query": "a", "expected": ["b"]}', "", line])
    assert refused.value.code == "bad_judgement"
    assert refused.value.message.startswith("line 3 ")
    assert said in refused.value.message


def test_no_query_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for lines in (["", " "], []):
        with pytest.raises(RequestError, match="there is no query"):
            judging.read(lines)
    monkeypatch.setattr(judging, "MOST_QUERIES", 2)
    with pytest.raises(RequestError, match="more than 2 queries"):
        judging.read(['{"query": "a", "expected": ["b"]}'] * 3)


def test_of_a_document_that_comes_again_the_first_place_counts() -> None:
    judged = Judged("q", {"a": 3, "b": 1, "far": 1})
    found = judging.measure(judged, ["x", "x", "b", "x", "a", "b", "y", "far"], 4)
    assert (found.uris, found.place) == (["x", "b", "a", "y"], 2)
    assert found.recall == pytest.approx(2 / 3)
    ideal = 7 + 1 / 1.584963 + 1 / 2
    assert found.ndcg == pytest.approx((1 / 1.584963 + 7 / 2) / ideal, abs=1e-6)


def test_figures_are_means_and_the_worst_queries_come_first() -> None:
    found = [
        judging.measure(Judged("first", {"a": 1}), ["a", "b"], 10),
        judging.measure(Judged("second", {"b": 1}), ["a", "b"], 10),
        judging.measure(Judged("nowhere", {"c": 1}), ["a", "b"], 10),
    ]
    quality = judging.quality("c", "words", 10, found)
    assert (quality.hit_at_1, quality.hit_at_k, quality.mrr) == pytest.approx((1 / 3, 2 / 3, 0.5))
    assert quality.recall == pytest.approx(2 / 3)
    assert quality.ndcg == pytest.approx((1 + 0.63093) / 3, abs=1e-5)
    assert [one.query for one in quality.worst(5)] == ["nowhere", "second"]
    assert [one.query for one in quality.worst(1)] == ["nowhere"]
