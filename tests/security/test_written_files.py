"""Reading documents writes no file, whatever is inside of them: parsers work where nobody may write a byte to one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from listener.documents import recognition
from listener.errors import SettingsError

DOCUMENTS = Path(__file__).parents[1] / "documents"

# In a process of its own, since a limit can't be taken back. Workers inherit it.
PARSE = """
import asyncio, email.message, resource, sys
from pathlib import Path
ocr, sys.path[:] = sys.argv[2] or None, sys.argv[3:]
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.errors import DocumentError

async def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    files = sorted(Path(sys.argv[1]).iterdir())
    mail = email.message.EmailMessage()
    mail["subject"] = "documents"
    mail.set_content("with attachments")
    for file in files:
        mail.add_attachment(file.read_bytes(), maintype="application", subtype="octet-stream", filename=file.name)
    workers = Workers(1, 60, 1024)
    parsers = Parsers(workers, ocr)
    try:
        for name, data in [(file.name, file.read_bytes()) for file in files] + [("all.eml", bytes(mail))]:
            try:
                parsed = await parsers.parse(data, uri=f"file:///{name}")
                print(name, len(parsed.text), len(parsed.parts))
            except DocumentError as error:
                print(name, error.code)
    finally:
        await workers.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("languages", ["", "eng"], ids=["plain", "ocr"])
def test_documents_with_all_that_is_inside_of_them_are_read_without_writing_a_file(
    languages: str, tmp_path: Path
) -> None:
    """Nor a folder: where a picture is hard to read, no model is fetched."""
    if languages and not readable(languages):
        pytest.skip("Tesseract's data of English are not installed")
    folder = str(tmp_path)
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HF_HOME"), folder)
    ran = subprocess.run(
        [sys.executable, "-c", PARSE, str(DOCUMENTS), languages, *sys.path], cwd=folder,
        env={**os.environ, **places, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    refused = {line[0]: line[1] for line in lines if len(line) == 2}
    assert set(refused.values()) <= {"encrypted", "no_text", "unsupported"}  # as where writing is allowed
    assert ("scanned.pdf" in refused) is not bool(languages)
    names = {line[0] for line in lines} - set(refused)
    assert names >= {"handbook.pdf", "handbook.docx", "talk.pptx", "berths.xlsx"}
    assert ["all.eml", "17", str(len(list(DOCUMENTS.iterdir())))] in lines
    assert list(tmp_path.iterdir()) == []


def readable(languages: str) -> bool:
    try:
        return bool(recognition.tessdata(languages))
    except SettingsError:
        return False
