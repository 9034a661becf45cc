"""Embedders by name: the entry points of the group ``ingest_listener.embedders``, ours and those of other packages."""

from __future__ import annotations

from contextlib import AsyncExitStack
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from listener.errors import SettingsError

if TYPE_CHECKING:
    from listener.embedding.embedder import Embedder, EmbedderFactory, Space
    from listener.settings import Settings

GROUP = "ingest_listener.embedders"


def default_space(settings: Settings) -> Space:
    """Return the space of a new collection, with the embedder's own model and dimensions where none are set.

    Raises SettingsError ``unknown_embedder`` or ``embedder_not_installed``; of ``local`` ``unknown_model`` or
    ``wrong_dimensions``; of ``openai`` ``wrong_dimensions``, ``dimensions_unknown``, ``bad_endpoint``,
    ``api_key_missing`` or ``api_key_refused``; of ``neural`` ``weights_missing``, ``dimensions_unknown`` or
    ``wrong_dimensions``.
    """
    return find(settings.embedder).space(settings)


def create(space: Space, settings: Settings) -> Embedder:
    """Return an embedder for a space; it loads nothing yet. ``settings`` say how to reach a service, and its key.

    Raises SettingsError ``unknown_endpoint``, or as ``default_space`` does.
    """
    return find(space.embedder).create(space, settings)


def find(name: str) -> EmbedderFactory:
    """Return what is installed under a name.

    Raises SettingsError ``unknown_embedder`` if nothing is, ``embedder_not_installed`` if it can't be imported or two
    packages have it.
    """
    points = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    named = [point for (of, _), point in points.items() if of == name]
    if len(named) > 1:
        values = " and ".join(point.value for point in named)
        hint = "Uninstall one of the packages: the embedder decides which vectors can be compared."
        raise SettingsError("embedder_not_installed", f"two packages provide the embedder {name!r}: {values}", hint)
    if named:
        return _loaded(named[0])
    names = ", ".join(sorted({repr(of) for of, _ in points}))
    raise SettingsError(
        "unknown_embedder",
        f"the embedder {name!r} is not installed",
        f"Use one of {names}, or install the package that provides it." if names else "Install ingest-listener anew.",
    )


def _loaded(point: EntryPoint) -> EmbedderFactory:
    try:
        return cast("EmbedderFactory", point.load())
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            "embedder_not_installed",
            f"the embedder {point.name!r} can't be loaded from {point.value}: {error}",
            "Install what it needs, or use another embedder.",
        ) from error


class Embedders:
    """One embedder for each space, made when it is first needed; closed together."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[Space, Embedder] = {}

    def of(self, space: Space) -> Embedder:
        """Return the one embedder of a space; raises SettingsError if there can't be one."""
        if space not in self._made:
            self._made[space] = create(space, self._settings)
        return self._made[space]

    async def close(self) -> None:
        """Close all of them, also if one fails to close."""
        async with AsyncExitStack() as closing:
            while self._made:
                closing.push_async_callback(self._made.popitem()[1].close)
