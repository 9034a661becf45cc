"""Word, PowerPoint, OpenDocument, sheets and PDF: parts that parsers lose, move, double or take for something else."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_files import (
    changed,
    content_of,
    damaged,
    in_base85,
    opendocument,
    paragraph,
    pdf_file,
    run,
    stream,
    word_file,
    workbook,
)

from listener.documents import number_formats, office_types, tidying
from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.errors import DocumentError

FILES = Path(__file__).parent.parent / "documents"


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    workers = Workers(1, timeout_seconds=60, memory_mb=1024)
    yield workers
    asyncio.run(workers.close())


@pytest.fixture
def parsers(pool: Workers) -> Parsers:
    return Parsers(pool)


async def parse(parsers: Parsers, name: str, data: bytes | None = None) -> Parsed:
    return await parsers.parse((FILES / name).read_bytes() if data is None else data, uri=f"file:///d/{name}")


def by_page(parsed: Parsed) -> list[str]:
    ends = [*parsed.pages[1:], len(parsed.text)]
    return [parsed.text[start:end].strip() for start, end in zip(parsed.pages, ends, strict=True)]


def lacks(parsed: Parsed) -> str:
    """Return what the warning says is missing."""
    assert parsed.warning is not None
    assert (parsed.warning.code, bool(parsed.warning.hint)) == ("partially_read", True)
    return parsed.warning.message.partition("without ")[2]


# Word


async def test_symbols_equations_and_marks_inside_words_are_text_where_they_stand(parsers: Parsers) -> None:
    assert (await parse(parsers, "marks.docx")).text == (
        "Personal Digital Assistant\n\nThe tank holds CO2 and H2O at 25 m².\n\n"
        "Keep below 40 °C; tolerance ±5 μm; checkbox ☑ agreed\n\n"
        "The load is F=ma where the mass is m=5 kilograms.\n"
    )


async def test_text_in_a_symbol_font_is_what_it_shows(parsers: Parsers) -> None:
    font = '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'
    ticked = '<w:rFonts w:ascii="Wingdings"/>'
    body = paragraph(run("a\uf062", font), " rays, ", run("\uf0fc", ticked), " done, ", run("Ω", font))
    assert (await parse(parsers, "s.docx", word_file(body))).text == "αβ rays, ✓ done, Ω\n"


@pytest.mark.parametrize(
    ("inside", "line"),
    [
        ("<m:f><m:num>{a+b}</m:num><m:den>{2}</m:den></m:f>", "(a+b)/2"),
        ("<m:rad><m:deg/><m:e>{x}</m:e></m:rad>", "√(x)"),
        ("<m:sSup><m:e>{x}</m:e><m:sup>{2}</m:sup></m:sSup>", "x²"),
        ("<m:sSubSup><m:e>{x}</m:e><m:sub>{i}</m:sub><m:sup>{k+1}</m:sup></m:sSubSup>", "x_i^(k+1)"),
        (
            '<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{i=1}</m:sub><m:sup>{n}</m:sup><m:e>{i}</m:e>'
            "</m:nary>",
            "∑_(i=1)^n i",
        ),
        ("<m:d><m:e>{x}</m:e><m:e>{y}</m:e></m:d>", "(x|y)"),
        ("<m:func><m:fName>{sin}</m:fName><m:e>{x}</m:e></m:func>", "sin x"),
        (
            "<m:m><m:mr><m:e>{1}</m:e><m:e>{2}</m:e></m:mr><m:mr><m:e>{3}</m:e><m:e>{4}</m:e></m:mr></m:m>",
            "[1, 2; 3, 4]",
        ),
    ],
)
async def test_an_equation_is_one_line_as_people_would_type_it(parsers: Parsers, inside: str, line: str) -> None:
    maths = inside.replace("{", "<m:r><m:t>").replace("}", "</m:t></m:r>")
    body = paragraph("If ", f"<m:oMath>{maths}</m:oMath>", " then")
    assert (await parse(parsers, "e.docx", word_file(body))).text == f"If {line} then\n"


async def test_what_was_moved_is_there_once_and_what_was_deleted_is_gone(parsers: Parsers) -> None:
    text = (await parse(parsers, "moved.docx")).text
    assert text.count("The tenant shall sweep the snow") == 1
    assert text.index("Second clause") < text.index("The tenant")
    row = "<w:tr>{}<w:tc>" + paragraph("{}") + "</w:tc></w:tr>"
    table = f"<w:tbl>{row.format('', 'kept')}{row.format('<w:trPr><w:del/></w:trPr>', 'gone')}</w:tbl>"
    body = table + paragraph("<w:del><w:r><w:delText>out</w:delText></w:r></w:del>", f"<w:ins>{run('in')}</w:ins>")
    assert (await parse(parsers, "d.docx", word_file(body))).text == "| kept |\n| --- |\n\nin\n"


async def test_what_nobody_sees_and_readings_of_characters_are_left_out(parsers: Parsers) -> None:
    reading = (
        "<w:r><w:ruby><w:rt><w:r><w:t>とうきょう</w:t></w:r></w:rt>"
        "<w:rubyBase><w:r><w:t>東京</w:t></w:r></w:rubyBase></w:ruby></w:r>"
    )
    body = paragraph("in ", reading, run(" hidden", "<w:vanish/>"), run(" shown", '<w:vanish w:val="0"/>'))
    assert (await parse(parsers, "v.docx", word_file(body))).text == "in 東京 shown\n"
    text = (
        '<office:text><text:section text:display="none"><text:p>zz</text:p></text:section>'
        '<text:section text:display="condition" text:is-hidden="true"><text:p>zz</text:p></text:section>'
        '<text:p>seen<text:hidden-text text:is-hidden="true">zz</text:hidden-text>'
        '<text:hidden-text text:is-hidden="false"> too</text:hidden-text></text:p></office:text>'
    )
    kind = office_types.ODT
    assert (await parse(parsers, "v.odt", opendocument(kind, text))).text == "seen too\n"


async def test_headers_and_footers_stand_at_the_end_said_to_be_that(parsers: Parsers) -> None:
    assert (await parse(parsers, "headerfooter.docx")).text == (
        "Body paragraph of the memo.\n\nHeader: zzheader Contract no. 2024-118\n\nFooter: zzfooter Confidential\n"
    )
    number = f'<w:fldSimple w:instr=" PAGE ">{run("1")}</w:fldSimple>'
    header = paragraph("Lease 17", "<w:r><w:tab/></w:r>", "page ", number) + paragraph("– ", number, " –")
    reference = '<w:sectPr><w:headerReference w:type="default" r:id="header.xml"/></w:sectPr>'
    data = word_file(paragraph("Body") + reference, {"header": header})
    assert (await parse(parsers, "h.docx", data)).text == "Body\n\nHeader: Lease 17\n"


async def test_notes_and_comments_stand_behind_their_paragraph_on_its_page(parsers: Parsers) -> None:
    note, end = '<w:r><w:footnoteReference w:id="2"/></w:r>', '<w:r><w:endnoteReference w:id="2"/></w:r>'
    asked = '<w:r><w:commentReference w:id="0"/></w:r>'
    body = paragraph("Rent is due", note, " monthly", end, ".", asked, '<w:r><w:br w:type="page"/></w:r>')
    parts = {
        "footnotes": f'<w:footnote w:type="separator" w:id="0"/><w:footnote w:id="2">{paragraph("heat")}</w:footnote>',
        "endnotes": f'<w:endnote w:id="2">{paragraph("see the annex")}</w:endnote>',
        "comments": f'<w:comment w:id="0" w:author="Ada">{paragraph("How much?")}</w:comment>',
    }
    first, second = by_page(await parse(parsers, "n.docx", word_file(body + paragraph("Page two"), parts)))
    assert first.startswith("Rent is due[^1] monthly[^2].")
    assert [line for line in (first + "\n\n" + second).split("\n\n")[1:] if line] == [
        "[^1]: heat", "[^2]: see the annex", "Comment by Ada: How much?", "Page two",
    ]  # fmt: skip


async def test_a_text_box_is_there_once(parsers: Parsers) -> None:
    box = f"<w:txbxContent>{paragraph('In a box')}</w:txbxContent>"
    both = (
        f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing>"
        f"</mc:Choice><mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    text = (await parse(parsers, "b.docx", word_file(paragraph("Body") + f"<w:p>{both}</w:p>"))).text
    assert text.count("In a box") == 1


async def test_a_damaged_part_of_a_word_file_is_said_and_the_rest_is_read(parsers: Parsers) -> None:
    data = word_file(paragraph("Body"), {"header": paragraph("Contract"), "footer": "<w:p/>"}, broken="word/header.xml")
    parsed = await parse(parsers, "d.docx", data)
    assert (parsed.text, lacks(parsed)) == ("Body\n", "word/header.xml")


async def test_the_main_part_may_have_another_name(parsers: Parsers) -> None:
    note = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    notes = {"footnotes": f'<w:footnote w:id="2">{paragraph("heat")}</w:footnote>'}
    data = word_file(paragraph("Body", note), notes, main="document2")
    assert (await parse(parsers, "m.docx", data)).text == "Body[^1]\n\n[^1]: heat\n"


async def test_the_strict_form_of_a_word_file_is_mended_too(parsers: Parsers) -> None:
    body = paragraph("Keep below 40 ", '<w:r><w:sym w:font="Symbol" w:char="F0B0"/></w:r>', "C")
    data = word_file(body, strict=True)
    assert (await parse(parsers, "s.docx", data)).text == "Keep below 40 °C\n"


# PowerPoint, OpenDocument


async def test_a_bar_in_a_cell_of_a_slide_begins_no_other_cell(parsers: Parsers) -> None:
    pages = by_page(await parse(parsers, "deck.pptx"))
    assert pages[2] == "## Table\n\n| k | v |\n| --- | --- |\n| a\\|b | line1 line2 |"
    assert pages[3].endswith("Notes: zznotes remember the demo")


@pytest.mark.parametrize(
    ("runs", "line"),
    [
        ('<a:r><a:rPr b="1"/><a:t>P</a:t></a:r><a:r><a:rPr b="0"/><a:t>ersonal aid</a:t></a:r>', "Personal aid"),
        ('<a:r><a:t>mis</a:t></a:r><a:r><a:rPr err="1"/><a:t>spelt</a:t></a:r><a:endParaRPr/>', "misspelt"),
        (
            '<a:r><a:t>un</a:t></a:r><a:r><a:rPr i="1"/><a:t>believ</a:t></a:r><a:r><a:t>able</a:t></a:r>',
            "unbelievable",
        ),
        ('<a:r><a:t>H</a:t></a:r><a:r><a:rPr baseline="-25000"/><a:t>2</a:t></a:r><a:r><a:t>O</a:t></a:r>', "H2O"),
        ('<a:r><a:t>25 m</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>2</a:t></a:r>', "25 m²"),
        (
            '<a:r><a:t>a </a:t></a:r><a:r><a:rPr b="1"/><a:t>bold</a:t></a:r><a:r><a:t> word</a:t></a:r>',
            "a **bold** word",
        ),
        ("<a:r><a:t>one</a:t></a:r><a:br/><a:r><a:t>two</a:t></a:r>", "one\n\ntwo"),
    ],
)
async def test_a_word_that_programs_cut_into_runs_is_one(parsers: Parsers, runs: str, line: str) -> None:
    text = "<a:r><a:t>zzgrouped text one</a:t></a:r>"
    data = changed(FILES / "deck.pptx", "ppt/slides/slide1.xml", text, runs)
    assert line in by_page(await parse(parsers, "d.pptx", data))[0].replace("\n\n\n", "\n\n")


async def test_the_number_of_a_slide_is_no_text_of_it(parsers: Parsers) -> None:
    number = (
        '<p:sp><p:nvSpPr><p:cNvPr id="9" name="N"/><p:cNvSpPr/><p:nvPr><p:ph type="sldNum"/></p:nvPr></p:nvSpPr>'
        '<p:txBody><a:p><a:fld id="{1}" type="slidenum"><a:t>77</a:t></a:fld></a:p></p:txBody></p:sp></p:spTree>'
    )
    found = await parse(parsers, "d.pptx", changed(FILES / "deck.pptx", "ppt/slides/slide1.xml", "</p:spTree>", number))
    assert found.text == (await parse(parsers, "deck.pptx")).text


@pytest.mark.parametrize(
    ("name", "part", "kept"),
    [
        ("deck.pptx", "ppt/slides/slide3.xml", "zznotes"),
        ("handbook.epub", "OEBPS/sections/section0002.xhtml", "Storms"),
    ],
)
async def test_a_damaged_slide_or_chapter_is_said_and_the_others_stay_in_their_places(
    parsers: Parsers, name: str, part: str, kept: str
) -> None:
    parsed = await parse(parsers, name, damaged(FILES / name, part))
    assert (lacks(parsed), kept in parsed.text) == (part, True)
    if name == "deck.pptx":
        whole, found = by_page(await parse(parsers, name)), by_page(parsed)
        assert [*found[:2], *found[3:]] == [*whole[:2], *whole[3:]]
        assert found[2] == ""


async def test_an_opendocument_text_keeps_blanks_frames_notes_and_repeated_cells(parsers: Parsers) -> None:
    assert (await parse(parsers, "lease.odt")).text == (
        "# Lease\n\nThe rent is five hundred  crowns\tmonthly\nin advance[^1].\n\n[^1]: zzodtfoot plus heating\n\n"
        "Annotated.\n\nComment by A: zzodtcomment\n\nzzodtframe\n\n- first item\n  - nested item\n\n"
        "| k | v \\| w |\n| --- | --- |\n| zzrep | zzrep |\n\nzzodtsection\n"
    )


async def test_bullets_of_an_opendocument_text_are_no_numbers(parsers: Parsers) -> None:
    assert "\n- bow line\n- stern line\n" in (await parse(parsers, "handbook.odt")).text


async def test_what_an_opendocument_says_of_itself_is_kept(parsers: Parsers) -> None:
    parsed = await parse(parsers, "handbook.odt")
    assert parsed.title == "Harbour handbook"
    assert parsed.metadata["authors"] == ["Ada Quay", "Ben Mole"]
    assert parsed.metadata["keywords"] == ["boats", "ropes", "tides"]


# sheets


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.125, "0.0%", "12.5%"), (7, "000", "007"), (1234567.5, "#,##0.00", "1,234,567.50"), (0.3, "General", "0.3"),
        (0.1 + 0.2, "General", "0.3"), (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"), (1.5, '0.00 "Kč"', "1.50 Kč"),
        (-5, "0.00;[Red](0.00)", "(5.00)"), (0, '0;-0;"none"', "none"), (45413, "dd.mm.yyyy", "01.05.2024"),
        (45413.5625, "yyyy-mm-dd h:mm", "2024-05-01 13:30"), (45413, "d mmmm yyyy", "1 May 2024"),
        (45413.5625, "h:mm AM/PM", "1:30 PM"), (1.5, "[h]:mm:ss", "36:00:00"), (1.25, "# ?/?", "1 1/4"),
        (1.5, "# ?/10", "1 5/10"), (0.3, "# ??/100", "30/100"), (-2.25, "# ?/8", "-2 2/8"), (0.5, "0/00", "1/2"),
        (45413, "yyyy/m/d(aaa)", "2024/5/1(Wed)"), (45413, "aaaa", "Wednesday"),
        (12345, "0.00E+00", "1.23E+04"), (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (1234567, '0.0,,"M"', "1.2M"),
        (2.675, "0.00", "2.68"), (150, '[>100]"high";"low"', "high"), (9780306406157, "General", "9780306406157"),
        (1e300, "yyyy", "1E+300"), (5, '"', ""),
        (1.0, ".000", "1.000"), (12, "$.00", "$12.00"), (0.125, ".0%", "12.5%"),
        (-5, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "-5"), (5, '"n/a"', "n/a"),
    ],
)  # fmt: skip
def test_a_number_is_what_the_sheet_shows(value: float, code: str, shown: str) -> None:
    assert number_formats.shown(value, code).strip() == shown


@pytest.mark.parametrize("cell", [r"\\server\share", r"C:\.ssh\#x", r"^\d+\.\d+$", "[spec](https://a.b/c)", "[cmt:1]"])
def test_what_looks_like_an_escape_in_a_sheet_is_text(cell: str) -> None:
    assert cell in tidying.trimmed(f"| {cell} | x |\n| --- | --- |\n| y | z |")


async def test_cells_of_a_workbook_are_as_they_are_shown(parsers: Parsers) -> None:
    row = '<row><c s="1"><v>0.125</v></c><c s="2"><v>7</v></c><c s="3"><v>45413</v></c><c t="b"><v>1</v></c></row>'
    data = workbook({"Rates": row}, {164: "0.0%", 165: "000"}, (0, 164, 165, 14))
    assert (await parse(parsers, "r.xlsx", data)).text.splitlines()[2] == "| 12.5% | 007 | 2024-05-01 | TRUE |"


async def test_a_formula_without_its_result_stands_as_a_formula_and_is_said(parsers: Parsers) -> None:
    row = '<row><c><f>SUM(A2:A9)</f></c><c><f>1+1</f><v>2</v></c><c t="str"><f>""</f><v></v></c></row>'
    parsed = await parse(parsers, "f.xlsx", workbook({"Sums": row}))
    assert parsed.text.splitlines()[2] == "| =SUM(A2:A9) | 2 |"
    assert lacks(parsed) == "the result of 1 formula, which was saved without"


async def test_a_sheet_that_is_damaged_is_said_and_the_others_are_read(parsers: Parsers) -> None:
    cell = '<row><c t="inlineStr"><is><t>words of the sheet</t></is></c></row>'
    parsed = await parse(parsers, "d.xlsx", workbook({"Good": cell, "Bad": cell}, broken="xl/s2.xml"))
    assert (parsed.text.count("words of the sheet"), lacks(parsed)) == (1, "sheet 'Bad'")
    with pytest.raises(DocumentError, match="sheet 'Bad'") as caught:
        await parse(parsers, "d.xlsx", workbook({"Bad": cell}, broken="xl/s1.xml"))
    assert caught.value.code == "parser_failed"


async def test_cells_and_rows_that_are_repeated_without_end_do_no_harm(parsers: Parsers) -> None:
    cell = '<table:table-cell table:number-columns-repeated="99999999"><text:p>x</text:p></table:table-cell>'
    sheet = (
        f'<table:table table:name="S"><table:table-row table:number-rows-repeated="99999999">{cell}</table:table-row>'
    )
    data = opendocument(office_types.ODS, f"<office:spreadsheet>{sheet}</table:table></office:spreadsheet>")
    assert (await parse(parsers, "r.ods", data)).text.count("x") == 100 * 100
    text = opendocument(office_types.ODT, f"<office:text>{sheet}</table:table></office:text>")
    assert (await parse(parsers, "r.odt", text)).text.count("x") == 100 * 100


async def test_entities_of_a_documents_own_are_refused_in_sheets_too(parsers: Parsers) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    with pytest.raises(DocumentError, match="document type") as caught:
        await parse(parsers, "b.xlsx", workbook({"S": "<row><c><v>&b;</v></c></row>"}, declared=bomb))
    assert caught.value.code == "parser_failed"
    sheet = "<table:table><table:table-row><table:table-cell><text:p>&b;</text:p></table:table-cell></table:table-row>"
    data = opendocument(office_types.ODS, f"<office:spreadsheet>{sheet}</table:table></office:spreadsheet>", bomb)
    with pytest.raises(DocumentError, match="document type"):
        await parse(parsers, "b.ods", data)


async def test_a_sheet_of_far_corners_does_not_become_a_table_of_blanks(parsers: Parsers) -> None:
    letters = [chr(65 + n) + chr(65 + m) for n in range(26) for m in range(26)] * 15
    rows = "".join(f'<row><c r="{name}{n}"><v>{n}</v></c></row>' for n, name in enumerate(letters, 1))
    assert len((await parse(parsers, "c.xlsx", workbook({"S": rows}))).text) < 500_000


async def test_characters_that_xml_can_not_have_are_what_they_stand_for(parsers: Parsers) -> None:
    text = "one_x000D_&#10;two_x005F_x000D_ _xyz_ a_x0041_"
    row = f'<row><c t="inlineStr"><is><t>{text}</t></is></c><c t="str"><f>A1</f><v>{text}</v></c></row>'
    shown = "one two_x000D_ _xyz_ aA"
    assert f"| {shown} | {shown} |" in (await parse(parsers, "x.xlsx", workbook({"S": row}))).text


# PDF


async def test_pages_of_a_pdf_that_are_damaged_are_said_and_the_others_are_read(parsers: Parsers) -> None:
    pages = [f"Words of page {number} stand here" for number in range(1, 6)]
    parsed = await parse(parsers, "b.pdf", pdf_file(pages, broken=(2, 4, 5)))
    assert by_page(parsed) == [pages[0], "", pages[2], "", ""]
    assert lacks(parsed) == "page 2, pages 4 to 5"
    gap = await parse(parsers, "g.pdf", pdf_file(pages, missing=(3,)))
    assert by_page(gap) == [pages[0], pages[1], "", pages[3], pages[4]]
    assert lacks(gap) == "page 3"
    whole = pdf_file(pages)
    assert (await parse(parsers, "w.pdf", whole)).warning is None
    cut = await parse(parsers, "c.pdf", whole[: whole.index(b"17 0 obj")])
    assert (by_page(cut), lacks(cut)) == (pages[:3], "2 of its 5 pages")


async def test_a_page_that_is_written_in_ascii_or_has_lost_what_it_drew_is_said(parsers: Parsers) -> None:
    pages = ["page one", "page two", "page three"]
    lost = zlib.compress(b"q Q " * 200)[:-1] + b"?"  # it can be inflated, to something else than it was
    for replaced, lacking in [
        (in_base85(content_of("page two")), None),
        (in_base85(content_of("page two"), broken=True), "page 2"),
        (stream(b"q Q " * 200), None),  # nothing was ever on it
        (b"<</Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(lost), lost), "page 2"),
    ]:
        parsed = await parse(parsers, "b.pdf", pdf_file(pages, objects={13: replaced}))
        assert (by_page(parsed)[0], by_page(parsed)[2]) == (pages[0], pages[2])
        assert (lacks(parsed) if parsed.warning else None) == lacking


async def test_notes_on_a_page_and_attached_files_of_a_pdf_are_taken(parsers: Parsers) -> None:
    words = "Größe prüfen".encode("utf-16-be").hex()
    objects = {
        100: f"<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents<FEFF{words}>/T(Ada)>>".encode(),
        101: b"<</Type/Annot/Subtype/FileAttachment/Rect[0 0 9 9]/FS 104 0 R>>",
        102: b"<</Type/Filespec/UF(notes.txt)/EF<</F 103 0 R>>>>",
        103: stream(b"The attached notes.\n", "/Type/EmbeddedFile"),
        104: b"<</Type/Filespec/F(../pinned.csv)/EF<</F 105 0 R>>>>",
        105: stream(b"a,b\n", "/Type/EmbeddedFile/Subtype/text#2Fcsv"),
    }
    catalog = "/Names<</EmbeddedFiles<</Names[(n) 102 0 R]>>>>"
    data = pdf_file(["First", "Second"], objects=objects, on_page="/Annots[100 0 R 101 0 R]", catalog=catalog)
    parsed = await parse(parsers, "n.pdf", data)
    assert by_page(parsed) == ["First\n\nNote by Ada: Größe prüfen", "Second"]
    assert [(part.name, part.media_type, part.data) for part in parsed.parts] == [
        ("notes.txt", None, b"The attached notes.\n"),
        ("pinned.csv", "text/csv", b"a,b\n"),
    ]


async def test_an_attached_file_that_inflates_without_end_is_left_out(parsers: Parsers) -> None:
    objects = {102: b"<</Type/Filespec/UF(bomb.txt)/EF<</F 103 0 R>>>>", 103: stream(bytes(100_000_000))}
    data = pdf_file(["First"], objects=objects, catalog="/Names<</EmbeddedFiles<</Names[(n) 102 0 R]>>>>")
    parsed = await parse(parsers, "n.pdf", data)
    assert (parsed.parts, lacks(parsed)) == ([], "the attached bomb.txt")
