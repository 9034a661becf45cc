"""A document as text, and the documents inside of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from listener.errors import DocumentError


@dataclass(frozen=True, slots=True)
class Part:
    """A document inside of another one, such as an e-mail's attachment: its name there, and its bytes."""

    name: str
    media_type: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as normalized text: valid Unicode, no NUL.

    ``media_type`` says how to chunk it: ``text/markdown`` (HTML becomes that too), ``text/plain`` or a code type.
    ``pages`` are the places in ``text``, in characters, where its pages (slides) begin, the first page first; empty if
    it has none. ``parts`` are documents of their own. ``warning`` says what of the document could not be read.
    """

    text: str
    media_type: str
    title: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    pages: Sequence[int] = ()
    parts: Sequence[Part] = ()
    warning: DocumentError | None = None
