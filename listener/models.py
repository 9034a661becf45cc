"""The small values that pass between the parts: references, results, chunks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of a document's text: ``text[start:end]``, in characters, under its headings (outermost first)."""

    start: int
    end: int
    heading_path: tuple[str, ...] = ()
