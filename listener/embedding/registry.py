"""Embedders by space."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from listener.embedding import create

if TYPE_CHECKING:
    from listener.embedding import Embedder
    from listener.models import Space
    from listener.settings import Settings


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
