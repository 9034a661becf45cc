"""Bytes of all kinds, through the processes that parse: a text, or an error of the document; and the processes live on.

Samples of each format with some bytes changed, whole archives around changed contents, mail with odd parts, HTML that is
none, text in odd encodings, and noise; each under some name and some media type.
"""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzzing.rows import MEDIA_TYPE, SAMPLES
from fuzzing.targets import TAKEN, Place, Target, Trial, Trouble, code_of
from fuzzing.values import DEEP, LONG_NUMBER, WORD, nested
from listener.chunking.splitting import chunk
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.errors import DocumentError

TIMEOUT_SECONDS = 3.0
MEMORY_MB = 500
MOST_TEXT = 64 * 2**20
FILES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix != ".md")
PACKAGES = [name for name in FILES if name.rpartition(".")[2] in ("docx", "odt", "epub", "xlsx", "ods", "pptx", "odp")]
PACKAGES.remove("encrypted.xlsx")  # which is none

MUTATION = st.tuples(
    st.sampled_from(["flip", "cut", "insert", "double", "zero", "swap"]),
    st.floats(0, 1),
    st.integers(0, 255),
    st.binary(max_size=8),
)
MUTATIONS = st.lists(MUTATION, min_size=1, max_size=8)


@cache
def _sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def _mutated(data: bytes, mutations: list[tuple[str, float, int, bytes]]) -> bytes:
    for how, place, number, more in mutations:
        at = int(place * len(data))
        there = data[at : at + 1 + number]
        new = {
            "flip": bytes(byte ^ (number | 1) for byte in there[:1]), "cut": b"", "insert": more + there, "double": there * 20,
            "zero": bytes(len(there)), "swap": there[::-1],
        }[how]  # fmt: skip
        data = data[:at] + new + data[at + (1 if how == "flip" else len(there)) :]
    return data


def _repacked(
    name: str, place: float, mutations: list[tuple[str, float, int, bytes]], replacement: bytes | None
) -> bytes:
    """Change one file inside of a package, so that the archive itself is whole."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(_sample(name))) as whole,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        names = whole.namelist()
        chosen = names[min(int(place * len(names)), len(names) - 1)]
        for one in names:
            inside = whole.read(one)
            if one == chosen:
                inside = _mutated(inside, mutations) if replacement is None else replacement
            changed.writestr(one, inside)
    return out.getvalue()


SAMPLE = st.sampled_from(FILES).flatmap(
    lambda name: st.tuples(st.just(name), MUTATIONS.map(lambda how: _mutated(_sample(name), how)))
)
BOMB = st.sampled_from(
    [bytes(40_000_000), b"<a>" * 100_000, b"<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'>" + b"<!ENTITY b '&a;&a;&a;'>" * 50]
)
PACKAGE = st.sampled_from(PACKAGES).flatmap(
    lambda name: st.tuples(
        st.just(name), st.builds(_repacked, st.just(name), st.floats(0, 1), MUTATIONS, st.none() | st.none() | BOMB)
    )
)
TAG = st.sampled_from([
    "<p>", "</p>", "<table>", "<tr>", "<td>", "<td colspan=99999>", "<script>", "</script>", "<!--", "-->", "<![CDATA[", "]]>", "<pre>",
    "<ul>", "<li>", "<a href='", "<img src=x alt=\"", "<title>", "</title>", "<svg>", "<math>", "<template>", "<b", "<", ">", "&", "&#0;",
    "&#xD800;", "&#99999999999;", "&nbsp;", "<h1>", "<h7>", "<base href=//x>", "<meta charset=utf-7>", "<plaintext>", "<frameset>",
    "<select><option>", "<input value='", "\0", "\x1b", "é", "text ", "\n",
]) | WORD  # fmt: skip
DEEP_HTML = (
    nested("<div>", "</div>", "text")
    | nested("<ul><li>", "", "text")
    | nested("<table><tr><td>", "", "text")
    | nested("<b>", "")
)
HTML = st.lists(TAG, max_size=40).map("".join) | DEEP_HTML
HEADER = st.sampled_from([
    "From: a@b", "Subject: =?utf-8?b?w6k=?=", "Subject: =?x?q?" + "=" * 500 + "?=", "MIME-Version: 1.0", "Content-Type: text/html",
    "Content-Type: multipart/mixed; boundary=x", 'Content-Type: multipart/mixed; boundary="x', "Content-Type: multipart/alternative",
    "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable",
    "Content-Type: text/plain; charset=utf-7", "Content-Disposition: attachment; filename*=utf-8''%ff%00/../x", "Date: x", " folded",
    "Content-Type: application/pdf; name==?q?", "To: " + "(" * 3000, "Content-Type: text/plain; charset=" + "x" * 5000, "X" * 20_000, ":",
    "Received: " + "\"" * 5000, "Content-Disposition: attachment; " + "filename*0=a;" * 500, "Content-Transfer-Encoding: uuencode",
]) | WORD  # fmt: skip
BODY = (
    st.sampled_from(
        ["", "text", "--x\n", "--x--\n", "=ff=0", "w6k=", "begin 644 x\n#0V%T\n", "<p>text", "--x\n\n--x--"]
    )
    | WORD
)
LAYER = st.tuples(st.lists(HEADER, max_size=5), BODY).map(lambda parts: "\n".join([*parts[0], "", parts[1]]))
DEEP_MAIL = st.sampled_from([10, 200, 5000]).map(
    lambda depth: "Content-Type: message/rfc822\n\n" * depth + "Subject: s\n\ntext"
) | (
    st.sampled_from([10, 200, 2000]).map(
        lambda depth: (
            "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth)) + "\ntext"
        )
    )
)
MAIL = (
    st.tuples(st.just("From: a\nTo: b\n"), st.lists(LAYER, min_size=1, max_size=4).map("\n".join)).map("".join)
    | DEEP_MAIL
)
ENCODED = st.tuples(
    WORD | st.lists(WORD, max_size=10).map("\n".join),
    st.sampled_from(
        [
            "utf-8",
            "utf-16",
            "utf-16-le",
            "utf-32",
            "utf-7",
            "cp1252",
            "koi8-r",
            "shift_jis",
            "gb18030",
            "iso2022_jp",
            "cp037",
        ]
    ),
).map(lambda both: both[0].encode(both[1], "replace"))
TEXT = (
    ENCODED
    | (DEEP | LONG_NUMBER).map(str.encode)
    | st.sampled_from(["# " * 5000, "#" * 9000, "`" * 9000, "|" * 9000, "> " * 3000, "- " * 3000, "[" * 9000, "*a_" * 3000, " " * 30_000,
                       "---\ntitle: " + " " * 20_000, "```\n" * 3000, "a" * 300_000, "\r" * 5000, "\u2028" * 5000]).map(str.encode)
)  # fmt: skip
RTF = st.lists(st.sampled_from([
    "{\\rtf1", "{", "}", "\\bin99999999 ", "\\u-99999?", "\\'zz", "\\pict", "\\par ", "text", "\\object", "\\trowd\\cell", "{\\*\\x",
]), max_size=30).map(lambda parts: ("{\\rtf1" + "".join(parts)).encode())  # fmt: skip
PDF = st.lists(st.sampled_from([
    b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj ", b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 9999999>>endobj ", b"<<" * 2000, b"[" * 3000,
    b"stream\n", b"endstream ", b"trailer<</Root 1 0 R/Prev 0>>", b"startxref\n0\n%%EOF", b"xref\n0 99999999\n", b"/Length 99999999999",
    b"/Filter[/FlateDecode/LZWDecode/ASCIIHexDecode]", b"(" * 2000, b"<</Kids[1 0 R 1 0 R]>>",
]), max_size=12).map(lambda parts: b"%PDF-1.7\n" + b"".join(parts))  # fmt: skip
NAME = (
    st.sampled_from(
        [
            *FILES,
            "a.html",
            "a.eml",
            "a.txt",
            "a.md",
            "a.json",
            "a.xml",
            "a.svg",
            "a.csv",
            "a",
            "a.zip",
            "a.py",
            "a.mbox",
        ]
    )
    | WORD
)


class Document(NamedTuple):
    """A document, what it is called, and what it is told to be."""

    name: str
    media_type: str | None
    data: bytes


def _of(data: st.SearchStrategy[bytes], name: str) -> st.SearchStrategy[Document]:
    return st.builds(Document, st.just(name), st.none(), data)


ANY_BYTES = (
    st.binary(max_size=300)
    | TEXT
    | RTF
    | PDF
    | HTML.map(str.encode)
    | MAIL.map(str.encode)
    | SAMPLE.map(lambda both: both[1])
)
INPUTS = st.one_of(
    st.builds(lambda both: Document(both[0], None, both[1]), SAMPLE),
    st.builds(lambda both: Document(both[0], None, both[1]), PACKAGE),
    _of(HTML.map(str.encode), "a.html"), _of(MAIL.map(str.encode), "a.eml"), _of(TEXT, "a.md"), _of(TEXT, "a.txt"), _of(RTF, "a.rtf"),
    _of(PDF, "a.pdf"), st.builds(Document, NAME, st.none() | MEDIA_TYPE, ANY_BYTES),
)  # fmt: skip


class _Documents:
    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._parsers = Parsers(workers)

    async def case(self, given: Document) -> str:
        try:
            parsed = await self._parsers.parse(given.data, uri=f"file:///{given.name}", media_type=given.media_type)
        except DocumentError as error:
            return code_of(error, DocumentError)
        check_text(parsed.text, parsed.title, parsed.metadata)
        pages = list(parsed.pages)
        assert [0, *pages, len(parsed.text)] == sorted([0, *pages, len(parsed.text)]), f"pages at {pages}"
        if len(parsed.text) < 50_000:
            _check_chunks(parsed.text, parsed.media_type)
        return TAKEN

    async def after(self) -> list[Trouble]:
        """See that processes still parse."""
        with suppress(DocumentError):
            parsed = await self._parsers.parse(b"<p>Valves</p>", uri="file:///a.html")
            if parsed.text.strip() == "Valves":
                return []
        return [Trouble("the processes that parse don't any more", f"{len(self._workers.pids())} are there")]


def check_text(text: str, title: str | None, metadata: Any) -> None:
    """Raise AssertionError for what tables can't hold, or is no text."""
    assert text.strip()
    assert len(text) <= MOST_TEXT
    whole = json.dumps([text, title, dict(metadata)], allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in whole.replace("\\\\", ""), "a NUL"
    whole.encode()  # no half of a pair


def _check_chunks(text: str, media_type: str) -> None:
    for one in chunk(text, media_type, 200, 20):
        assert 0 <= one.start < one.end <= len(text), f"a chunk from {one.start} to {one.end} of {len(text)} characters"


@asynccontextmanager
async def opened(_: Place) -> AsyncIterator[Trial]:
    async with Workers(1, TIMEOUT_SECONDS, MEMORY_MB) as workers:
        documents = _Documents(workers)
        await documents.after()  # its first process has started
        yield Trial(documents.case, documents.after)


TARGET = Target("documents", INPUTS, opened, few=50, round=200, seconds=30)
