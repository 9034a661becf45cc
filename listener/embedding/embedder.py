"""What an embedder is: spaces, the vectors of a call, texts that are refused, and the two protocols to implement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from listener.errors import DocumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from listener.settings import Settings


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors can be compared only within one space: same embedder, endpoint, model and dimensions."""

    embedder: str
    endpoint: str
    model: str
    dimensions: int


class Embeddings(NamedTuple):
    """What a call returned: ``vectors``, shape (texts, dimensions), and the tokens that the service counted."""

    vectors: NDArray[np.float32]
    tokens: int = 0


class TextsRefused(DocumentError):
    """These texts of one embedding call can't be embedded; ``indices`` are their places in the call.

    ``rest`` holds what the others became, in their order, if that is known already: nothing is paid for twice.
    """

    def __init__(
        self, code: str, message: str, hint: str = "", indices: Sequence[int] = (), rest: Embeddings | None = None
    ) -> None:
        super().__init__(code, message, hint)
        self.indices = tuple(indices)
        self.rest = rest

    def __reduce__(self) -> Any:
        return type(self), (self.code, self.message, self.hint, self.indices)


class Embedder(Protocol):
    """Embeds texts into one space, for one event loop.

    One call takes at most ``group_texts`` texts with ``group_characters`` characters together (a longer text alone);
    both may fall while an embedder learns its service's limits. ``in_flight`` is how many concurrent calls are useful.

    It may have besides: ``embed_queries(texts)``, like ``embed``, for queries; ``count_tokens(texts)``,
    a number for each; ``probe()``, which asks its service once whether it is back, and ``recovered()``, called when it
    is; ``told``, what ``ingest doctor`` adds once it is prepared.
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
        SettingsError if none can be with the present settings, ServiceError if trying again later may help.
        """

    async def close(self) -> None:
        """Release connections and threads."""


class EmbedderFactory(Protocol):
    """What an entry point of the group ``ingest_listener.embedders`` names: a module, or another object, with these.

    It is imported to learn the space of a new collection, so whatever takes long to import is imported by ``create``
    or later.
    """

    def space(self, settings: Settings) -> Space:
        """Return the space of a new collection by the settings, with its own model and dimensions where none are set.

        ``Space.embedder`` is the name of the entry point. Raises SettingsError if the settings can't work.
        """

    def create(self, space: Space, settings: Settings) -> Embedder:
        """Return an embedder for a space, which loads nothing yet; raises SettingsError if there can't be one."""
