"""Values that several targets are tried with: texts, JSON, ids, numbers, names."""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

import json
import uuid
from typing import Any

from hypothesis import strategies as st

STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")  # what Postgres's text can hold
HOSTILE = st.sampled_from([
    "", " ", "\t\r\n", "'", '"', "\\", "\\'; drop table x; --", "$1", "$$", "%", "%s", "%00", "%ff", "{}", "{schema}", "{text}",
    "ingest.ingest_now()", "null", "NaN", "infinity", "-1", "1e999", "true", "..", "../..", "/", "//", "/proc/self/environ",
    "file:///etc/passwd", "\u202egnp.exe", "\x1b[2J\x1b]0;x\x07", "\u2028", "\ufeff", "\ufffd", "\uffff", "\U0010ffff", "ı", "ß",
    "a" * 49, "é" * 1001, "a" * 2001, "a/" * 999, "?*" * 20 + "!", "[" * 30, "**/" * 20, "(" * 1000, "\u0301" * 500, "𒀀" * 300,
])  # fmt: skip
WORD = st.text(STORABLE, max_size=30) | HOSTILE
NUMBER: st.SearchStrategy[Any] = (
    st.integers() | st.sampled_from([0, -1, 2**31 - 1, 2**31, 2**63, -(2**63) - 1, 10**40]) | st.floats(allow_nan=False)
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBER | WORD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORD, inner, max_size=4),
    max_leaves=8,
)


def written(value: Any) -> str:
    """Return JSON as a program writes it; Infinity and NaN among it."""
    return json.dumps(value, ensure_ascii=False)


def nested(opening: str, closing: str, core: str = "") -> st.SearchStrategy[str]:
    """Return texts that are nested up to ten thousand levels deep."""
    return st.sampled_from([10, 100, 1000, 3000, 10_000]).map(lambda depth: opening * depth + core + closing * depth)


DEEP = nested("[", "]") | nested('{"a":', "}", "1")
LONG_NUMBER = st.sampled_from(["1" * 400, "1" * 4301, "-" + "9" * 10_000, "1e400", "1e-400", "1E+" + "9" * 20])
BROKEN = st.sampled_from(["", "{", "[1,", '{"a": "\\ud800"}', '{"a": "\\u0000"}', '{"a":1,"a":2}', "nul", "'x'", "NaN"])
JSON_TEXT = (
    JSON.map(written)
    | st.dictionaries(WORD, JSON, max_size=3).map(written)
    | DEEP
    | DEEP.map('{{"a": {}}}'.format)
    | LONG_NUMBER
    | LONG_NUMBER.map('{{"a": {}}}'.format)
    | BROKEN
    | WORD
)
COLLECTIONS = ("default", "notes", "Ä", "a b", 'x"y')
COLLECTION = st.sampled_from(COLLECTIONS) | WORD
INTEGER_TEXT = (
    st.integers(-5, 100).map(str) | NUMBER.map(str) | st.sampled_from(["", "x", "1.5", " 7 ", "0x10", "1_000"])
)
TIME = st.sampled_from([
    "now", "infinity", "-infinity", "tomorrow", "epoch", "2000-02-30", "294276-12-31", "294277-01-01", "4714-01-01 BC",
    "4715-01-01 BC", "2030-01-01 00:00+23", "12:00", "yesterday noon", "now + 1 day", "24:00:00", "2024-01-01T00:00:60Z",
]) | WORD  # fmt: skip
INTERVAL = st.sampled_from(["0", "0.01 s", "-1 s", "-infinity", "-178000000 years", "1 s 2 s", "P-1Y"]) | WORD.filter(
    lambda word: word != "infinity"  # a caller may wait for ever
)
ID = st.uuids().map(str) | st.sampled_from([str(uuid.UUID(int=0)), "{" + str(uuid.UUID(int=1)) + "}", "x", ""]) | WORD
STEP = st.sampled_from(["discover", "load", "chunk", "embed", "save", "begin", "LOAD", ""]) | WORD
