"""Bytes of a document to its text, and to those of documents inside of it, such as an e-mail's attachments."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from urllib.parse import quote

from listener.documents import headway
from listener.documents.parsed import Part
from listener.documents.spent import spending
from listener.documents.utf8 import HERE_BYTES
from listener.errors import DocumentError
from listener.pipeline.asking import code_of
from listener.pipeline.rows import Loaded
from listener.pipeline.tools import Tools

DEEPEST = 4  # levels of documents inside of documents
MOST_SLOW = 3  # documents inside one that used up the whole time limit; then no more are tried
MOST_PARTS = 1000  # inside of one, at all levels together


def is_small(sizes: Iterable[int]) -> bool:
    """Tell whether what has these sizes can be worked on here, on the event loop."""
    return sum(sizes) <= HERE_BYTES


async def with_parts(tools: Tools, uri: str, whole: Part, one: Loaded, most: int) -> list[Loaded]:
    """Parse a document and those inside of it; their texts have at most ``most`` bytes, all together."""
    loaded: list[Loaded] = []
    waiting, slow = deque([(uri, whole, 0)]), 0
    while waiting:
        uri, part, depth = waiting.popleft()
        await asyncio.sleep(0)  # short texts are read here: others get their turn between two of them
        about = await _of_part(tools, one, uri, part) if depth else one
        if depth > DEEPEST or len(loaded) > MOST_PARTS:
            loaded.append(replace(about, error=_too_many(uri, len(waiting) + 1).as_json("load")))
            break
        if way := headway.current():
            way.part(of=len(waiting) + 1)
        outcome = await _parsed(tools, uri, part, about, most) if slow < MOST_SLOW else _left_out(uri, about)
        if way and depth:
            way.done()
        slow += code_of(outcome.error) == "parser_timeout"
        if outcome.parsed:
            most -= len(outcome.parsed.text)
            waiting.extend((inner, one, depth + 1) for inner, one in _named(uri, outcome.parsed.parts))
            outcome = replace(outcome, parsed=replace(outcome.parsed, parts=()))
        loaded.append(outcome)
    return loaded


async def _of_part(tools: Tools, one: Loaded, uri: str, part: Part) -> Loaded:
    digested = sha256(part.data) if is_small([len(part.data)]) else await tools.in_thread(sha256, part.data)
    return Loaded(one.revision, one.read_seq, digested.digest(), len(part.data), part=uri)


async def _parsed(tools: Tools, uri: str, part: Part, about: Loaded, most: int) -> Loaded:
    with spending() as spent:
        try:
            parsed = await tools.parsers.parse(part.data, uri=uri, media_type=part.media_type, most=max(most, 0))
            return replace(about, parsed=parsed, parse_seconds=spent.seconds)
        except DocumentError as error:
            said = error.as_json("load") | {"media_type": tools.parsers.kind(part.data, uri, part.media_type)}
            return replace(about, error=said, parse_seconds=spent.seconds)


def _left_out(uri: str, about: Loaded) -> Loaded:
    message = f"{uri} was not tried: {MOST_SLOW} others inside the same document used up their time"
    hint = "extract the slow ones, or raise INGEST_PARSE_TIMEOUT_SECONDS"
    return replace(about, error=DocumentError("parser_timeout", message, hint).as_json("load"))


def _named(uri: str, parts: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    """Give parts URIs: ``mail.eml#report.pdf``, a part's part ``mail.eml#inner.eml/report.pdf``."""
    names: Counter[str] = Counter()
    given: set[str] = set()
    for part in parts:
        name = part.name
        while name in given:
            names[part.name] += 1
            name = f"{part.name}~{names[part.name] + 1}"
        given.add(name)
        yield f"{uri}{'/' if '#' in uri else '#'}{quote(name, safe=' ~')}", part


def _too_many(uri: str, left_out: int) -> DocumentError:
    message = f"{uri} and {left_out - 1} more documents inside the same one are skipped"
    return DocumentError("too_many_parts", message, f"at most {MOST_PARTS}, at most {DEEPEST} levels deep, are read")
