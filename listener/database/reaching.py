"""asyncpg's arguments for reaching a database, part by part: it gets no URL to parse."""

from __future__ import annotations

import getpass
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from listener.database.address import PORT, Address, Place
from listener.database.certificates import context
from listener.database.parameters import FILES, trusts_system
from listener.database.passfile import password_of
from listener.errors import OperatorError

CONNECT_TIMEOUT_SECONDS = 10.0
NO_FILE = f"{os.devnull}/none"  # instead of a password file, which was read already
_VERIFYING = ("require", "verify-ca", "verify-full")
_TLS = (
    *("sslmode", "sslnegotiation", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
)


def arguments(address: Address) -> dict[str, Any]:
    """Return arguments of ``asyncpg.connect``; raises OperatorError ``bad_database_url`` for files that are not there.

    Whatever was not said is left to asyncpg, which looks into ``PGHOST`` and so on.
    """
    parameters = address.parameters
    places = _in_order(_reached(address), parameters)
    told: dict[str, Any] = {
        "user": address.user,
        "database": address.database,
        "password": address.password,
        "timeout": seconds(parameters),
        "krbsrvname": parameters.get("krbsrvname"),
        "gsslib": parameters.get("gsslib"),
        "target_session_attrs": parameters.get("target_session_attrs"),
        "server_settings": {"options": parameters["options"]} if "options" in parameters else {},
        **_hosts(places),
        **_encryption(address),
    }
    if address.password is None and "PGPASSWORD" not in os.environ:
        told["password"] = _from_file(address, places)
        told["passfile"] = NO_FILE
    return {name: value for name, value in told.items() if value is not None}


def _reached(address: Address) -> Sequence[Place]:
    """Return the places with addresses in place of their names."""
    given = address.parameters.get("hostaddr")
    if not given:
        return address.places
    return [Place(one or place.host, place.port) for one, place in zip(given.split(","), address.places, strict=True)]


def _in_order(places: Sequence[Place], parameters: Mapping[str, str]) -> Sequence[Place]:
    if parameters.get("load_balance_hosts") == "random":
        return random.sample(places, len(places))
    return places


def _hosts(places: Sequence[Place]) -> dict[str, Any]:
    if not places:
        return {}
    if not places[0].host:
        return {"port": places[0].port}
    ports = [place.port for place in places]
    if not any(ports):
        return {"host": [place.host for place in places]}
    return {"host": [place.host for place in places], "port": [port or PORT for port in ports]}


def seconds(parameters: Mapping[str, str]) -> float:
    """Return how long connecting may take: libpq's least is two seconds; without a limit it takes ours."""
    given = int(parameters.get("connect_timeout", 0))
    return max(float(given), 2.0) if given > 0 else CONNECT_TIMEOUT_SECONDS


def _encryption(address: Address) -> dict[str, Any]:
    parameters = address.parameters
    _require_files(parameters)
    by_address = bool(parameters.get("hostaddr")) and parameters.get("sslmode") in _VERIFYING
    if by_address or trusts_system(parameters):
        hosts = parameters.get("hostaddr", "").split(",")
        names = {at: place.host for at, place in zip(hosts, address.places, strict=False)}
        direct = True if parameters.get("sslnegotiation") == "direct" else None
        return {"ssl": context(parameters, names), "direct_tls": direct}
    said = {name: parameters[name] for name in _TLS if name in parameters}
    return {"dsn": f"postgresql://?{urlencode(said)}"} if said else {}


def _require_files(parameters: Mapping[str, str]) -> None:
    for name in FILES:
        file = parameters.get(name)
        if file and not (name == "sslrootcert" and trusts_system(parameters)) and not os.access(file, os.R_OK):
            hint = "Give the whole path of a file that this program may read."
            raise OperatorError("bad_database_url", f"{name}: there is no {file}, or it can't be read", hint)


def _from_file(address: Address, places: Sequence[Place]) -> str | None:
    user = address.user or os.environ.get("PGUSER") or getpass.getuser()
    database = address.database or os.environ.get("PGDATABASE") or user
    return password_of(address.parameters.get("passfile"), _named(address.places or places), database, user, os.environ)


def _named(places: Sequence[Place]) -> list[tuple[str, int]]:
    """Return hosts and ports as a password file names them; what is not said, the environment says."""
    hosts = [place.host for place in places]
    if not any(hosts):
        hosts = os.environ.get("PGHOST", "").split(",")
    ports = [str(place.port or "") for place in places]
    if not any(ports):
        ports = os.environ.get("PGPORT", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    named = zip(hosts, ports, strict=False)
    return [(host or "localhost", int(port) if port.isdecimal() else PORT) for host, port in named]
