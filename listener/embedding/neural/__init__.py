"""The embedder for models of sentence-transformers, in a separate process (the extra ``neural``).

::

    weights           which model a name or a path means, and what its files say: dimensions, length, prompts
    neural_embedder   texts → batches of like lengths → vectors
    cross_encoder     a query and texts → scores, by a model that reads both together
    neural_process    the process: started when it is first needed, watched, replaced when it dies
    neural_worker     what runs in it: torch is imported there and nowhere else

See ``docs/decisions/0038-neural.md``.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from listener.embedding.embedder import Space
from listener.embedding.neural import weights
from listener.errors import SettingsError

if TYPE_CHECKING:
    from listener.embedding.neural.neural_embedder import NeuralEmbedder
    from listener.settings import Settings


def space(settings: Settings) -> Space:
    """Return the space of the model that the settings mean, with the dimensions that its files say.

    Raises SettingsError ``embedder_not_installed``, ``weights_missing``, ``dimensions_unknown``, ``wrong_dimensions``.
    """
    require_installed()
    model = weights.find(settings.embedding_model or weights.DEFAULT)
    dimensions = model.dimensions or settings.embedding_dimensions
    if dimensions is None:
        raise SettingsError(
            "dimensions_unknown",
            f"the files of {model.name} don't say how many dimensions its vectors have",
            "Set INGEST_EMBEDDING_DIMENSIONS; the model's page says how many.",
        )
    found = Space("neural", "", model.name, dimensions)
    if settings.embedding_dimensions not in (None, dimensions):
        raise wrong_dimensions(found, settings.embedding_dimensions or 0)
    return found


def create(space: Space, settings: Settings) -> NeuralEmbedder:
    """Return the embedder of a space; raises SettingsError as ``space`` does."""
    from listener.embedding.neural.neural_embedder import NeuralEmbedder  # noqa: PLC0415 - imports numpy

    require_installed()
    model = weights.of_space(space.model, settings.embedding_model)
    if model.dimensions not in (None, space.dimensions):
        raise wrong_dimensions(Space("neural", "", model.name, model.dimensions or 0), space.dimensions)
    return NeuralEmbedder(space, model, settings)


def require_installed() -> None:
    """Raise SettingsError ``embedder_not_installed`` unless sentence-transformers is installed; it is not imported."""
    if find_spec("sentence_transformers") is None:
        raise SettingsError(
            "embedder_not_installed",
            "models of sentence-transformers need that package, and it is not installed",
            "run: pip install 'ingest-listener[neural]'",
        )


def wrong_dimensions(has: Space, wanted: int) -> SettingsError:
    """Return the error of a model whose vectors have another length than is wanted."""
    return SettingsError(
        "wrong_dimensions",
        f"the vectors of {has.model} have {has.dimensions} dimensions, not {wanted}",
        f"Unset INGEST_EMBEDDING_DIMENSIONS, or set it to {has.dimensions}; a collection keeps its own.",
    )
