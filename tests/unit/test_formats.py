"""PDF and office files: what becomes of real ones, by pages, with what they say of themselves; what is refused."""

from __future__ import annotations

import asyncio
import io
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_files import opendocument
from network_guard import CAN_REFUSE, open_socket, refuse_sockets

from listener.documents import office, office_types, pdf, recognition, tidying
from listener.documents.failures import WorkerCrashed
from listener.documents.office import _joined
from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.errors import DocumentError, SettingsError

FILES = Path(__file__).parent.parent / "documents"
TABLE = "| Rope | Metres |\n| --- | --- |\n| bow | 12 |\n| stern | 9 |\n| spring | 7 |\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    workers = Workers(1, timeout_seconds=60, memory_mb=1024)
    yield workers
    asyncio.run(workers.close())


@pytest.fixture
def parsers(pool: Workers) -> Parsers:
    return Parsers(pool)


def content(name: str) -> bytes:
    return (FILES / name).read_bytes()


async def parse(parsers: Parsers, name: str) -> Parsed:
    return await parsers.parse(content(name), uri=f"file:///d/{name}")


async def error_of(parsers: Parsers, data: bytes, uri: str, media_type: str | None = None) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        await parsers.parse(data, uri=uri, media_type=media_type)
    assert uri in caught.value.message
    assert caught.value.hint
    return caught.value


def by_page(parsed: Parsed) -> list[str]:
    ends = [*parsed.pages[1:], len(parsed.text)]
    return [parsed.text[start:end].strip() for start, end in zip(parsed.pages, ends, strict=True)]


# what becomes of them


@pytest.mark.parametrize("name", ["handbook.pdf", "handbook.docx"])
async def test_a_paged_document_becomes_markdown_and_each_page_is_where_its_offset_says(
    parsers: Parsers, name: str
) -> None:
    parsed = await parse(parsers, name)
    assert parsed.media_type == "text/markdown"
    first, second, third = by_page(parsed)
    assert first.startswith(
        "# Mooring\n\nA boat is moored with two ropes, é and 船 included. Prices: 5 € < 6 €, a_b * c."
    )
    assert "\n## Ropes\n" in first
    assert first.endswith(TABLE.strip())
    assert second == "# Tides\n\nThe second page says that the tide turns twice a day."
    assert third == "# Storms\n\nThe third page says what to do when the wind rises."
    assert parsed.pages[0] == 0
    assert parsed.metadata["page_count"] == 3


@pytest.mark.parametrize("name", ["handbook.odt", "handbook.doc", "handbook.rtf", "handbook.epub"])
async def test_other_texts_become_markdown_without_pages(parsers: Parsers, name: str) -> None:
    parsed = await parse(parsers, name)
    assert parsed.media_type == "text/markdown"
    assert parsed.pages == ()
    for words in ("船 included. Prices: 5 € < 6 €, a_b * c.", "stern line", "spring", "third page says"):
        assert words in parsed.text
    assert ("# Mooring" in parsed.text) == (name in ("handbook.odt", "handbook.doc"))


async def test_what_a_document_says_of_itself_is_kept(parsers: Parsers) -> None:
    parsed = await parse(parsers, "handbook.docx")
    assert parsed.title == "Harbour handbook"
    assert parsed.metadata == {
        "authors": ["Ada Quay", "Ben Mole"],
        "created": "2024-02-03T04:05:06Z",
        "modified": "2024-03-04T05:06:07Z",
        "language": "en-GB",
        "subject": "Mooring",
        "keywords": ["boats", "ropes", "tides"],
        "page_count": 3,
    }
    pdf = await parse(parsers, "handbook.pdf")
    assert pdf.title == parsed.title
    assert {key: pdf.metadata[key] for key in ("authors", "subject", "keywords")} == {
        key: parsed.metadata[key] for key in ("authors", "subject", "keywords")
    }


async def test_slides_come_in_the_order_of_the_presentation_each_with_its_own_notes(parsers: Parsers) -> None:
    parsed = await parse(parsers, "talk.pptx")
    assert by_page(parsed) == [
        "## Numbers\n\n| Port | Range |\n| --- | --- |\n| Brest | 7 m |\n\nNotes: Read the table aloud.",
        "## Why tides matter\n\nBoats float\n\nRopes strain\n\nNotes: The moon pulls.",
        "## What to do\n\nLengthen ropes",
    ]
    assert (parsed.title, parsed.metadata["authors"], parsed.metadata["page_count"]) == ("Tide talk", ["Ada Quay"], 3)


async def test_slides_of_an_opendocument_presentation_are_pages_too(parsers: Parsers) -> None:
    first, second, third = by_page(await parse(parsers, "talk.odp"))
    assert first.startswith("## Numbers")
    assert "Read the table aloud." in first
    assert "Boats float" in second
    assert "Lengthen ropes" in third


@pytest.mark.parametrize("name", ["berths.xlsx", "berths.ods", "berths.xls"])
async def test_each_sheet_is_a_table_under_its_name(parsers: Parsers, name: str) -> None:
    parsed = await parse(parsers, name)
    assert parsed.pages == ()
    assert parsed.text.startswith(
        "## Berths\n\n| Berth | Length | Free from | Paid |\n| --- | --- | --- | --- |\n| A1 | 12.5 |"
    )
    assert "\n## Prices 2024\n\n| Kind | Euro |\n| --- | --- |\n| day | 0.3 |\n| month | 1000000 |\n" in parsed.text


async def test_a_long_sheet_is_whole(parsers: Parsers) -> None:
    parsed = await parsers.parse(workbook(30_000), uri="long.xlsx")
    assert "| row 29999 | 29999 | 3 | 4 |" in parsed.text


def workbook(rows: int) -> bytes:
    """Make a sheet of four columns, as small as the format allows."""
    line = '<row><c t="inlineStr"><is><t>row {0}</t></is></c><c><v>{0}</v></c><c><v>3</v></c><c><v>4</v></c></row>'
    return workbook_of({"Long": "".join(line.format(number) for number in range(rows))})


def workbook_of(sheets: dict[str, str]) -> bytes:
    """Make a workbook of sheets whose rows are given as XML."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    numbered = [(number, name, rows) for number, (name, rows) in enumerate(sheets.items(), 1)]
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{types}.worksheet+xml"/>'
        for number, _, _ in numbered
    )
    named = "".join(f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>' for number, name, _ in numbered)
    targets = "".join(
        f'<Relationship Id="r{number}" Type="{related}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number, _, _ in numbered
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{types}.sheet.main+xml"/>{parts}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{related}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{related}"><sheets>{named}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{targets}</Relationships>',
    }
    for number, _, rows in numbered:
        files[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet {main}><sheetData>{rows}</sheetData></worksheet>"
    return zipped({name: text.encode() for name, text in files.items()})


def zipped(files: dict[str, bytes]) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return file.getvalue()


NAMES = "<row><c t='inlineStr'><is><t>Ada &lt;Quay&gt;</t></is></c></row>"


async def test_no_sheet_is_lost_for_a_blank_in_a_number_or_a_cell_of_an_unknown_type(parsers: Parsers) -> None:
    cells = '<row><c t="n"><v> 41</v></c><c t="e"><v>#MINE!</v></c><c t="odd"><v>seven</v></c></row>'
    data = workbook_of({"A &amp; _b_ &lt;c&gt;": NAMES, "Quakes": cells, "Empty": "<row><c/></row>", "Last": NAMES})
    text = (await parsers.parse(data, uri="quakes.xlsx")).text
    assert "## Quakes\n\n| 41 | #MINE! | seven |\n" in text
    assert (text.count("Ada <Quay>"), "## A & _b_ <c>" in text, "Empty" in text) == (2, True, False)


async def test_cells_whose_text_is_not_there_are_said_and_the_rest_is_read(parsers: Parsers) -> None:
    data = workbook_of({"Names": NAMES, "Quakes": '<row><c t="s"><v>99</v></c></row>'})
    parsed = await parsers.parse(data, uri="quakes.xlsx")
    assert parsed.warning is not None
    assert (parsed.warning.code, "1 cells of sheet 'Quakes'" in parsed.warning.message) == ("partially_read", True)
    assert "Ada <Quay>" in parsed.text


async def test_errors_and_durations_in_cells_are_as_the_sheet_shows_them(parsers: Parsers) -> None:
    cells = "<row><c t='e'><v>#DIV/0!</v></c><c t='e'><v>#N/A</v></c><c><v>1</v></c></row>"
    assert "| #DIV/0! | #N/A | 1 |" in (await parsers.parse(workbook_of({"S": cells}), uri="e.xlsx")).text
    cell = '<table:table-cell office:value-type="time" office:time-value="%s"><text:p>%s</text:p></table:table-cell>'
    long, short = cell % ("PT27H17M54S", "27:17:54"), cell % ("PT00H00M12S", "00:00:12")
    row = f"<table:table-row>{long}{short}</table:table-row>"
    sheet = f'<office:spreadsheet><table:table table:name="S">{row}</table:table></office:spreadsheet>'
    assert "| 27:17:54 | 00:00:12 |" in (await parsers.parse(opendocument(office_types.ODS, sheet), uri="t.ods")).text


async def test_cells_that_were_only_formatted_are_no_text(parsers: Parsers) -> None:
    empty = "<row>" + '<c t="inlineStr"><is><t> </t></is></c>' * 40 + "</row>"
    data = workbook_of({"S": NAMES + empty * 500 + "<row><c><v>7</v></c></row>"})
    assert (await parsers.parse(data, uri="s.xlsx")).text == "## S\n\n| Ada <Quay> |\n| --- |\n| 7 |\n"


@pytest.mark.parametrize("name", ["shapes.pptx", "shapes.odp"])
async def test_the_text_of_drawn_shapes_is_kept_and_an_empty_slide_is_an_empty_page(
    parsers: Parsers, name: str
) -> None:
    parsed = await parse(parsers, name)
    first, second, third = by_page(parsed)
    title, *shapes, notes = first.split("\n\n")
    assert (title, notes) == ("## Leaving the berth", "Notes: Ask who has done it before.")
    assert sorted(shapes) == ["Let go the bow line", "Look astern", "Lower the fenders", "Start the engine"]
    assert (second, third) == ("", "## At sea")
    assert parsed.title == "Leaving the berth"  # and not the program's default


async def test_a_presentation_without_words_has_no_text(parsers: Parsers) -> None:
    slide = '<draw:page draw:name="page1"><draw:custom-shape/></draw:page>'
    data = opendocument(office_types.ODP, f"<office:presentation>{slide * 2}</office:presentation>")
    assert (await error_of(parsers, data, "empty.odp")).code == "no_text"


async def test_tables_lists_and_blanks_of_opendocument_slides_are_kept(parsers: Parsers) -> None:
    cell = "<table:table-cell><text:p>%s</text:p></table:table-cell>"
    shown = (
        f"<table:table><table:table-row>{cell % 'a|b'}{cell % 'c'}</table:table-row></table:table>"
        "<draw:g><draw:g><draw:rect><text:p>deep<text:s text:c='2'/>down<text:line-break/>below</text:p></draw:rect>"
        "</draw:g></draw:g>"
        "<draw:frame><draw:text-box><text:list><text:list-item><text:p>bow</text:p><text:list><text:list-item>"
        "<text:p>stern</text:p></text:list-item></text:list></text:list-item></text:list></draw:text-box></draw:frame>"
        '<draw:frame presentation:class="title"><draw:text-box><text:p>Ropes</text:p></draw:text-box></draw:frame>'
    )
    data = opendocument(office_types.ODP, f"<office:presentation><draw:page>{shown}</draw:page></office:presentation>")
    text = (await parsers.parse(data, uri="a.odp")).text
    assert text == "## Ropes\n\n| a\\|b | c |\n| --- | --- |\n\ndeep  down\nbelow\n\n- bow\n  - stern\n"


async def test_a_document_type_of_its_own_is_refused_with_the_reason(parsers: Parsers) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    data = opendocument(
        office_types.ODP, "<office:presentation><draw:page><text:p>&b;</text:p></draw:page></office:presentation>", bomb
    )
    error = await error_of(parsers, data, "bomb.odp")
    assert (error.code, "document type" in error.hint) == ("parser_failed", True)


async def test_underlines_and_highlights_leave_no_marks_and_names_of_python_stay() -> None:
    for marked, plain in (
        ("**The __Sunset__ Tree**", "**The Sunset Tree**"),
        ("under__lined__ and __over__done", "underlined and overdone"),
        ("def __init__(self): snake__case__name", "def __init__(self): snake__case__name"),
        ("==Mind the gap== if a == b and c == d", "Mind the gap if a == b and c == d"),
        ("| \\<u\\>Total\\</u\\> |", "| Total |"),
    ):
        assert tidying.unmarked(marked) == plain


# PDF


def test_pages_begin_where_they_do_though_nuls_were_in_their_texts() -> None:
    text, pages = _joined(["one\0\0 two", "\0", "three"], tidying.trimmed)
    assert text == "one two\n\nthree\n"
    assert [text[at:] for at in pages] == [text, "three\n", "three\n"]


async def test_letters_of_a_pdf_are_those_that_people_type_and_pages_stay_right(parsers: Parsers) -> None:
    parsed = await parse(parsers, "letters.pdf")
    assert by_page(parsed) == [
        "The first officer floats the different boats.", "مرحبا\n\nis a greeting", "The third page follows.",
    ]  # fmt: skip
    assert parsed.title == "letters"


async def test_what_was_filled_into_a_form_stands_at_its_end(parsers: Parsers) -> None:
    text = (await parse(parsers, "form.pdf")).text
    assert text == "Berth order\n\nSkipper\n\nName of the skipper: Ada Quay\n\nBerth: B2\n\nPaid: yes\n"


async def test_a_pdf_whose_fonts_do_not_tell_their_letters_has_no_text_and_the_hint_speaks_of_ocr(
    parsers: Parsers,
) -> None:
    error = await error_of(parsers, content("unmapped.pdf"), "unmapped.pdf")
    assert (error.code, "fonts" in error.hint, "INGEST_OCR" in error.hint) == ("no_text", True, True)


async def test_a_pdf_that_fails_with_tables_is_read_without_them(
    pool: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "TABLE_SHARE", 0)
    parsed = await parse(Parsers(pool), "handbook.pdf")
    assert ("The third page says" in parsed.text, "| bow | 12 |" in parsed.text) == (True, False)


@pytest.mark.parametrize(("name", "pages"), [("handbook.pdf", 3), ("letters.pdf", 3), ("form.pdf", 1)])
def test_the_pages_of_a_pdf_are_counted_without_parsing_it(name: str, pages: int) -> None:
    assert pdf.page_count(content(name)) == pages


def test_tables_are_looked_for_in_short_documents_only() -> None:
    page = b"<< /Type /Page /Parent 1 0 R >>\n"
    assert pdf.deserves_tables(page * 50)
    assert not pdf.deserves_tables(page * 51)
    assert not pdf.deserves_tables(page + bytes(5_000_000))
    assert not pdf.deserves_tables(content("unmapped.pdf"))
    assert pdf.deserves_tables(b"pages that are hidden")
    assert not pdf.deserves_tables(bytes(2_000_000))


# what decides


@pytest.mark.parametrize(
    ("name", "uri", "declared"),
    [
        ("handbook.pdf", "a.docx", None),
        ("handbook.pdf", "a.md", "text/markdown"),
        ("handbook.docx", "a.pdf", None),
        ("handbook.docx", "a.zip", "application/zip"),
        ("handbook.docx", "a.xlsx", None),
        ("handbook.odt", "a", None),
        ("handbook.epub", "a", "application/octet-stream"),
        ("handbook.doc", "a.xls", None),
        ("handbook.doc", "a", None),
        ("handbook.rtf", "a.txt", None),
        ("handbook.pdf", "a.PDF", "application/x-pdf"),
    ],
)
async def test_the_first_bytes_win_over_a_wrong_name_or_media_type(
    parsers: Parsers, name: str, uri: str, declared: str | None
) -> None:
    parsed = await parsers.parse(content(name), uri=uri, media_type=declared)
    assert "The third page says" in parsed.text


async def test_a_pdf_may_begin_a_little_late(parsers: Parsers) -> None:
    parsed = await parsers.parse(b"\r\njunk of a mailer\r\n" + content("handbook.pdf"), uri="a.pdf")
    assert "The third page says" in parsed.text


async def test_web_pages_and_tables_of_text_that_are_called_xls_or_doc_are_what_they_are(parsers: Parsers) -> None:
    page = b"<html><body><table><tr><th>a</th></tr><tr><td>1</td></tr></table></body></html>"
    assert (await parsers.parse(page, uri="a.xls")).text == "| a |\n| --- |\n| 1 |\n"
    sheet = await parsers.parse(b"a\tb\n1\t2\n", uri="a.xls", media_type="application/vnd.ms-excel")
    assert (sheet.text, sheet.media_type) == ("a\tb\n1\t2\n", "text/plain")
    archived = b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<h1>Saved</h1>"
    assert (await parsers.parse(archived, uri="a.doc")).text == "# Saved\n"


async def test_a_zip_that_is_no_document_is_unsupported_with_a_hint(parsers: Parsers) -> None:
    error = await error_of(parsers, zipped({"a.txt": b"words"}), "a.zip")
    assert (error.code, "unpack" in error.hint) == ("unsupported", True)
    assert (await error_of(parsers, zipped({"a.txt": b"words"}), "a.docx")).code == "unsupported"


# what is refused


@pytest.mark.parametrize(
    "name", ["handbook.pdf", "handbook.docx", "handbook.odt", "handbook.doc", "talk.pptx", "berths.xls"]
)
@pytest.mark.parametrize("kept", [0.3, 0.9])
async def test_a_truncated_document_is_an_error_of_its_own(parsers: Parsers, name: str, kept: float) -> None:
    data = content(name)
    error = await error_of(parsers, data[: int(len(data) * kept)], name)
    assert error.code in ("parser_failed", "no_text")
    assert "\n" not in error.message


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.xlsx", "a.epub", "a.odt"])
async def test_what_does_not_begin_like_its_name_says_is_refused_before_a_parser_sees_it(
    parsers: Parsers, name: str
) -> None:
    error = await error_of(parsers, b"just words", name)
    assert (error.code, "does not begin like that" in error.message) == ("parser_failed", True)


@pytest.mark.parametrize("name", ["encrypted.pdf", "encrypted.xlsx"])
async def test_an_encrypted_document_says_so(parsers: Parsers, name: str) -> None:
    assert (await error_of(parsers, content(name), name)).code == "encrypted"


async def test_an_encrypted_opendocument_says_so(parsers: Parsers) -> None:
    manifest = b'<manifest:manifest xmlns:manifest="urn:x"><manifest:encryption-data/></manifest:manifest>'
    data = zipped(
        {"mimetype": office_types.ODT.encode(), "META-INF/manifest.xml": manifest, "content.xml": b"\x01\x02"}
    )
    assert (await error_of(parsers, data, "a.odt")).code == "encrypted"


async def test_a_scanned_document_has_no_text_and_the_hint_speaks_of_ocr(parsers: Parsers) -> None:
    error = await error_of(parsers, content("scanned.pdf"), "scanned.pdf")
    assert (error.code, "INGEST_OCR" in error.hint) == ("no_text", True)
    picture = await error_of(parsers, content("scanned.png"), "scanned.png")
    assert (picture.code, "INGEST_OCR" in picture.hint) == ("unsupported", True)


async def test_a_zip_bomb_is_refused_by_its_directory(parsers: Parsers) -> None:
    bomb = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": bytes(200_000_000)})
    assert len(bomb) < 300_000
    error = await error_of(parsers, bomb, "bomb.docx")
    assert (error.code, "190 MB" in error.message) == ("zip_bomb", True)


async def test_a_zip_bomb_whose_directory_lies_is_not_inflated() -> None:
    bomb = bytearray(zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:t>" * 30_000_000}))
    entry = bomb.rindex(b"PK\x01\x02")  # the directory's entry of the large one
    bomb[entry + 24 : entry + 28] = struct.pack("<I", 1000)
    local = bomb.rindex(b"PK\x03\x04", 0, entry)
    bomb[local + 22 : local + 26] = struct.pack("<I", 1000)
    async with Workers(1, timeout_seconds=60, memory_mb=140) as workers:
        error = await error_of(Parsers(workers), bytes(bomb), "liar.docx")
        assert (error.code, "larger than its declared" in error.message) == ("parser_failed", True)


async def test_a_document_that_needs_too_much_memory_fails_alone() -> None:
    cells = (f'<row><c t="inlineStr"><is><t>{number}{"x" * 60_000}</t></is></c></row>' for number in range(800))
    async with Workers(1, timeout_seconds=60, memory_mb=130) as workers:
        parsers = Parsers(workers)
        error = await error_of(parsers, workbook_of({"Wide": "".join(cells)}), "huge.xlsx")
        assert (error.code, "INGEST_PARSE_MEMORY_MB" in error.hint) == ("parser_memory", True)
        assert (await parse(parsers, "talk.pptx")).title == "Tide talk"


async def test_a_document_that_takes_too_long_fails_alone() -> None:
    async with Workers(1, timeout_seconds=0.2, memory_mb=2048) as workers:
        error = await error_of(Parsers(workers), workbook(80_000), "slow.xlsx")
        assert (error.code, "INGEST_PARSE_TIMEOUT_SECONDS" in error.hint) == ("parser_timeout", True)


# nothing is fetched, nothing is kept


@pytest.mark.skipif(not CAN_REFUSE, reason="no seccomp filter for this system")
async def test_parsing_opens_no_socket_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    names = [path.name for path in sorted(FILES.iterdir()) if path.suffix not in (".md", ".png", ".xml")]
    async with Workers(1, timeout_seconds=60, memory_mb=1024) as workers:
        await workers.run(refuse_sockets)
        [pid] = workers.pids()
        parsed = [await outcome(Parsers(workers), name) for name in names]
        assert workers.pids() == [pid]  # not one attempt, or the kernel would have ended it
        with pytest.raises(WorkerCrashed, match="SIGSYS"):
            await workers.run(open_socket)
    assert parsed.count("text/markdown") == len(names) - 4
    assert files_below(tmp_path) == []


def files_below(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.parent != folder]


async def outcome(parsers: Parsers, name: str) -> str:
    try:
        return (await parse(parsers, name)).media_type
    except DocumentError as error:
        return error.code


def test_the_listener_itself_does_not_load_the_native_parser() -> None:
    assert "xberg" not in sys.modules


# OCR


def test_ocr_without_its_language_data_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESSDATA_PREFIX", raising=False)
    with pytest.raises(SettingsError) as caught:
        recognition.tessdata("eng+xxx")
    assert caught.value.code == "ocr_not_installed"
    assert "xxx.traineddata" in caught.value.message


def test_the_language_data_is_looked_for_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xxx.traineddata").touch()
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    assert recognition.tessdata("xxx") == str(tmp_path)


def has_english() -> bool:
    try:
        return bool(recognition.tessdata("eng"))
    except SettingsError:
        return False


@pytest.mark.skipif(not has_english(), reason="Tesseract's English data is not installed")
@pytest.mark.parametrize(("name", "pages"), [("scanned.pdf", 2), ("scanned.png", 1)])
async def test_ocr_reads_scanned_pages_and_images(pool: Workers, name: str, pages: int) -> None:
    parsed = await parse(Parsers(pool, ocr="eng"), name)
    assert "A boat is moored with two ropes" in parsed.text
    assert len(parsed.pages) == pages


@pytest.mark.skipif(not has_english(), reason="Tesseract's English data is not installed")
async def test_ocr_looks_at_the_pages_of_a_pdf_whose_fonts_do_not_tell_their_letters(pool: Workers) -> None:
    with pytest.raises(DocumentError) as caught:  # its letters are bars
        await parse(Parsers(pool, ocr="eng"), "unmapped.pdf")
    assert (caught.value.code, "fonts" in caught.value.hint) == ("no_text", False)


@pytest.mark.skipif(not has_english(), reason="Tesseract's English data is not installed")
async def test_ocr_leaves_a_document_with_text_as_it_is(parsers: Parsers, pool: Workers) -> None:
    assert (await parse(Parsers(pool, ocr="eng"), "handbook.pdf")).text == (await parse(parsers, "handbook.pdf")).text
