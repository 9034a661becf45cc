"""JSON Lines and CSV, whole and broken: each record is a document or an error with a code, wherever blocks end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzzing.documents import check_text
from fuzzing.targets import TAKEN, Place, Target, Trial, code_of
from fuzzing.values import BROKEN, DEEP, JSON, LONG_NUMBER, WORD, written
from listener.errors import DocumentError, IngestError, RequestError
from listener.sources.records.extracting import extract
from listener.sources.records.layout import Layout, find_layout
from listener.sources.records.scanning import begin, scan
from listener.sources.records.spec import parse_spec

NAMES = st.sampled_from(["text", "id", "title", "meta", "", "x y", "é"]) | WORD
SPEC = st.fixed_dictionaries(
    {"text": st.just("text") | st.just(["text", "title"]) | st.lists(NAMES, max_size=3)},
    optional={"id": st.just("id") | NAMES, "title": NAMES, "metadata": st.lists(NAMES, max_size=3)},
)
VALUE = JSON.map(written) | DEEP | LONG_NUMBER | BROKEN
JSON_LINE = (
    st.lists(st.tuples(NAMES.map(written), VALUE).map(": ".join), max_size=4).map(
        lambda pairs: "{" + ", ".join(pairs) + "}"
    )
    | VALUE
    | st.just('{"id": 1, "text": "valves"}')
)
CELL = WORD | st.text(st.sampled_from('",;\t|\r\n a1é'), max_size=12)
CSV_LINE = st.lists(CELL | CELL.map('"{}"'.format), max_size=5).map(",".join)
SEPARATOR = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\0\n", "\u2028"])
HEADER = st.sampled_from(
    [
        "id,text,title,meta\n",
        "id;text\n",
        "id\ttext\r\n",
        "text\n",
        '"id","te\nxt"\n',
        "",
        "text,text\n",
        "\ufeffid,text\n",
    ]
)
ENCODING = st.sampled_from(["utf-8", "utf-8", "utf-8", "cp1252", "utf-16", "utf-8-sig", "shift_jis", "cp037"])


def _encoded(parts: tuple[str, list[str], str, str]) -> bytes:
    header, lines, separator, encoding = parts
    return (header + separator.join(lines)).encode(encoding, "replace")


class Records(NamedTuple):
    """A file, what it is, what a request says of it, and how many bytes are read at a time."""

    data: bytes
    kind: str
    spec: dict[str, Any]
    block: int
    limit: int


FILE = st.tuples(HEADER, st.lists(CSV_LINE | JSON_LINE, max_size=10), SEPARATOR, ENCODING).map(_encoded)
CSV_FILE = st.tuples(HEADER, st.lists(CSV_LINE, max_size=10), SEPARATOR, ENCODING).map(_encoded)
JSON_FILE = st.tuples(
    st.sampled_from(["", "\ufeff"]), st.lists(JSON_LINE, max_size=10), st.just("\n"), st.just("utf-8")
).map(_encoded)
USUAL = st.just({"text": "text", "id": "id", "title": "title", "metadata": ["meta"]}) | st.just({"text": "text"})
KIND = st.sampled_from(["json_lines", "csv", "tsv"])
BLOCKS = (st.integers(1, 300), st.sampled_from([8, 1000, 10**9, 10**9]))
INPUTS = st.one_of(
    st.builds(Records, FILE | st.binary(max_size=200), KIND, SPEC, *BLOCKS),
    st.builds(Records, CSV_FILE, st.just("csv"), USUAL | SPEC, *BLOCKS),
    st.builds(Records, JSON_FILE, st.just("json_lines"), USUAL | SPEC, *BLOCKS),
)


@asynccontextmanager
async def opened(_: Place) -> AsyncIterator[Trial]:
    yield Trial(_case)


def _case(given: Records) -> str:
    try:
        spec = parse_spec(given.spec)
        layout = find_layout(given.data, True, given.data, given.kind, spec, "file:///a")
    except IngestError as error:
        return code_of(error, RequestError, DocumentError)
    assert Layout(**json.loads(json.dumps(layout.as_json()))) == layout
    assert len(json.dumps(layout.as_json())) < 4096
    outcome = "no record"
    for _, start, length, line, _, failure in _scanned(given, layout, spec):
        if failure:
            outcome = code_of(failure, DocumentError)
            continue
        assert length <= given.limit
        [content] = extract(given.data[start : start + length], [(0, length, f"line {line}")], layout, spec)
        if isinstance(content, DocumentError):
            outcome = code_of(content, DocumentError)
        else:
            check_text(*content)
            outcome = TAKEN
    return outcome


def _scanned(given: Records, layout: Layout, spec: Any) -> list[Any]:
    lines: list[Any] = []
    least = max(given.block, len(given.data) // 500)  # what is skipped is skipped block by block
    state, size = begin("file:///a", layout, spec, given.limit), least
    for _ in range(len(given.data) * 2 + 10):
        if state.offset >= len(given.data):
            return lines
        block = given.data[state.offset : state.offset + size]
        more, after = scan(block, state, state.offset + len(block) == len(given.data))
        size = size * 2 if after == state else least
        lines += more
        state = after
    raise AssertionError(f"reading does not get beyond {state.offset}")


TARGET = Target("records", INPUTS, opened, few=60, round=1000)
