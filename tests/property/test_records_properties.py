"""What holds for the records of any file, wherever its blocks begin and end."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

from how_many import how_many
from hypothesis import example, given, settings
from hypothesis import strategies as st

from listener.errors import DocumentError
from listener.sources.records.extracting import extract
from listener.sources.records.finding import next_size
from listener.sources.records.layout import Layout, find_layout
from listener.sources.records.scanning import Line, begin, scan
from listener.sources.records.spec import CSV, JSON_LINES, RecordSpec

URI = "file:///a"
SPEC = RecordSpec(("text",), "id", "title", ("meta",))
COLUMNS = ["id", "text", "title", "meta"]
NO_LIMIT = 10**9
WHOLE = 2 * 10**6

# What Postgres can hold, and what an id or a text may be.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
CELL = TEXT | st.text(st.sampled_from('",;\t|\r\n a1é'), max_size=12)
JSON_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
MESS = st.lists(
    st.sampled_from(['"', '""', ",", "\n", "\n", "\r\n", "a", "é", "1,", '"x"', " ", "word word word", "\udcff"]),
    max_size=60,
).map("".join)
LINES = st.lists(
    st.sampled_from(['{"id": 1}', '{"id": "é"}', "{}", "[]", "", " ", "x" * 30, '{"id": "\udcff"}', "\r"]), max_size=30
)


def found(data: bytes, layout: Layout, spec: RecordSpec, limit: int, size: Callable[[], int]) -> list[Line]:
    """Scan as ``Records`` does, with blocks whose first size is up to the caller."""
    state, lines = begin(URI, layout, spec, limit), []
    length = size()
    while state.offset < len(data):
        block = data[state.offset : state.offset + length]
        more, after = scan(block, state, state.offset + len(block) == len(data))
        length = next_size(len(block), len(more), state, after) if after == state else size()
        lines += more
        state = after
    return lines


def summary(lines: list[Line]) -> list[object]:
    """Return what must not depend on the blocks."""
    return [(*line[:5], line[5] and (line[5].code, line[5].message)) for line in lines]


def csv_format(columns: int) -> Layout:
    return Layout(CSV, 0, 1, "utf-8", ",", columns, {"id": 0, "text": columns - 1})


@settings(max_examples=how_many(400), deadline=None)
@given(MESS, st.integers(1, 3), st.data(), st.sampled_from([8, 40, NO_LIMIT]))
def test_the_rows_of_any_text_do_not_depend_on_the_blocks(
    text: str, columns: int, data: st.DataObject, limit: int
) -> None:
    raw, layout = text.encode("utf-8", "surrogateescape"), csv_format(columns)
    spec = RecordSpec(("text",), data.draw(st.sampled_from([None, "id"])))
    expected = found(raw, layout, spec, limit, lambda: WHOLE)
    assert summary(found(raw, layout, spec, limit, lambda: data.draw(st.integers(1, 30)))) == summary(expected)
    assert_in_order(expected, raw)


@settings(max_examples=how_many(200), deadline=None)
@given(LINES, st.booleans(), st.data(), st.sampled_from([8, 20, NO_LIMIT]))
def test_the_lines_of_any_text_do_not_depend_on_the_blocks(
    lines: list[str], last: bool, data: st.DataObject, limit: int
) -> None:
    raw = ("\n".join(lines) + "\n" * last).encode("utf-8", "surrogateescape")
    layout = Layout(JSON_LINES)
    expected = found(raw, layout, SPEC, limit, lambda: WHOLE)
    assert summary(found(raw, layout, SPEC, limit, lambda: data.draw(st.integers(1, 30)))) == summary(expected)
    assert_in_order(expected, raw)
    filled = [number for number, line in enumerate(lines, 1) if line.strip()]
    assert [line[3] for line in expected] == filled  # each line is a record or an error, once


def assert_in_order(lines: list[Line], raw: bytes) -> None:
    end = 0
    for _, start, length, number, digest, error in lines:
        assert start >= end
        end = start + length
        assert number == raw.count(b"\n", 0, start) + 1
        assert (digest is None) == (error is not None)
        assert digest in (None, hashlib.sha256(raw[start:end]).hexdigest())
    assert end <= len(raw)


@settings(max_examples=how_many(150), deadline=None)
@given(
    st.lists(st.tuples(CELL, CELL, CELL, CELL), max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\r\n", "\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(1, 200),
)
@example([("1", 'a\n"b"', "", ""), ("", "", "", "")], ",", "\n", csv.QUOTE_MINIMAL, 1)
def test_a_table_gives_back_what_was_written(
    rows: list[tuple[str, ...]], delimiter: str, end: str, quoting: Any, size: int
) -> None:
    file = io.StringIO()
    written = []
    if end == "\n":  # Python before 3.13 leaves a carriage return without quotes then
        rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(COLUMNS)
    for row in rows:
        before = file.tell()
        writer.writerow(row)
        written.append(file.getvalue()[before:].removesuffix(end))
    raw = file.getvalue().encode()
    layout = find_layout(raw, True, raw, CSV, SPEC, URI)
    lines = found(raw, layout, RecordSpec(("text",)), NO_LIMIT, lambda: size)
    kept = [(row, text) for row, text in zip(rows, written, strict=True) if any(row)]
    assert [raw[start : start + length].decode() for _, start, length, *_ in lines] == [text for _, text in kept]
    assert [outcome(line, raw, layout) for line in lines] == [expected(row) for row, _ in kept]


def expected(row: tuple[str, ...]) -> object:
    _, text, title, meta = row
    return (text, " ".join(title.split()) or None, {"meta": meta}) if text.strip() else "no_text"


def outcome(line: Line, raw: bytes, layout: Layout) -> object:
    """Return what load makes of a record, or the code of its error."""
    _, start, length, number, _, error = line
    assert error is None
    [content] = extract(raw, [(start, start + length, f"line {number}")], layout, SPEC)
    return content.code if isinstance(content, DocumentError) else content


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers() | TEXT.filter(str.strip), "text": JSON_VALUE}, optional={"title": TEXT, "meta": JSON_VALUE}
    ),
    max_size=12,
)


@settings(max_examples=how_many(80), deadline=None)
@given(RECORDS, st.booleans(), st.sampled_from(["\r\n", "\n", "\n\n"]), st.integers(1, 200))
def test_json_lines_give_back_what_was_written(
    records: list[dict[str, Any]], ascii_only: bool, end: str, size: int
) -> None:
    written = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    raw = end.join(written).encode()
    layout = find_layout(raw, True, raw, JSON_LINES, SPEC, URI)
    lines = found(raw, layout, SPEC, NO_LIMIT, lambda: size)
    assert [raw[start : start + length].decode() for _, start, length, *_ in lines] == written
    for line, record in zip(lines, records, strict=True):
        content = outcome(line, raw, layout)
        if content == "no_text":
            assert record["text"] is None or not str(record["text"]).strip()
            continue
        assert isinstance(content, tuple)
        text, title, metadata = content
        assert text == record["text"] or json.loads(text) == record["text"]
        assert title == (" ".join(record.get("title", "").split()) or None)
        assert metadata == {"meta": record["meta"]} if "meta" in record else metadata == {}
