"""Turn texts into vectors: what is sent for a chunk, in which groups, and who embeds it.

An ``Embedder`` belongs to one space. ``local`` works without a key and without a network, ``openai`` calls a service.
Importing this package is cheap; what an embedder needs is imported when it is made, and loaded when it is first used or
by its ``prepare()``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol

from listener.embedding import local, openai_space
from listener.errors import SettingsError
from listener.models import Embeddings, Space

if TYPE_CHECKING:
    from listener.settings import Settings

DEFAULT_TEMPLATE = "{title}\n{heading_path}\n\n{text}"
"""Title, heading path, an empty line, then the chunk's text."""


class Embedder(Protocol):
    """Embeds texts into one space.

    One call takes at most ``group_texts`` texts with ``group_characters`` characters together (a longer text alone);
    both may fall while an embedder learns what its service takes. ``in_flight`` is how many calls at a time are of use.
    """

    @property
    def space(self) -> Space: ...
    @property
    def group_texts(self) -> int: ...
    @property
    def group_characters(self) -> int: ...
    @property
    def in_flight(self) -> int: ...

    async def prepare(self) -> None:
        """Load and check what can be loaded and checked before the first text.

        Raises SettingsError if this embedder can't work as it is set up.
        """

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return the texts' vectors, shape (texts, dimensions), C-contiguous, finite, none of length zero.

        Raises TextsRefused if some texts can't be embedded (with the vectors of the ``rest``, if they are known),
        SettingsError if no text can be as things are set, ServiceError if trying again later may help.
        """

    async def close(self) -> None:
        """Release connections and threads."""


def default_space(settings: Settings) -> Space:
    """Return the space of a new collection, with the embedder's own model and dimensions where none are set.

    Raises SettingsError: of ``local`` ``unknown_model`` or ``wrong_dimensions``; of ``openai`` ``wrong_dimensions``,
    ``dimensions_unknown``, ``bad_endpoint``, ``api_key_missing`` or ``api_key_refused``.
    """
    if settings.embedder == "openai":
        return openai_space.space(settings)
    return local.space(settings.embedding_model, settings.embedding_dimensions)


def create(space: Space, settings: Settings) -> Embedder:
    """Return an embedder for a space; it loads nothing yet. ``settings`` say how to reach a service, and its key.

    Raises SettingsError ``unknown_embedder``, ``unknown_endpoint``, or as ``default_space`` does.
    """
    if space.embedder == "local":
        return local.LocalEmbedder(space)
    if space.embedder == "openai":
        from listener.embedding.openai import OpenAIEmbedder  # noqa: PLC0415 - imports an HTTP client, 0.2 s

        return OpenAIEmbedder(space, settings)
    raise SettingsError(
        "unknown_embedder", f"the embedder {space.embedder!r} does not exist", "use the embedder 'local' or 'openai'"
    )


_FIELD = re.compile(r"\{(title|heading_path|text)\}")


def embedding_input(template: str, prefix: str, *, title: str | None, heading_path: Sequence[str], text: str) -> str:
    """Return what is embedded for a chunk: the prefix, then the template with its fields filled in.

    Headings are joined with ``>``; a first heading that repeats the title is left out. Lines of the template whose
    fields are all empty are left out with whatever else is in them, and so are empty lines that then stand at its
    begin, at its end or side by side. Values go in as they are: their braces and empty lines mean nothing.
    """
    title = (title or "").strip()
    headings = heading_path[1:] if heading_path and heading_path[0] == title else heading_path
    values = {"title": title, "heading_path": " > ".join(headings), "text": text}
    return prefix + "\n".join(_filled_lines(template, values))


def _filled_lines(template: str, values: dict[str, str]) -> list[str]:
    filled: list[str] = []
    for line in _lines(template):
        if line.fields and not any(values[name] for name in line.fields):
            continue
        if not line.is_blank or (filled and filled[-1].strip()):
            filled.append("".join([values[piece] if is_field else piece for is_field, piece in line.pieces]))
    while filled and not filled[-1].strip():
        filled.pop()
    return filled


class _Line(NamedTuple):
    """A line of a template: names of fields and what stands between them."""

    pieces: tuple[tuple[bool, str], ...]
    fields: tuple[str, ...]
    is_blank: bool


@lru_cache(maxsize=64)
def _lines(template: str) -> tuple[_Line, ...]:
    """Return the lines of a template; each chunk of a collection asks for the same."""
    found = []
    for line in template.strip("\n").split("\n"):
        parts = _FIELD.split(line)  # text, name, text, name, text
        pieces = tuple((bool(place % 2), part) for place, part in enumerate(parts) if part)
        found.append(_Line(pieces, tuple(parts[1::2]), not line.strip()))
    return tuple(found)


def text_hash(embedding_input: str) -> bytes:
    """Return the SHA-256 (32 bytes) of what is embedded: the same text in the same space is embedded once."""
    return sha256(embedding_input.encode("utf-8", "surrogatepass")).digest()


def groups(lengths: Sequence[int], max_texts: int, max_characters: int) -> Iterator[range]:
    """Yield ranges of neighbouring texts, in order, each as full as a call may be; a longer text goes alone."""
    start = characters = 0
    for at, length in enumerate(lengths):
        if at > start and (at - start == max_texts or characters + length > max_characters):
            yield range(start, at)
            start, characters = at, 0
        characters += length
    if start < len(lengths):
        yield range(start, len(lengths))
