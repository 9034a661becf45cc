"""Which services are away, as this listener last saw it: nobody here calls these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from listener.embedding import Space
from listener.errors import ServiceError

Key = tuple[str, str]
"""A service, and the tenant whose calls it is about."""


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """How to probe the service of a source: the source that a request named."""

    place: str


@dataclass(frozen=True, slots=True)
class StepPlace:
    """How to probe the service of an own step: by its name, under these options."""

    name: str
    options: Mapping[str, Any]

    @property
    def place(self) -> str:
        """The same as text; no source's place begins like that."""
        return STEP + json.dumps([self.name, dict(self.options)])


STEP = "step:"


def how_to_ask(place: str) -> SourcePlace | StepPlace:
    """Return how to probe what a place belongs to."""
    return StepPlace(*json.loads(place[len(STEP) :])) if place.startswith(f"{STEP}[") else SourcePlace(place)


class SourceAway(Exception):
    """Work can't go on, as a source may be away. ``place``: what to ask it for; ``error``: what it said."""

    step = "load"

    def __init__(self, service: str, place: str, error: ServiceError) -> None:
        super().__init__(service)
        self.service = service
        self.place = place
        self.error = error


class StepAway(SourceAway):
    """The service of an own step may be away. ``progress``: it has answered something in this attempt."""

    def __init__(self, service: str, place: str, error: ServiceError, step: str) -> None:
        super().__init__(service, place, error)
        self.step = step
        self.progress = False


HowToAsk = Space | SourcePlace | StepPlace
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
