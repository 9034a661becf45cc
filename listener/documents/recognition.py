"""Where Tesseract's language data lies, for OCR: it is looked up once, never fetched."""

from __future__ import annotations

import os
from pathlib import Path

from listener.errors import SettingsError

FOLDERS = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/share/tesseract/tessdata",
           "/usr/local/share/tessdata", "/opt/homebrew/share/tessdata")  # fmt: skip


def tessdata(languages: str) -> str:
    """Return the folder that has the data of all ``languages`` (``eng+deu``); ``TESSDATA_PREFIX`` is looked at first.

    Raises SettingsError ``ocr_not_installed``.
    """
    wanted = [f"{language}.traineddata" for language in languages.split("+")]
    for folder in _folders():
        if all((folder / name).is_file() for name in wanted):
            return str(folder)
    hint = "install Tesseract with the data of each language (Debian: tesseract-ocr-eng), or unset INGEST_OCR"
    message = f"INGEST_OCR is {languages}, but no Tesseract folder has {' and '.join(wanted)}"
    raise SettingsError("ocr_not_installed", message, hint)


def _folders() -> list[Path]:
    prefix = os.environ.get("TESSDATA_PREFIX")
    found = [path for pattern in FOLDERS for path in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)]
    return [Path(prefix), Path(prefix) / "tessdata", *found] if prefix else found
