"""What a page is: where it lies, what it reads, and which template shows that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from listener.cli.problems import Problem, shown
from listener.client import Ingest
from listener.errors import IngestError, OperatorError

Read = Callable[[Ingest, "PageAddress"], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class PageAddress:
    """What is asked of a page: parameters of its path, and of its query, of which the first of each name counts."""

    path: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()

    def of_path(self, name: str) -> str:
        """Return a parameter of the path, or what stands in the query in its place (``Renderer.link``)."""
        return dict(self.path)[name] or self.exactly("part")

    def get(self, name: str, default: str = "") -> str:
        """Return a parameter of the query, without blanks around it; what is empty is as if it were not there."""
        return next((value.strip() for key, value in self.query if key == name), "") or default

    def exactly(self, name: str) -> str:
        """Return a parameter of the query as it stands: a URI may begin or end with a blank."""
        return next(iter(self.each(name)), "")

    def each(self, name: str) -> list[str]:
        """Return all parameters of the query of a name, as they stand, without those that are empty."""
        return [value for key, value in self.query if key == name and value]

    @property
    def filters(self) -> dict[str, str]:
        """Return what the query says, without what is empty."""
        return {name: self.get(name) for name, _ in self.query if self.get(name)}


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page. ``path``: as Starlette has it; ``name``: of its template, ``templates/<name>.html``.

    ``read``    what the template shows; raises IngestError, which is shown instead
    ``heading`` in the navigation; none: it is not in there
    ``is_live`` whether it is rendered again while it is open
    ``takes_turns`` whether two are read at a time; else it sees to that itself
    """

    path: str
    name: str
    read: Read = field(compare=False)
    heading: str = ""
    is_live: bool = True
    takes_turns: bool = True


def refusal(error: IngestError) -> Problem:
    """Return what a page with a form says beside it; raises ``error`` if nothing can be read at all."""
    if isinstance(error, OperatorError) and error.code != "not_permitted":
        raise error
    return shown(error)
