"""Records: which files are containers, what is found in them, what of it fails alone, and what becomes text."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from listener.documents.parsed import Parsed
from listener.documents.pool import Workers
from listener.errors import DocumentError, RequestError
from listener.settings import Settings
from listener.sources.base import UNCHANGED, Fetched, Found, Known, Ready, RecordFile, Refused, SourceTools, Wanted
from listener.sources.files import Files
from listener.sources.options import RequestOptions
from listener.sources.records import finding as finding_module
from listener.sources.records.finding import Entry, Records
from listener.sources.records.layout import Layout
from listener.sources.records.loading import content_hash, load
from listener.sources.records.source import RecordSource
from listener.sources.records.spec import RecordSpec, kind_of, parse_spec

MEBIBYTE = 1024 * 1024
URI = "file:///srv/data/a"
BODY = RecordSpec(text=("body",), id="id")


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    pool = Workers(1, timeout_seconds=30, memory_mb=1024)  # serves the event loops of all tests
    yield pool
    asyncio.run(pool.close())


@pytest.fixture
def tools(workers: Workers, threads: ThreadPoolExecutor) -> Tools:
    return Tools(workers, threads)


class Tools:
    """Finds and loads the records of some bytes."""

    def __init__(self, workers: Workers, threads: ThreadPoolExecutor) -> None:
        self.workers = workers
        self.threads = threads
        self.longest_read = 0

    async def find(
        self, data: bytes, spec: RecordSpec = BODY, kind: str = "json_lines", limit: int = MEBIBYTE
    ) -> tuple[Layout, list[Entry]]:
        records = self.records(data, spec, kind, limit)
        layout = await records.layout()
        return layout, [entry async for page in records.pages(layout) for entry in page]

    def records(self, data: bytes, spec: RecordSpec, kind: str, limit: int, size: int = 0) -> Records:
        async def read_range(start: int, length: int) -> bytes:
            self.longest_read = max(self.longest_read, length)
            return data[start : start + length]

        return Records(read_range, size or len(data), uri=URI, kind=kind, spec=spec, limit=limit, workers=self.workers)

    def files(self, root: Path) -> Files:
        return Files(SourceTools(Settings(), self.threads, self.workers), [root])

    async def load(
        self, data: bytes, layout: Layout, entries: Sequence[Entry], spec: RecordSpec = BODY
    ) -> list[Parsed | DocumentError]:
        async def read_ranges(ranges: Sequence[tuple[int, int]]) -> list[bytes]:
            return [data[start : start + length] for start, length in ranges]

        return await load(read_ranges, entries, layout=layout, spec=spec, workers=self.workers)

    async def texts(self, data: bytes, spec: RecordSpec = BODY, kind: str = "json_lines") -> list[str]:
        """Return the text, or the code of the error, of each record."""
        return [one.text if isinstance(one, Parsed) else one.code for one in await self.contents(data, spec, kind)]

    async def contents(
        self, data: bytes, spec: RecordSpec = BODY, kind: str = "json_lines"
    ) -> list[Parsed | DocumentError]:
        layout, entries = await self.find(data, spec, kind)
        loaded = iter(await self.load(data, layout, [entry for entry in entries if not entry.error], spec))
        return [entry.error or next(loaded) for entry in entries]

    async def container_error(self, data: bytes, kind: str = "csv", spec: RecordSpec = BODY) -> DocumentError:
        with pytest.raises(DocumentError) as caught:
            await self.find(data, spec, kind)
        assert URI in caught.value.message
        assert caught.value.hint
        return caught.value


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def names(entries: Sequence[Entry]) -> list[str]:
    """Return the entries' names, with the code of those that failed."""
    return [entry.uri.removeprefix(URI) + (f" {entry.error.code}" if entry.error else "") for entry in entries]


# the option


def test_the_option_names_text_id_title_and_metadata() -> None:
    spec = parse_spec({"text": ["title", "body"], "id": "id", "title": "title", "metadata": ["a", "b.c"]})
    assert spec == RecordSpec(("title", "body"), "id", "title", ("a", "b.c"))
    assert spec.names == ("title", "body", "id", "a", "b.c")
    assert parse_spec({"text": "body", "metadata": "tags"}) == RecordSpec(("body",), metadata=("tags",))


@pytest.mark.parametrize(
    "record",
    [
        "body", [], {}, {"id": "id"}, {"text": []}, {"text": ""}, {"text": " "}, {"text": 1}, {"text": ["a", None]},
        {"text": "a", "ident": "b"}, {"text": "a", "id": ["b"]}, {"text": "a", "metadata": {"b": "c"}},
        {"text": "a", "title": "\0"}, {"text": "a", "metadata": ["x" * 100 + str(number) for number in range(100)]},
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused_with_an_example(record: object) -> None:
    with pytest.raises(RequestError) as caught:
        parse_spec(record)
    assert caught.value.code == "invalid_option"
    assert "'record'" in caught.value.message
    assert '"text"' in caught.value.hint


@pytest.mark.parametrize(
    ("uri", "media_type", "kind"),
    [
        ("file:///a/b.jsonl", None, "json_lines"), ("x.NDJSON", None, "json_lines"), ("x.csv", None, "csv"),
        ("x.tsv", None, "tsv"), ("x.json", None, None), ("x.md", None, None), ("x", None, None),
        ("x", "application/x-ndjson", "json_lines"), ("x", "text/csv; charset=utf-8", "csv"),
        ("x.csv", "text/plain", None), ("x.csv", "application/octet-stream", "csv"),
    ],
)  # fmt: skip
def test_a_container_is_known_by_its_media_type_or_else_its_name(uri: str, media_type: str, kind: str | None) -> None:
    assert kind_of(uri, media_type) == kind


# JSON Lines


async def test_each_line_is_a_document_under_its_id(tools: Tools) -> None:
    data = lines({"id": "a", "body": "one"}, {"id": 7, "body": "two"}, {"id": "ä b/c#=", "body": "three"})
    _, entries = await tools.find(data)
    assert names(entries) == ["#a", "#7", "#%C3%A4%20b/c%23%3D"]
    assert [entry.line for entry in entries] == [1, 2, 3]
    for entry in entries:
        record = data[entry.start : entry.start + entry.length]
        assert set(json.loads(record)) == {"id", "body"}
        assert entry.digest == hashlib.sha256(record).digest()
    assert await tools.texts(data) == ["one", "two", "three"]


async def test_without_an_id_the_line_number_names_the_record(tools: Tools) -> None:
    data = b'{"body": "one"}\n\n  \n{"body": "two"}\n'
    _, entries = await tools.find(data, RecordSpec(("body",)))
    assert names(entries) == ["#line=1", "#line=4"]


async def test_marks_line_ends_and_a_missing_last_one_do_not_matter(tools: Tools) -> None:
    data = b'\xef\xbb\xbf{"id": 1, "body": "one"}\r\n\r\n{"id": 2, "body": "two"}'
    _, entries = await tools.find(data)
    assert [data[entry.start : entry.start + entry.length] for entry in entries] == [
        b'{"id": 1, "body": "one"}', b'{"id": 2, "body": "two"}',
    ]  # fmt: skip
    assert [entry.line for entry in entries] == [1, 3]


async def test_a_bad_line_fails_alone_with_its_number(tools: Tools) -> None:
    bad = [
        (b'{"id": 1, "body": ', "bad_json"), (b'["id", 1]', "bad_json"), (b"7", "bad_json"), (b"{}", "missing_id"),
        (b'{"id": null}', "missing_id"), (b'{"id": {"x": 1}}', "missing_id"), (b'{"id": true}', "missing_id"),
        (b'{"id": " "}', "missing_id"), (b'{"id": "\xe9"}', "undecodable"), (b'{"id": 1} {"id": 2}', "bad_json"),
        (b'{"id": NaN}', "bad_json"), (b'{"id": "\x01"}', "bad_json"), (b'{"id": "x\0y"}', "bad_json"),
        (b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad_json"),
        (b'{"id": "' + b"x" * 2000 + b'"}', "uri_too_long"), (b'{"id": 1' + b"0" * 5000 + b"}", "bad_json"),
    ]  # fmt: skip
    good = b'{"id": "good", "body": "x"}\n'
    _, entries = await tools.find(good + b"".join(line + b"\n" + good for line, _ in bad))
    assert names(entries) == ["#good"] + [
        name for number, (_, code) in enumerate(bad) for name in (f"#line={2 * number + 2} {code}", "#good")
    ]
    for entry in entries:
        if entry.error:
            assert f"line {entry.line} of {URI}" in entry.error.message
            assert entry.error.hint


async def test_a_line_over_the_limit_fails_alone_and_is_never_held(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding_module, "BLOCK", 64 * 1024)
    long = b'{"id": 1, "body": "' + b"x" * MEBIBYTE + b'"}\n'
    data = lines({"id": "a", "body": "one"}) + long * 8 + lines({"id": "b", "body": "two"}) + long[:-1]
    _, entries = await tools.find(data, limit=100_000)
    assert names(entries) == ["#a", *(f"#line={line} too_large" for line in range(2, 10)), "#b", "#line=11 too_large"]
    assert tools.longest_read <= 200_000
    _, entries = await tools.find(data, limit=len(long) - 1)
    assert names(entries) == ["#a", *["#1"] * 8, "#b", "#1"]


async def test_a_line_of_50_megabytes_works_below_the_limit(tools: Tools) -> None:
    data = lines({"id": "a", "body": "one"}, {"id": "b", "body": "word " * 10 * MEBIBYTE}, {"id": "c", "body": "two"})
    layout, entries = await tools.find(data, limit=64 * MEBIBYTE)
    assert names(entries) == ["#a", "#b", "#c"]
    [large] = await tools.load(data, layout, entries[1:2])
    assert isinstance(large, Parsed)
    assert len(large.text) == 50 * MEBIBYTE


async def test_fields_become_text_title_and_metadata(tools: Tools) -> None:
    spec = RecordSpec(("title", "a.b", "c.d", "n"), None, "title", ("n", "list", "a.b", "gone", "none"))
    record = {"title": " A\n  title ", "a": {"b": "deep"}, "c.d": "dotted", "c": {"d": "no"}, "n": 1.5,
              "list": [1, {"x": "y\0\ud800"}], "none": None}  # fmt: skip
    [parsed] = await tools.contents(lines(record), spec)
    assert isinstance(parsed, Parsed)
    assert parsed.text == " A\n  title \n\ndeep\n\ndotted\n\n1.5"
    assert parsed.title == "A title"
    assert parsed.metadata == {"n": 1.5, "list": [1, {"x": "y\ufffd"}], "a.b": "deep", "none": None}
    assert parsed.media_type == "text/plain"


async def test_values_that_are_no_strings_are_written_as_json(tools: Tools) -> None:
    values: list[object] = [True, 12, [1, "é"], {"a": None}, "NUL\0 half \ud83d whole \U0001f600"]
    assert await tools.texts(lines(*({"id": 1, "body": value} for value in values))) == [
        "true", "12", '[1,"é"]', '{"a":null}', "NUL half \ufffd whole \U0001f600",
    ]  # fmt: skip


async def test_what_has_no_text_fails_alone(tools: Tools) -> None:
    bodies: list[object] = ["", "  \n", None, "\0"]
    data = lines(*({"id": 1, "body": body} for body in bodies), {"id": 1}, {"id": 1, "body": "words"})
    assert await tools.texts(data) == ["no_text"] * 4 + ["missing_field", "words"]
    error = (await tools.contents(data))[4]
    assert isinstance(error, DocumentError)
    assert error.message == f"line 5 of {URI} has no field 'body'"


async def test_metadata_that_postgres_could_not_hold_fails_alone(tools: Tools) -> None:
    spec = RecordSpec(("body",), metadata=("m",))
    data = b'{"body": "x", "m": 1e999}\n' + lines({"body": "x", "m": "y" * 70_000}, {"body": "x", "m": "y" * 60_000})
    assert await tools.texts(data, spec) == ["bad_json", "too_large", "x"]


async def test_tiny_records_come_in_pages(tools: Tools) -> None:
    records = tools.records(b'{"b":1}\n' * 3_000 + b"7\n" * 3_000, RecordSpec(("b",)), "json_lines", MEBIBYTE)
    pages = [page async for page in records.pages(await records.layout())]
    assert max(map(len, pages)) == 1000
    assert [entry.line for page in pages for entry in page] == list(range(1, 6_001))


# CSV


def table(*rows: Sequence[object], **dialect: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode()


async def test_each_row_is_a_document_and_may_span_lines(tools: Tools) -> None:
    data = table(("id", "body", "tag"), ("a", 'one, "1"\r\nmore', "x"), ("b", "two", ""), ("c", "three", "z"))
    spec = RecordSpec(("body",), "id", metadata=("tag",))
    layout, entries = await tools.find(data, spec, "csv")
    assert names(entries) == ["#a", "#b", "#c"]
    assert [entry.line for entry in entries] == [2, 4, 5]
    assert data[entries[0].start :][: entries[0].length] == b'a,"one, ""1""\r\nmore",x'
    assert await tools.texts(data, spec, "csv") == ['one, "1"\r\nmore', "two", "three"]
    [parsed] = await tools.load(data, layout, entries[:1], spec)
    assert isinstance(parsed, Parsed)
    assert parsed.metadata == {"tag": "x"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_the_delimiter_is_the_one_of_the_header(tools: Tools, delimiter: str) -> None:
    data = table(("id", "body"), ("a", "one, two; three | four\tfive"), delimiter=delimiter)
    assert await tools.texts(data, kind="csv") == ["one, two; three | four\tfive"]


async def test_the_delimiter_makes_the_fields_appear_that_are_named(tools: Tools) -> None:
    data = b"id,body,a; b; c; d\n1,text,x\n"
    assert (await tools.find(data, kind="csv"))[0].delimiter == ","
    assert (await tools.find(b"id\tbody,x\tbody\n", kind="tsv"))[0].delimiter == "\t"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8-sig", "Zoë"), ("cp1252", "Der Bär aß fünf Äpfel: schön größer, später über"), ("utf-8", "日本語")],
)
async def test_marks_and_old_charsets_are_understood(tools: Tools, encoding: str, text: str) -> None:
    data = f'id,body,Größe\n1,"{text * 20}",2\n'.encode(encoding)
    assert await tools.texts(data, RecordSpec(("body",), "id", metadata=("Größe",)), "csv") == [text * 20]


async def test_the_charset_is_found_behind_much_ascii(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_module, "BLOCK", 16 * 1024)
    late = "größer, schöner, später über alle Maßen geprüft "
    data = b"id;body\n" + b"1;plain words here\n" * 5000 + f"2;{late * 5}\n".encode("cp1252")
    layout, entries = await tools.find(data, kind="csv")
    assert layout.charset == "cp1252"
    [last] = await tools.load(data, layout, entries[-1:])
    assert isinstance(last, Parsed)
    assert last.text == late * 5


@pytest.mark.parametrize("kind", ["csv", "json_lines"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_wide_encodings_are_refused_with_a_hint(tools: Tools, encoding: str, kind: str) -> None:
    error = await tools.container_error("id,body\n1,x\n".encode(encoding), kind)
    assert error.code == "unsupported_encoding"
    assert "UTF-8" in error.hint


async def test_an_archive_that_is_named_like_a_table_is_refused_at_once(tools: Tools) -> None:
    data = b"PK\x03\x04\x14\x00\x06\x00" + os.urandom(100_000)
    for kind in ("csv", "json_lines"):
        assert (await tools.container_error(data, kind)).code == "unsupported_encoding"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_document"), (b"\n\n", "bad_header"), (b",,\n1,2,3\n", "missing_field"),
        (b"id,id,body\n", "bad_header"), (b"id,text\n1,x\n", "missing_field"), (b'id,"body\n1,x\n', "bad_header"),
        (b"id,body\r1,x\r", "bad_header"),
    ],
)  # fmt: skip
async def test_a_wrong_header_fails_the_whole_table(tools: Tools, data: bytes, code: str) -> None:
    assert (await tools.container_error(data)).code == code


async def test_a_missing_column_is_named_with_those_that_are_there(tools: Tools) -> None:
    error = await tools.container_error(b"id,text,author\n1,x,y\n")
    assert "no column 'body'" in error.message
    assert "id, text, author" in error.hint


async def test_a_bad_row_fails_alone_with_its_line(tools: Tools) -> None:
    rows = [
        "id,body",
        "1,möglich – größer",
        "2",
        "3,x,y",
        "4,four",
        '5,"open',
        "6,six",
        '7,"seven"',
        '8,"a" b',
        "9,nine",
    ]
    rows += [",ten", "", " ,", ",", "11,a\rb", '12,"\udcff"', "13,end"]
    data = "\n".join(rows).encode("utf-8", "surrogateescape")
    _, entries = await tools.find(data, kind="csv")
    assert names(entries) == [
        "#1", "#line=3 bad_row", "#line=4 bad_row", "#4", "#line=6 bad_row", "#6", "#7", "#line=9 bad_row", "#9",
        "#line=11 missing_id", "#line=13 missing_id", "#line=15 bad_row", "#line=16 undecodable", "#13",
    ]  # fmt: skip
    messages = [entry.error.message for entry in entries if entry.error]
    assert messages[0] == f"line 3 of {URI} has 1 fields, the header has 2"
    assert all(f"of {URI}" in message for message in messages)


async def test_a_quote_that_is_never_closed_costs_one_line(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where all that is behind it is more than the limit, and is read block by block."""
    monkeypatch.setattr(finding_module, "BLOCK", 16 * 1024)
    rows = b"".join(b"%d,some words\n" % number for number in range(8_000))  # 120 kB
    data = b'id,body\na,"open\n' + rows
    for limit in (10_000, 100_000, MEBIBYTE):
        _, entries = await tools.find(data, kind="csv", limit=limit)
        assert names(entries[:3]) == ["#line=2 bad_row", "#0", "#1"]
        assert len(entries) == 8_001
        assert "not closed" in str(entries[0].error)
    _, entries = await tools.find(data + b'b,"x"y\nc,end\n', kind="csv", limit=10_000)
    assert names(entries[-3:]) == ["#7999", "#line=8003 bad_row", "#c"]


async def test_a_row_over_the_limit_fails_alone(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_module, "BLOCK", 16 * 1024)
    long = b'2,"' + b'quoted ""words"", and\nlines\n' * 10_000 + b'"\n'
    _, entries = await tools.find(b"id,body\n1,one\n" + long + b"3,three\n" + long, kind="csv", limit=50_000)
    assert names(entries) == ["#1", "#line=3 too_large", "#3", "#line=20005 too_large"]
    assert tools.longest_read <= 100_000


async def test_a_header_of_thousands_of_columns_works_and_its_format_stays_small(tools: Tools) -> None:
    columns = [f"a column with a long name, number {number}" for number in range(5000)]
    spec = RecordSpec((columns[4999],), columns[7], metadata=(columns[5], columns[6]))
    data = table(columns, [f"v{number}" for number in range(5000)])
    layout, entries = await tools.find(data, spec, "csv")
    assert names(entries) == ["#v7"]
    stored = json.dumps(layout.as_json())
    assert len(stored) < 4096
    [parsed] = await tools.load(data, Layout(**json.loads(stored)), entries, spec)
    assert isinstance(parsed, Parsed)
    assert parsed.text == "v4999"
    assert parsed.metadata == {columns[5]: "v5", columns[6]: "v6"}


async def test_nuls_do_not_reach_the_text(tools: Tools) -> None:
    padding = b"0,words\n" * 100
    assert (await tools.texts(b"id,body\n" + padding + b"1,a\0b\n", kind="csv"))[-1] == "ab"


# load


async def test_a_container_that_changed_is_noticed_record_by_record(tools: Tools) -> None:
    before = lines({"id": 1, "body": "one"}, {"id": 2, "body": "two"}, {"id": 3, "body": "six"})
    layout, entries = await tools.find(before)
    after = before.replace(b"two", b"TWO")[:-3]
    first, *changed = await tools.load(after, layout, entries)
    assert isinstance(first, Parsed)
    for error in changed:
        assert isinstance(error, DocumentError)
        assert error.code == "source_changed"
        assert "again" in error.hint


async def test_a_container_that_shrinks_while_it_is_read_is_noticed(tools: Tools) -> None:
    records = tools.records(b'{"id": 1}\n', BODY, "json_lines", MEBIBYTE, size=1000)
    with pytest.raises(DocumentError) as caught:
        await records.layout()
    assert caught.value.code == "source_changed"


async def test_any_records_can_be_loaded_in_any_order(tools: Tools) -> None:
    data = lines(*({"id": number, "body": f"{number} " + "x" * 3000} for number in range(300)))
    layout, entries = await tools.find(data)
    chosen = [entries[number] for number in (250, 3, 4, 5, 3, 299, 0)]
    loaded = await tools.load(data, layout, chosen)
    assert [one.text.split()[0] for one in loaded if isinstance(one, Parsed)] == ["250", "3", "4", "5", "3", "299", "0"]
    assert await tools.load(data, layout, []) == []


async def test_a_container_that_is_gone_fails_each_of_its_records(tools: Tools, tmp_path: Path) -> None:
    layout, entries = await tools.find(lines({"id": 1, "body": "one"}, {"id": 2, "body": "two"}))
    gone = Found(f"file://{tmp_path}/gone.jsonl", f"{tmp_path}/gone.jsonl")
    read_ranges = partial(tools.files(tmp_path).read_ranges, gone)
    loaded = await load(read_ranges, entries, layout=layout, spec=BODY, workers=tools.workers)
    assert [one.code for one in loaded if isinstance(one, DocumentError)] == ["not_found"] * 2


async def test_a_record_that_needs_too_much_memory_fails_alone(tools: Tools) -> None:
    data = lines({"id": 1, "body": "one"}, {"id": 2, "body": [[]] * 3 * MEBIBYTE}, {"id": 3, "body": "three"})
    layout, entries = await tools.find(data, limit=64 * MEBIBYTE)
    async with Workers(1, timeout_seconds=30, memory_mb=130) as small:
        loaded = await Tools(small, tools.threads).load(data, layout, entries)
    assert [one.text if isinstance(one, Parsed) else one.code for one in loaded] == ["one", "parser_memory", "three"]


def test_the_content_hash_changes_with_what_is_read_from_a_record() -> None:
    layout = Layout("csv", 8, 2, "utf-8", ",", 2, {"id": 0, "body": 1})
    same = content_hash(b"x" * 32, layout, BODY)
    assert same == content_hash(b"x" * 32, Layout(**{**layout.as_json(), "start": 9}), BODY)
    others = [
        content_hash(b"y" * 32, layout, BODY),
        content_hash(b"x" * 32, Layout(**{**layout.as_json(), "positions": {"id": 1, "body": 0}}), BODY),
        content_hash(b"x" * 32, layout, RecordSpec(("body",), "id", "body")),
    ]
    assert len({same, *others}) == 4
    assert len(same) == 32


# as a source that wraps another


async def test_the_records_of_a_folder_are_found_instead_of_its_files(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"id": 1, "body": "one"}, {"id": 2, "body": "two"}))
    (tmp_path / "b.csv").write_bytes(b"id,body\n7,seven\n")
    (tmp_path / "c.md").write_bytes(b"text")
    source = RecordSource(tools.files(tmp_path), BODY, tools.workers, limit=MEBIBYTE)
    pages = [page async for page in source.discover(str(tmp_path), RequestOptions())]
    items = [item for page in pages for item in page.items]
    names = [item.uri.removeprefix(f"file://{tmp_path}/") for item in items]
    assert names == ["a.jsonl#1", "a.jsonl#2", "b.csv#7", "c.md"]
    assert isinstance(items[-1], Refused)
    assert items[-1].code == "no_records"
    assert [item.record and item.record.container for item in items if isinstance(item, Found)] == [1, 1, 2]
    assert [(file.number, file.locator) for page in pages for file in page.files] == [
        (1, f"{tmp_path}/a.jsonl"), (2, f"{tmp_path}/b.csv"),
    ]  # fmt: skip


async def test_records_of_several_files_are_read_together_and_unchanged_ones_not_at_all(
    tools: Tools, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"id": 1, "body": "one"}, {"id": 2, "body": "two"}))
    (tmp_path / "b.csv").write_bytes(b"id,body\n7,seven\n")
    source = RecordSource(tools.files(tmp_path), BODY, tools.workers, limit=MEBIBYTE)
    files: list[RecordFile] = []
    found: list[Found] = []
    async for page in source.discover(str(tmp_path), RequestOptions()):
        files += page.files
        found += [item for item in page.items if isinstance(item, Found)]
    reader = RecordSource(tools.files(tmp_path), BODY, tools.workers, files={file.number: file for file in files})
    first = await reader.read_all([Wanted(one, MEBIBYTE) for one in reversed(found)])
    assert [one.parsed.text for one in first if isinstance(one, Ready)] == ["seven", "two", "one"]
    digests = [one.digest for one in first if isinstance(one, Ready)]
    (tmp_path / "b.csv").unlink()
    known = [Wanted(found[2], MEBIBYTE, Known(digests[0])), Wanted(found[0], MEBIBYTE, Known(digests[0]))]
    unchanged, changed = await reader.read_all(known)
    assert unchanged is UNCHANGED
    assert isinstance(changed, Ready)
    with pytest.raises(DocumentError, match="not_found"):
        await reader.read(Wanted(found[2], MEBIBYTE))


async def test_a_document_that_is_no_record_is_read_by_the_source_inside(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "c.md").write_bytes(b"text")
    inner = tools.files(tmp_path)
    source = RecordSource(inner, BODY, tools.workers, files={1: RecordFile(1, "x", Layout("csv").as_json())})
    wanted = Wanted(Found(f"file://{tmp_path}/c.md", f"{tmp_path}/c.md"), 10)
    read = await source.read(wanted)
    assert isinstance(read, Fetched)
    assert replace(read, seconds=None) == await inner.read(wanted)


# local files


async def test_pieces_of_a_file_are_read_with_the_same_checks(tools: Tools, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.jsonl").write_bytes(b"0123456789")
    (tmp_path / "secret.jsonl").write_bytes(b"secret")
    (root / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    os.mkfifo(root / "pipe.jsonl")
    files = tools.files(root)
    ranges = [(3, 4), (8, 4), (20, 4)]
    for locator in (f"{root}/a.jsonl", f"file://{root}/a.jsonl"):
        assert await files.read_ranges(Found("a", locator), ranges) == [b"3456", b"89", b""]
    for name, code in (("link", "outside_roots"), ("pipe", "not_a_file"), ("gone", "not_found")):
        with pytest.raises(DocumentError) as caught:
            await files.read_ranges(Found("a", f"{root}/{name}.jsonl"), ranges)
        assert caught.value.code == code
