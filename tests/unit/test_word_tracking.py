"""Word files with tracked changes, tables of contents and equations with marks over letters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from made_files import paragraph, run, word_file

from listener.documents import mathml
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers

CUT = "<w:pPr><w:rPr><w:del w:id='1' w:author='a'/></w:rPr></w:pPr>"


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    workers = Workers(1, timeout_seconds=60, memory_mb=1024)
    yield workers
    asyncio.run(workers.close())


async def read(pool: Workers, body: str) -> str:
    return (await Parsers(pool).parse(word_file(body), uri="file:///d/a.docx")).text.strip()


async def test_paragraphs_whose_mark_was_deleted_are_one(pool: Workers) -> None:
    body = (
        paragraph(CUT, run("The first "), run("half, ")) + paragraph(CUT, run("a piece ")) + paragraph("and the rest.")
    )
    assert await read(pool, body + paragraph("Next.")) == "The first half, a piece and the rest.\n\nNext."


async def test_a_table_between_parts_them_and_the_last_paragraph_stays(pool: Workers) -> None:
    table = f"<w:tbl><w:tr><w:tc>{paragraph('cell')}</w:tc></w:tr></w:tbl>"
    text = await read(pool, paragraph(CUT, run("Before.")) + table + paragraph(CUT, run("Last.")))
    assert text.startswith("Before.\n\n| cell")
    assert text.endswith("\n\nLast.")


async def test_a_table_of_contents_goes(pool: Workers) -> None:
    gallery = "<w:docPartObj><w:docPartGallery w:val='{}'/></w:docPartObj>"
    made = "<w:sdt><w:sdtPr>{}</w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    contents = made.format(gallery.format("Table of Contents"), paragraph("Starting 3"))
    cover = made.format(gallery.format("Cover Pages"), paragraph("The cover"))
    assert await read(pool, cover + contents + paragraph("Starting")) == "The cover\n\nStarting"


async def test_what_somebody_has_written_behind_the_entries_of_a_table_of_contents_stays(pool: Workers) -> None:
    field = "<w:r><w:fldChar w:fldCharType='{}'/></w:r>"
    link = f"<w:hyperlink w:anchor='a'>{run('Starting 3')}</w:hyperlink>"
    entries = f"{paragraph(field.format('begin'), link)}{paragraph(field.format('end'))}"
    made = (
        "<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val='Table of Contents'/></w:docPartObj></w:sdtPr>"
        "<w:sdtContent>{}</w:sdtContent></w:sdt>"
    )
    assert await read(pool, made.format(entries) + paragraph("Next.")) == "Next."
    assert await read(pool, made.format(paragraph(link)) + paragraph("Next.")) == "Next."
    text = await read(pool, made.format(entries + paragraph("For operators only.")) + paragraph("Next."))
    assert text.endswith("For operators only.\n\nNext.")


def test_marks_over_marks_over_a_long_text_do_not_make_it_many_times_as_long() -> None:
    formula = f"{'<mover>' * 50}<mi>{'a' * 10_000}</mi>{'<mo>^</mo></mover>' * 50}"
    text = mathml.line(ElementTree.fromstring(f"<math xmlns='{mathml.MATH[1:-1]}'>{formula}</math>"))
    assert len(text) < 11_000


@pytest.mark.parametrize(
    ("equation", "line"),
    [
        ("<m:bar><m:barPr><m:pos m:val='top'/></m:barPr><m:e>{}</m:e></m:bar>", "x\u0305"),
        ("<m:bar><m:e>{}</m:e></m:bar>", "x\u0332"),
        ("<m:acc><m:accPr><m:chr m:val='\u0308'/></m:accPr><m:e>{}</m:e></m:acc>", "ẍ"),
        ("{}<m:phant><m:phantPr><m:show m:val='0'/></m:phantPr><m:e>{}</m:e></m:phant>", "x"),
        ("<m:phant><m:e>{}</m:e></m:phant>", "x"),
    ],
)
async def test_equations_keep_marks_over_letters_and_lose_what_is_not_shown(
    pool: Workers, equation: str, line: str
) -> None:
    letter = "<m:r><m:t>x</m:t></m:r>"
    body = f"<w:p>{run('So ')}<m:oMath>{equation.replace('{}', letter)}</m:oMath>{run('.')}</w:p>"
    assert await read(pool, body) == f"So {line}."
