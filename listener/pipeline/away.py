"""Which services are away, as this listener last saw it: nobody here calls these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from listener.embedding import Space
from listener.errors import ServiceError

Key = tuple[str, str]
"""A service, and the tenant whose calls it is about."""


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """How to probe the service of a source: the source that a request named."""

    place: str


class SourceAway(Exception):
    """Documents can't be read, as their source may be away. ``place``: what to ask it for; ``error``: what it said."""

    def __init__(self, service: str, place: str, error: ServiceError) -> None:
        super().__init__(service)
        self.service = service
        self.place = place
        self.error = error


HowToAsk = Space | SourcePlace
"""How a service is asked whether it lives: for a text in a space that it embeds into, or for what it has."""


class Away:
    """The services that are away; ``engine.circuits`` keeps it up to date."""

    def __init__(self) -> None:
        self._errors: Mapping[Key, ServiceError] = {}

    def __bool__(self) -> bool:
        return bool(self._errors)

    def are(self, errors: Mapping[Key, ServiceError]) -> None:
        """Note which are, each with its error."""
        self._errors = errors

    def error(self, key: Key) -> ServiceError | None:
        """Return the error of a service that is away."""
        return self._errors.get(key)

    def check(self, key: Key) -> None:
        """Raise the error of a service that is away."""
        if error := self._errors.get(key):
            raise ServiceError(error.code, error.message, error.hint)
