"""What the load step asks for: how much of a document it reads, how much text it takes, and what that takes of memory.

A document is expected to be about as large as discovery saw it, and its text to be in proportion. One that turns out
larger is asked for once more, alone, as ``whole``: up to the limits of the settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from listener.documents.parsers import Parsers
from listener.pipeline.memory import TIMES_TEXT
from listener.pipeline.rows import Failure, ToLoad
from listener.settings import Settings
from listener.sources import inline
from listener.sources.base import Found, Wanted

UNKNOWN_BYTES = 1024 * 1024  # of a document whose size its source does not tell
GROWTH, SLACK = 16, 16 * 1024  # a document may have grown by a sixteenth since, and a little
EXPANDED, LEAST_EXPANDED = 8, 1024 * 1024  # the text of a packed document: times its size, and what any may have
BESIDE_RECORD = 64 * 1024  # bytes between two records that are read along


@dataclass(frozen=True, slots=True)
class Asked:
    """A document to load: what is read of it, the most bytes of text that it may have, and of memory it may take.

    ``whole``: what is asked for instead if that is not enough; None if it is the most that is taken at all.
    """

    row: ToLoad
    wanted: Wanted
    most_text: int
    worst: int
    whole: Asked | None = None

    @property
    def anew(self) -> Asked:
        """The same, to be read although it is known."""
        return replace(self, wanted=replace(self.wanted, known=None))


def expected(row: ToLoad, settings: Settings, parsers: Parsers) -> Asked:
    """Return what to ask for first."""
    limit = min(row.max_bytes or settings.max_document_bytes, settings.max_document_bytes)
    size = UNKNOWN_BYTES if row.bytes is None else row.bytes
    if row.record:
        return Asked(row, _wanted(row, limit), size, TIMES_TEXT * size + BESIDE_RECORD)
    largest = settings.max_document_bytes
    whole = Asked(row, _wanted(row, limit), largest, limit + (TIMES_TEXT - 1) * largest)
    read = size + size // GROWTH + SLACK
    expands = parsers.expands(row.uri, row.media_type) or row.whole_uri is not None
    most = max(EXPANDED * read, LEAST_EXPANDED) if expands else read
    if size > limit or (read >= limit and most >= largest):
        return whole
    return Asked(row, _wanted(row, min(read, limit)), most, read + (TIMES_TEXT - 1) * most, whole)


def code_of(error: Failure | None) -> str | None:
    """Return an error's code."""
    return error["code"] if error else None


def _wanted(row: ToLoad, limit: int) -> Wanted:
    locator = inline.given(row.locator, row.request_id)
    found = Found(row.uri, locator, row.media_type, version=row.version, record=row.record)
    return Wanted(found, limit, row.live)
