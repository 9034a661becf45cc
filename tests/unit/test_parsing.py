"""Parsing: what each kind of document becomes, which bytes are text, and that bad ones fail alone with a code."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
import time
from collections.abc import Iterator

import pytest
from how_many import how_many
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from listener.documents import decoding
from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.errors import DocumentError

JAPANESE = (
    "これは日本語の文書です。データベースに文書を取り込み、検索できるようにします。\nカタカナも漢字も含みます。\n"
)
SHORT = "これは日本語の文書です。\n設定ファイルの例を以下に示します。\n"
CHINESE = "这是一个中文文档。它说明如何把文件导入数据库，并使其可以被搜索。\n下面是配置文件的示例。\n"
RUSSIAN = "Это документ на русском языке. Он описывает, как загрузить файлы в базу данных.\n"
FRENCH = "Voilà un texte français : l'été où les élèves étudient à l'école. Ça coûte cher, après Noël ?\n"
GERMAN = "Größere Änderungen müssen überprüft werden. Die Straße heißt „Mühlenweg“ – schön. Preis: 5 €\n"
ARABIC = "هذا مستند باللغة العربية. يصف كيفية تحميل الملفات إلى قاعدة البيانات.\n"
HEBREW = "זהו מסמך בעברית. הוא מתאר כיצד לטעון קבצים לתוך מסד הנתונים של החברה.\n"
GREEK = "Αυτό είναι ένα έγγραφο στα ελληνικά. Περιγράφει τη βάση δεδομένων.\n"
KOREAN = "이것은 한국어 문서입니다. 데이터베이스에 파일을 가져오는 방법을 설명합니다.\n"


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    pool = Workers(1, timeout_seconds=30, memory_mb=512)  # serves the event loops of all tests
    yield pool
    asyncio.run(pool.close())


@pytest.fixture
def parsers(workers: Workers) -> Parsers:
    return Parsers(workers)


async def error_of(parsers: Parsers, data: bytes, uri: str, media_type: str | None = None) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        await parsers.parse(data, uri=uri, media_type=media_type)
    assert uri in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.py", "a.json", "README", "a.unknown", "a"])
async def test_nothing_rewrites_text_and_no_worker_is_needed(name: str) -> None:
    text = "#  x\r\n\ttab  \n\n\n* a *\x0cé 😀\u2028 &amp; <b>\r"
    async with Workers(1, timeout_seconds=30, memory_mb=512) as workers:
        assert (await Parsers(workers).parse(text.encode(), uri=f"file:///d/{name}")).text == text
        assert workers.pids() == []


@pytest.mark.parametrize(
    ("uri", "declared", "expected"),
    [
        ("file:///d/a.md", None, "text/markdown"),
        ("file:///d/A.PY", None, "text/x-python"),
        ("file:///d/Makefile", None, "text/x-makefile"),
        ("file:///d/a.ts", None, "text/x-typescript"),
        ("file:///d/a.log", None, "text/plain"),
        ("file:///d/a.md", "text/plain", "text/plain"),
        ("a", "text/markdown; charset=utf-8", "text/markdown"),
        ("a", "Text/X-Rust", "text/x-rust"),
        ("a", "application/vnd.api+json", "application/vnd.api+json"),
        ("file:///d/a.py", "application/octet-stream", "text/x-python"),
    ],
)
async def test_the_media_type_is_the_declared_one_or_that_of_the_name(
    parsers: Parsers, uri: str, declared: str | None, expected: str
) -> None:
    assert (await parsers.parse(b"words", uri=uri, media_type=declared)).media_type == expected


@pytest.mark.parametrize(
    ("uri", "declared", "data", "named"),
    [
        ("a.md", None, b"\x1f\x8b\x08\0", "application/gzip"),
        ("a.html", "text/html", b"\x7fELF\x02", "application/x-elf"),
        ("a.parquet", None, b"words", "parquet"),
        ("a.svg", None, b"<svg/>", "image/svg"),
        ("a.md", "image/png", b"words", "image/png"),
        ("a", None, b"\x89PNG\r\n\x1a\n\0", "image/png"),
        ("a", None, b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("a", None, b"words\0words", "application/octet-stream"),
        ("a.txt", None, bytes(range(256)) * 40, "application/octet-stream"),
    ],
)
async def test_other_formats_are_unsupported_by_name(
    parsers: Parsers, uri: str, declared: str | None, data: bytes, named: str
) -> None:
    error = await error_of(parsers, data, uri, declared)
    assert error.code == "unsupported"
    assert named in error.message


@pytest.mark.parametrize(
    ("data", "uri", "code"),
    [
        (b"", "a.md", "empty_document"),
        (b" \n\t", "a.md", "no_text"),
        (b"\0\0\0", "a.md", "no_text"),
        (codecs.BOM_UTF8, "a.md", "no_text"),
        (b"<html><script>x()</script></html>", "a.html", "no_text"),
    ],
)
async def test_documents_without_text_say_so(parsers: Parsers, data: bytes, uri: str, code: str) -> None:
    assert (await error_of(parsers, data, uri)).code == code


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (JAPANESE, "shift_jis"), (JAPANESE, "euc_jp"), (JAPANESE, "iso2022_jp"), (JAPANESE, "utf-16-le"),
        (JAPANESE, "utf-16-be"), (SHORT, "utf-16-le"), (SHORT, "utf-16-be"),
        (CHINESE, "utf-16-le"), (KOREAN, "utf-16-be"), (CHINESE, "gb18030"), (CHINESE, "big5"),
        (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (RUSSIAN, "iso8859-5"), (ARABIC, "iso8859-6"), (ARABIC, "cp1256"),
        (HEBREW, "cp1255"), (KOREAN, "iso2022_kr"),
        (RUSSIAN, "utf-16-le"), (FRENCH, "latin-1"), (GERMAN, "cp1252"), (GREEK, "cp1253"), (KOREAN, "euc_kr"),
        (FRENCH, "utf-16"), (FRENCH, "utf-16-le"), (FRENCH, "utf-16-be"), (FRENCH, "utf-32"), (FRENCH, "utf-32-le"),
        (FRENCH, "utf-32-be"), (GERMAN, "utf-8-sig"), ("int main(void); // café au lait\n" * 3, "latin-1"),
        ("Plain words, long enough.\n", "utf-16-le"), ("Plain words, long enough.\n", "utf-16-be"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ascii_before", [0, 200_000])
async def test_encodings_are_recognized(text: str, encoding: str, ascii_before: int) -> None:
    text = "word " * (ascii_before // 5) + text * 3
    if encoding == "big5":
        text = "".join(character for character in text if character.encode("big5", "ignore"))
    parsed = await PARSERS.parse(text.encode(encoding), uri="a.txt")
    assert parsed.text == text
    assert ("encoding" in parsed.metadata) == (encoding != "utf-8-sig")


@pytest.mark.parametrize("charset", ["base64", "punycode", "unicode_escape", "idna", "rot13", "undefined", "nonsense"])
async def test_a_declared_charset_that_is_none_is_ignored(parsers: Parsers, charset: str) -> None:
    assert (
        await parsers.parse(b"caf\\u00e9", uri="a", media_type=f"text/plain; charset={charset}")
    ).text == "caf\\u00e9"


async def test_a_declared_charset_is_believed_if_it_fits(parsers: Parsers) -> None:
    told = await parsers.parse("łódź".encode("iso8859-2"), uri="a", media_type='text/plain; charset="ISO-8859-2"')
    assert told.text == "łódź"
    lie = await parsers.parse(JAPANESE.encode(), uri="a", media_type="text/plain; charset=us-ascii")
    assert lie.text == JAPANESE


async def test_a_few_broken_places_in_utf8_are_replaced_and_counted(parsers: Parsers) -> None:
    data = GERMAN.encode() + b"\xff and \xc3( " + RUSSIAN.encode()[:-2]
    parsed = await parsers.parse(data, uri="a.md")
    assert parsed.text.startswith(GERMAN + "\ufffd and \ufffd( Это")
    assert parsed.metadata == {"replaced": 2}


async def test_nuls_are_removed_and_counted_in_what_is_told_to_be_text(parsers: Parsers) -> None:
    parsed = await parsers.parse("a\0bé\0 words".encode(), uri="a.md")
    assert (parsed.text, parsed.metadata) == ("abé words", {"nul_removed": 2})
    late = await parsers.parse(b"words " * 300_000 + b"\0", uri="a.md")
    assert late.metadata == {"nul_removed": 1}


PAGE = """<!doctype html><html lang="de-AT"><head><title>A &amp;
 B</title><style>p{}</style></head><body><nav>Menu</nav><script>evil()</script>
<h1>Top<a class="headerlink" href="#t">¶</a></h1><p>See <a href="/x">the link</a>, <b>bold</b>.</p>
<h2>Code</h2><pre><code class="language-python">def f():
    return 1 &lt; 2</code></pre>
<ul><li>one<ul><li>two</li></ul></li></ul>
<table><tr><th>K</th><th>V</th></tr><tr><td>a|b</td><td>1</td></tr></table>
<form><p>in a form</p><button>Go</button></form><svg><title>icon</title></svg></body></html>"""


async def test_html_becomes_markdown(parsers: Parsers) -> None:
    parsed = await parsers.parse(PAGE.encode(), uri="file:///d/page.html")
    assert (parsed.media_type, parsed.title) == ("text/markdown", "A & B")
    assert parsed.metadata == {"language": "de-AT"}
    assert parsed.text == (
        "# Top\n\nSee the link, **bold**.\n\n## Code\n\n```python\ndef f():\n    return 1 < 2\n```\n\n"
        "- one\n  * two\n\n| K | V |\n| --- | --- |\n| a\\|b | 1 |\n\nin a form\n"
    )


async def test_html_is_known_by_name_declaration_or_content(parsers: Parsers) -> None:
    for uri, declared in (("a.htm", None), ("a", "application/xhtml+xml"), ("a", None), ("a.php?x=1", "text/html")):
        assert (await parsers.parse(PAGE.encode(), uri=uri, media_type=declared)).title == "A & B"
    assert (await parsers.parse(PAGE.encode(), uri="a.txt")).text == PAGE


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"# One #\n\n# Two", "One"),
        (b"```\n# code\n```\ntext\n# Real", "Real"),
        (b"---\ntags: x\ntitle: 'Front'\n---\n# One", "Front"),
        (b"---\ntags: x\n---\n# One", "One"),
        (b"## Second\ntext", "Second"),
        (b"#tag\n#!x", None),
    ],
)
async def test_markdown_has_the_title_of_its_front_matter_or_first_heading(
    parsers: Parsers, data: bytes, title: str | None
) -> None:
    assert (await parsers.parse(data, uri="a.md")).title == title


async def test_html_without_title_has_that_of_its_first_heading(parsers: Parsers) -> None:
    page = b"<pre># no title</pre><h1>The <em>one</em></h1><svg><title>icon</title></svg>"
    assert (await parsers.parse(page, uri="a.html")).title == "The one"


@pytest.mark.parametrize(
    ("real", "declared"),
    [
        ("utf-8", "iso-8859-1"),
        ("utf-8", "shift_jis"),
        ("latin-1", "utf-8"),
        ("latin-1", "us-ascii"),
        ("cp1252", "x-user-defined"),
        ("utf-16", "utf-8"),
        ("latin-1", "iso-8859-1"),
    ],
)
async def test_a_meta_charset_is_believed_only_where_it_can_be_true(parsers: Parsers, real: str, declared: str) -> None:
    page = f"<html><head><meta charset='{declared}'></head><p>{FRENCH}</p></html>"
    assert FRENCH.strip() in (await parsers.parse(page.encode(real), uri="a.html")).text


async def test_a_meta_charset_helps_where_detection_could_not(parsers: Parsers) -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2"><p>ł ą</p>'
    assert (await parsers.parse(page.encode("iso-8859-2"), uri="a.html")).text == "ł ą\n"


async def test_nesting_without_end_is_told_and_harms_nobody(parsers: Parsers) -> None:
    deep = b"<div>" * 100_000 + b"lost" + b"</div>" * 100_000
    assert "1,024" in (await error_of(parsers, deep, "deep.html")).message
    assert (await parsers.parse(b"<p>kept</p>" + deep, uri="deep.html")).metadata == {"too_deep": True}


async def test_a_million_characters_in_one_line(parsers: Parsers) -> None:
    assert len((await parsers.parse("é".encode() * 1_000_000, uri="a.md")).text) == 1_000_000
    assert len((await parsers.parse(b"<p>" + b"words " * 200_000, uri="a.html")).text) > 1_000_000


async def test_an_html_page_over_the_memory_limit_fails_alone() -> None:
    huge = b"<p>Some words and <b>bold</b> ones.</p>\n" * 300_000  # 12 MB
    async with Workers(1, timeout_seconds=60, memory_mb=150) as workers:
        parsers = Parsers(workers)
        page = asyncio.create_task(parsers.parse(PAGE.encode(), uri="good.html"))
        error = await error_of(parsers, huge, "huge.html")
        assert error.code == "parser_memory"
        assert "INGEST_PARSE_MEMORY_MB" in error.hint
        assert (await page).title == (await parsers.parse(PAGE.encode(), uri="good.html")).title


async def test_a_parser_that_takes_too_long_fails_alone() -> None:
    slow = b"<p>Some words and <b>bold</b> ones.</p>\n" * 300_000
    async with Workers(1, timeout_seconds=0.3, memory_mb=2000) as workers:
        parsers = Parsers(workers)
        assert (await error_of(parsers, slow, "slow.html")).code == "parser_timeout"
        assert (await parsers.parse(b"words", uri="a.md")).text == "words"


async def test_a_parser_that_crashes_fails_alone(parsers: Parsers, workers: Workers) -> None:
    await parsers.parse(PAGE.encode(), uri="good.html")
    [pid] = workers.pids()
    os.kill(pid, signal.SIGSEGV)
    error = await error_of(parsers, PAGE.encode(), "bad.html")
    assert error.code == "parser_crashed"
    assert "SIGSEGV" in error.message
    assert (await parsers.parse(PAGE.encode(), uri="good.html")).title == "A & B"


async def test_large_texts_do_not_hold_the_event_loop(parsers: Parsers) -> None:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)

    ticking = asyncio.create_task(tick())
    begin = time.monotonic()
    for data in (JAPANESE.encode() * 100_000, GERMAN.encode("cp1252") * 100_000):
        await parsers.parse(data, uri="a.txt")
    took = time.monotonic() - begin
    ticking.cancel()
    assert longest < max(0.15, took / 4)


def is_storable(text: str) -> bool:
    return "\0" not in text and text.encode().decode() == text


@settings(max_examples=how_many(400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(bytes.__add__, st.sampled_from([mark for mark, _ in decoding.MARKS]), st.binary(max_size=60)),
        st.builds(str.encode, st.text(max_size=60), st.sampled_from(["utf-8", "utf-16-le", "utf-7"])),
    ),
    st.sampled_from([None, "utf-8", "utf-16", "shift_jis", "iso2022_jp", "cp1252", "hz", "utf-7", "\u00e9"]),
    st.booleans(),
    st.booleans(),
)
@example(b"\xff\xfe\x00\xd8", None, True, False)
@example(b"\x1b$B\xff", None, True, False)
def test_any_bytes_are_valid_text_or_binary(data: bytes, charset: str | None, told: bool, html: bool) -> None:
    try:
        text, notes = decoding.decode(data, charset, told=told, html=html)
    except decoding.Binary:
        return
    assert is_storable(text)
    assert set(notes) <= {"encoding", "replaced", "nul_removed"}


FUZZ = st.lists(
    st.one_of(
        st.sampled_from(
            [b"<p>", b"</p>", b"<table><tr><td>", b"<!--", b"-->", b"<![CDATA[", b"<pre>", b"&#0;", b"&#xD800;",
             b"<title>", b"</title>", b"<h1>", b"<a href='", b"<svg>", b"<meta charset=utf-16>",
             b"<ul><li>", b"<b><i></b>", b"\0", b"<", b"%PDF-1.7\n", b"PK\x03\x04", b"{\\rtf1 "]
        ),
        st.binary(max_size=20),
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@settings(max_examples=how_many(40), deadline=None)
@given(st.lists(st.tuples(FUZZ, st.sampled_from(["a.html", "a.md", "a"])), min_size=20, max_size=40))
def test_any_document_is_parsed_or_fails_with_a_code(documents: list[tuple[bytes, str]]) -> None:
    async def outcomes() -> list[Parsed | BaseException]:
        parsing = (PARSERS.parse(data, uri=uri) for data, uri in documents)
        return await asyncio.gather(*parsing, return_exceptions=True)

    for outcome in asyncio.run(outcomes()):
        if isinstance(outcome, Parsed):
            assert is_storable(outcome.text + (outcome.title or ""))
            assert outcome.text.strip()
        else:
            assert isinstance(outcome, DocumentError)
            assert outcome.code in {"empty_document", "no_text", "unsupported", "parser_failed"}


WORKERS = Workers(2, timeout_seconds=30, memory_mb=512)  # one pool for all examples, in as many event loops
PARSERS = Parsers(WORKERS)


@pytest.fixture(scope="module", autouse=True)
def _closed_at_the_end() -> object:
    yield
    asyncio.run(WORKERS.close())
