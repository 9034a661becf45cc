"""Documents of which only a part can be read: that is published, and a warning says what is missing."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from made_files import pdf_file
from pipeline import chunks, ended, ingested, one
from staging import Connection

PAGES = [f"Words of page {number} stand here" for number in range(1, 4)]
DAMAGED = pdf_file(PAGES, broken=(2,))
WARNED = "select uri, step, code, message, hint, state, is_live from ingest_warnings where request_id = $1"


async def test_a_document_that_is_read_in_part_is_published_with_a_warning(
    c: Connection, name: str, folder: Path
) -> None:
    (folder / "report.pdf").write_bytes(DAMAGED)
    row = await ingested(c, source=str(folder / "report.pdf"), collection=name)
    assert (row["status"], row["documents_done"], row["documents_failed"]) == ("succeeded", 1, 0)
    text = "\n".join(chunk["text"] for chunk in await chunks(c, name))
    assert (PAGES[0] in text, PAGES[1] in text, PAGES[2] in text) == (True, False, True)
    warning = await one(c, WARNED, row["id"])
    assert (warning["step"], warning["code"], warning["state"], warning["is_live"]) == (
        "load", "partially_read", "published", True,
    )  # fmt: skip
    assert warning["message"] == f"file://{folder}/report.pdf was only partly read, without page 2"
    assert "intact copy" in warning["hint"]

    (folder / "report.pdf").write_bytes(pdf_file(PAGES))
    again = await ingested(c, source=str(folder / "report.pdf"), collection=name)
    assert await c.fetch(WARNED, again["id"]) == []
    assert (await one(c, WARNED, row["id"]))["is_live"] is False


async def test_a_fork_keeps_the_warnings_of_what_it_takes_over(c: Connection, name: str, folder: Path) -> None:
    (folder / "report.pdf").write_bytes(DAMAGED)
    row = await ingested(c, source=str(folder / "report.pdf"), collection=name)
    fork = await c.fetchval("select ingest_fork($1, 'chunk')", row["id"])
    await ended(c, fork)
    assert (await one(c, WARNED, fork))["message"].endswith("without page 2")


async def test_an_attachment_that_is_read_in_part_has_a_warning_of_its_own(c: Connection, name: str) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Report"
    mail.set_content("See the report.")
    mail.add_attachment(DAMAGED, maintype="application", subtype="pdf", filename="report.pdf")
    row = await ingested(c, content_bytes=mail.as_bytes(), uri="mail.eml", collection=name)
    assert (row["documents_done"], row["documents_failed"]) == (2, 0)
    warning = await one(c, WARNED, row["id"])
    assert (warning["uri"], warning["code"]) == ("mail.eml#report.pdf", "partially_read")
