"""The regions of a Markdown text: stretches under one heading path, which are cut separately."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

from listener.documents.markdown.sections import Section


class Region(NamedTuple):
    """A stretch of the text that shares its headings: chunks never cross its ends."""

    start: int
    end: int
    path: tuple[str, ...]
    is_whole: bool = False  # of whole sections: no part of one, nor the text before the first


def regions_of(text: str, section: Section, size: int, lead: int | None = None) -> Iterator[Region]:
    """Yield the regions of a section: all of it if it fits one chunk, otherwise its own text, then its subsections.

    ``lead`` is where the region begins if headings without text of their own precede the section.
    """
    start = section.start if lead is None else lead
    if section.end - start <= size or not section.children:
        yield Region(start, section.end, _deepest(section).path, is_whole=True)
        return
    first = section.children[0]
    bare = not section.has_body
    own = [] if bare else [Region(start, first.start, section.path)]
    below = (
        list(regions_of(text, child, size, start if bare and child is first else None)) for child in section.children
    )
    yield from _pack(text, section.path, [own, *below], size)


def _deepest(section: Section) -> Section:
    """Return the section that the text is about, below headings that hold nothing but it."""
    while not section.has_body and len(section.children) == 1:
        section = section.children[0]
    return section


def _pack(text: str, path: tuple[str, ...], siblings: Iterable[Sequence[Region]], size: int) -> Iterator[Region]:
    """Join neighbours that are small (a quarter of a chunk) under the path of their parent, pass on the others."""
    packed: list[Region] = []
    run: list[Region] = []
    for found in siblings:
        if len(found) == 1 and found[0].end - found[0].start <= size // 4:
            run.append(found[0])
            continue
        packed += _join(text, path, run, size)
        run = []
        packed += found
    packed += _join(text, path, run, size)
    return _without_tiny(path, packed, size)


def _without_tiny(path: tuple[str, ...], siblings: Iterable[Region], size: int) -> Iterator[Region]:
    """Join a section of a few words (an eighth of a chunk) with the previous or next section, if both fit."""
    before: Region | None = None
    for found in siblings:
        if before and _go_together(before, found, size):
            before = Region(before.start, found.end, path, is_whole=True)
            continue
        if before:
            yield before
        before = found
    if before:
        yield before


def _go_together(first: Region, second: Region, size: int) -> bool:
    shorter = min(first.end - first.start, second.end - second.start)
    return first.is_whole and second.is_whole and shorter <= size // 8 and second.end - first.start <= size


def _join(text: str, path: tuple[str, ...], run: Sequence[Region], size: int) -> Iterator[Region]:
    at = 0
    while at < len(run):
        stop = at + 1
        while stop < len(run) and run[stop].end - run[at].start <= size:
            stop += 1
        if stop < len(run):
            ends = {run[i].end: i + 1 for i in range(at, stop) if run[i].end - run[at].start >= size // 2}
            stop = ends[choose(text, list(ends))] if ends else stop
        one = stop == at + 1
        yield run[at] if one else Region(run[at].start, run[stop - 1].end, path, is_whole=True)
        at = stop


def choose(text: str, places: Sequence[int]) -> int:
    """Return the place whose following text has the lowest checksum, so that neighbouring edits do not matter."""
    if len(places) == 1:
        return places[0]
    return min(places, key=lambda at: crc32(text[at : at + 48].encode("utf-8", "surrogatepass")))
