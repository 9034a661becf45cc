"""Named services: sets of parameters in ``~/.pg_service.conf``, as psql reads them.

asyncpg ignores what it can't read, does not know ``PGSERVICE``, and repeats lines of the file in its errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILE = ".pg_service.conf"
SYSTEM_FILE = "pg_service.conf"


class NoService(ValueError):
    """A service can't be had. The message names the file and the line, and quotes nothing of it."""


def parameters_of(service: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the parameters of a service, from the user's file, then the system's; raises NoService."""
    looked_at = [*_files(environment)]
    for file in looked_at:
        found = _found(file, service)
        if found is not None:
            return found
    places = " or ".join(map(str, looked_at)) or "a service file: there is no home folder"
    raise NoService(f"the service {service!r} is not in {places}")


def _files(environment: Mapping[str, str]) -> list[Path]:
    if named := environment.get("PGSERVICEFILE"):
        own = [Path(named)]
    else:
        own = [Path(home, FILE)] if (home := environment.get("HOME")) else []
    return own + ([Path(folder, SYSTEM_FILE)] if (folder := environment.get("PGSYSCONFDIR")) else [])


def _found(file: Path, service: str) -> list[tuple[str, str]] | None:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise NoService(f"the service file {file} can't be read: {type(error).__name__}") from None
    inside, found = False, list[tuple[str, str]]()
    for number, written in enumerate(lines, 1):
        line = written.strip()
        if line.startswith("["):
            if inside:
                break
            inside = line == f"[{service}]"
        elif inside and line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if not equals or name.strip() == "service":
                raise NoService(f"line {number} of the service file {file} is no name=value")
            found.append((name.strip(), value.strip()))
    return found if inside or found else None
