"""Reading documents writes no file, whatever is inside of them: parsers work where nobody may write a byte to one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DOCUMENTS = Path(__file__).parents[1] / "documents"

# In a process of its own, since a limit can't be taken back. Workers inherit it.
PARSE = """
import asyncio, email.message, resource, sys
from pathlib import Path
sys.path[:] = sys.argv[2:]
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
    parsers = Parsers(workers)
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


def test_documents_with_all_that_is_inside_of_them_are_read_without_writing_a_file(tmp_path: Path) -> None:
    folder = str(tmp_path)
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), folder)
    ran = subprocess.run(
        [sys.executable, "-c", PARSE, str(DOCUMENTS), *sys.path], cwd=folder,
        env={**os.environ, **places, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    ends = dict(
        line.rsplit(" ", 1) if line.count(" ") == 1 else (line.split()[0], "") for line in ran.stdout.splitlines()
    )
    refused = {name: code for name, code in ends.items() if code}
    assert set(refused.values()) == {"encrypted", "no_text", "unsupported"}  # as where writing is allowed
    assert {name for name in ends if name not in refused} >= {
        "handbook.pdf",
        "handbook.docx",
        "talk.pptx",
        "berths.xlsx",
    }
    assert f"all.eml 17 {len(list(DOCUMENTS.iterdir()))}" in ran.stdout
    assert list(tmp_path.iterdir()) == []
