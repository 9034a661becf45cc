"""Collections, documents and attempts in lists for people: a line each that fits, and below it why it failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from listener.cli.fitting import Line, below, columns, cut, in_a_word, short
from listener.cli.output import STYLES
from listener.cli.request_list import COLLECTION_WIDTH

if TYPE_CHECKING:
    from listener.client.inventory import Attempt, Holding, Listed

INDENT = 2


def of_collections(held: Sequence[Holding], width: int) -> list[Line]:
    """Return a line for each collection."""
    headings = ("collection", "documents", "chunks", "size", "failing", "changed", "embedder", "index")
    rows = [
        (cut(one.collection, COLLECTION_WIDTH), _number(one.documents), _number(one.chunks), size(one.bytes) or "",
         _number(one.failing), _ago(one.changed_at), embedder(one) or "", one.index or "")
        for one in held
    ]  # fmt: skip
    return _listed(headings, rows, [""] * len(rows), [()] * len(rows), width)


def of_documents(found: Sequence[Listed], named: bool, width: int) -> list[Line]:
    """Return a line for each document, and why its last attempt failed; ``named``: with its collection."""
    headings = ("collection" if named else "size", "state", "chunks", "changed", "document")
    rows = [
        (cut(one.collection, COLLECTION_WIDTH) if named else size(one.bytes) or "", one.state, _number(one.chunks),
         _ago(one.changed_at), one.uri)
        for one in found
    ]  # fmt: skip
    reasons = [[f"{one.code}: {one.message}", *_hint(one.hint)] if one.code else [] for one in found]
    return _listed(headings, rows, [STYLES.get(one.state, "") for one in found], reasons, width)


def of_attempts(attempts: Sequence[Attempt], width: int) -> list[Line]:
    """Return a line for each attempt at a document, and why it failed."""
    headings = ("request", "became", "chunks", "when")
    rows = [
        (short(one.request_id), f"failed in {one.step}" if one.code else became(one), _number(one.chunks),
         f"{one.created_at:%Y-%m-%d %H:%M}")
        for one in attempts
    ]  # fmt: skip
    reasons = [[f"{one.code}: {one.message}", *_hint(one.hint)] if one.code else [] for one in attempts]
    return _listed(headings, rows, ["red" if one.code else "" for one in attempts], reasons, width)


def became(attempt: Attempt) -> str:
    """Return what an attempt made of a document."""
    if attempt.code:
        return f"failed in {attempt.step}: {attempt.code}: {attempt.message}"
    return "live" if attempt.is_live else f"{attempt.state}: {attempt.reason}" if attempt.reason else attempt.state


def embedder(held: Holding) -> str | None:
    """Return what makes a collection's vectors, None if that is not decided yet."""
    return f"{held.embedder} {held.model}, {held.dimensions}" if held.embedder else None


def size(count: int | None) -> str | None:
    """Return a number of bytes as people read it."""
    if count is None:
        return None
    amount = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.4g} TB"


def _listed(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str],
    reasons: Sequence[Iterable[str]],
    width: int,
) -> list[Line]:
    heading, lines = columns(headings, rows, width, styles)
    made = [heading]
    for of_one, why in zip(lines, reasons, strict=True):
        made += [*of_one, *below(why, width, INDENT, "dim")]
    return made


def _number(count: int | None) -> str:
    return "" if count is None else str(count)


def _ago(then: datetime | None) -> str:
    return "" if then is None else in_a_word(datetime.now(timezone.utc) - then)


def _hint(hint: str | None) -> list[str]:
    return [f"hint: {hint}"] if hint else []
