"""What installed distributions register with us as entry points, ours like all others."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from listener.errors import OperatorError

OURS = "ingest-listener"


@dataclass(frozen=True, slots=True)
class Extension:
    """What a distribution registers under a name.

    ``origin`` says whose it is and where it lies: ``acme-sources 1.2 (acme.sources:make)``; ``ours``: this package's.
    """

    name: str
    value: Any
    origin: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """What a distribution registers, not imported; ``origin`` and ``ours`` as of an Extension."""

    point: EntryPoint
    origin: str
    ours: bool


def installed(group: str) -> list[Extension]:
    """Import what is registered in a group of entry points; ours come first, then the others in the order of names.

    Raises OperatorError ``broken_extension`` if something can't be imported, two distributions took the same name, or
    nothing of ours is there.
    """
    found = registered(group)
    if not any(one.ours for one in found):
        hint = f"The installed package is older than the program: pip install --force-reinstall {OURS}"
        raise OperatorError("broken_extension", f"{OURS} has no entry points in {group}", hint)
    return [Extension(one.point.name, _imported(one.point, group, one.origin), one.origin, one.ours) for one in found]


def registered(group: str) -> list[Registered]:
    """Return what is registered in a group, in the same order; raises ``broken_extension`` for a name that is taken."""
    found: dict[str, Registered] = {}
    for is_strange, name, origin, point in sorted(map(_registered, entry_points(group=group)), key=lambda one: one[:2]):
        if other := found.get(name):
            raise broken(f"the name {name!r} in {group} of {origin}", f"{other.origin} has the same name")
        found[name] = Registered(point, origin, not is_strange)
    return list(found.values())


def broken(what: str, problem: object) -> OperatorError:
    """Return the error of an extension that can't be used; ``problem`` says why."""
    said = f"{type(problem).__name__}: {problem}" if isinstance(problem, BaseException) else problem
    hint = "Install its dependencies, upgrade it, or uninstall it: pip uninstall, with the name of its distribution."
    return OperatorError("broken_extension", f"{what} can't be used: {said}", hint)


def _imported(point: EntryPoint, group: str, origin: str) -> Any:
    try:
        return point.load()
    except Exception as error:  # whatever a stranger's module does when it is imported
        raise broken(f"{point.name!r} in {group} of {origin}", error) from error


def _registered(point: EntryPoint) -> tuple[bool, str, str, EntryPoint]:
    """Return whether a stranger registered it, its name, and its origin; a distribution's metadata is read once."""
    if point.dist is None:
        return True, point.name, point.value, point
    about = point.dist.metadata
    is_strange = about["Name"].replace("_", "-").lower() != OURS
    return is_strange, point.name, f"{about['Name']} {about['Version']} ({point.value})", point
