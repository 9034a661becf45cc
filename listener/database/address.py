"""A database's address and user: URLs of psql and keyword/value strings, read in one way for all drivers.

A password that is not percent-encoded is cut up in different ways by asyncpg, libpq and SQLAlchemy, and what each takes
for a host or a parameter then appears in its error messages. So an ambiguous text is passed to no driver,
and nothing of it is repeated. Whatever can be parsed is written anew for each driver.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from listener.database import conninfo
from listener.database.parameters import OLD_NAMES, SHOWN, is_known, is_secret, meant, trusts_system, wrong_value
from listener.database.service_file import NoService, parameters_of

PORT = 5432
HIDDEN = "***"
_SCHEMES = ("postgresql", "postgres")
_PORT = re.compile(r"[0-9]{1,5}")
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_ONE_PLACE = re.compile(r"(\[[^]]*\]|[^:]*)(:[0-9]*)?")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|(?P<six>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)")
_OWN = ("user", "password", "dbname", "host", "port")  # what is not among the parameters


class Unclear(ValueError):
    """The text is no address, or is ambiguous. The message quotes nothing that may belong to a password."""


class WrongParameter(Unclear):
    """What it says can be read, and is not what psql takes."""


class Place(NamedTuple):
    """A host, or the folder of a socket, and a port. Without a host: wherever drivers look by themselves."""

    host: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Address:
    """What was said about the way to a database; what was not is None or empty."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    places: tuple[Place, ...] = ()
    database: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def names_several_hosts(self) -> bool:
        """Whether there is more than one place to look for the server."""
        return len(self.places) > 1

    def url(self) -> str:
        """Return a URL that libpq and SQLAlchemy read the same way: several hosts are in its query."""
        written = [] if self.names_several_hosts else _written(self.places)
        password = "" if self.password is None else f":{quote(self.password, safe='')}"
        return self._url(password, written, self.parameters, safe="")

    def shown(self) -> str:
        """Return a URL for people: no secret in it, and no parameter that nobody has to see."""
        seen = {name: value for name, value in self.parameters.items() if name in SHOWN}
        password = "" if self.password is None else f":{HIDDEN}"
        return self._url(password, _written(self.places), seen, safe="/:,@")

    def without_secrets(self) -> Address:
        """Return it as a command line may have it, which all users see."""
        kept = {name: value for name, value in self.parameters.items() if not is_secret(name)}
        return replace(self, password=None, parameters=kept)

    def given(self, **parameters: str) -> Address:
        """Return it with some parameters set."""
        return replace(self, parameters={**self.parameters, **parameters})

    def with_options(self, options: str) -> Address:
        """Return it with more options for the server's session, which win over existing ones."""
        return self.given(options=" ".join(filter(None, [self.parameters.get("options"), options])))

    def _url(self, password: str, places: Sequence[str], parameters: Mapping[str, str], safe: str) -> str:
        query = dict(parameters) if places else {**_as_parameters(self.places), **parameters}
        login = quote(self.user or "", safe="") + password
        path = "" if self.database is None else quote(self.database, safe="")
        pairs = "&".join(f"{name}={quote(value, safe=safe)}" for name, value in query.items())
        return f"postgresql://{login}{login and '@'}{','.join(places)}/{path}{pairs and '?'}{pairs}"


def read(text: str, environment: Mapping[str, str] | None = None) -> Address:
    """Return what a URL or keyword/value string says, with the service that it names; raises Unclear.

    ``environment``: where ``PGSERVICE``, too, may name one.
    """
    if not text.isprintable():
        raise Unclear("it contains control characters, or bytes that are not UTF-8")
    said = _of_conninfo(text) if conninfo.is_conninfo(text) else _of_url(split(text))
    service = said.pop("service", None) or (environment or {}).get("PGSERVICE")
    if service:
        said = {**_of_service(service, environment or os.environ), **said}
    if wrong := wrong_value(said):
        raise WrongParameter(wrong)
    return _address(said)


def _of_conninfo(text: str) -> dict[str, str]:
    try:
        return _known(conninfo.read(text))
    except conninfo.WrongConninfo as why:
        raise Unclear(str(why)) from None


def split(url: str) -> SplitResult:
    """Return the parts of a URL; raises Unclear if it could be split in another way."""
    if "://" not in url:
        raise Unclear("it does not begin with postgresql://")
    if not url.isprintable() or " " in url or "#" in url or _BROKEN_PERCENT.search(url):
        raise Unclear("it contains spaces, control characters, a # or a single %")
    try:
        parts = urlsplit(url)
    except ValueError:  # whose words quote the URL
        raise Unclear("it contains brackets or characters that no host has") from None
    login, _, places = parts.netloc.rpartition("@")
    if url.count("@") > parts.netloc.count("@") or "@" in login or "[" in login or "]" in login:
        raise Unclear("it has an @ or a bracket that is not percent-encoded")
    hosts = places.split(",")
    if not all(map(_ONE_PLACE.fullmatch, hosts)) or (len(hosts) > 1 and "" in hosts):
        raise Unclear("a host is missing, a port is no number, or the password contains a / or ?")
    return parts


def _of_url(parts: SplitResult) -> dict[str, str]:
    if parts.scheme not in _SCHEMES:
        raise Unclear("it does not begin with postgresql://")
    login, _, netloc = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    hosts = [_host_and_port(place) for place in netloc.split(",")] if netloc else []
    said = {
        "user": unquote(user),
        "host": ",".join(host for host, _ in hosts),
        "port": ",".join(port for _, port in hosts) if any(port for _, port in hosts) else "",
        "dbname": unquote(parts.path[1:]),
    }
    set_there = {name: value for name, value in said.items() if value}
    return set_there | ({"password": unquote(password)} if colon else {}) | _known(_of_query(parts.query))


def _of_query(query: str) -> list[tuple[str, str]]:
    pieces = [piece.partition("=") for piece in query.split("&")] if query else []
    if any(not equals for _, equals, _ in pieces):
        raise Unclear("a parameter has no =, or a password contains an & or ?")
    return [(unquote(name), unquote(value)) for name, _, value in pieces]


def _known(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return what is set; raises Unclear for what psql does not take, named if it can't be a part of a password."""
    behind_secret = False
    for name, _ in pairs:
        if not is_known(name):
            perhaps = f"; is {close} meant?" if (close := meant(name)) else ""
            if behind_secret:
                raise Unclear(f"it has an unknown parameter after a password, or the password contains an &{perhaps}")
            raise WrongParameter(f"it has an unknown parameter: {name[:60]}{perhaps}")
        behind_secret |= is_secret(name)
    return _of_today(pairs)


def _of_today(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the present names of those accepted for the sake of JDBC, old versions or asyncpg."""
    said: dict[str, str] = {}
    for name, value in pairs:
        if name in OLD_NAMES:
            said.update(OLD_NAMES[name](value))
        else:
            said[name] = value
    return said


def _of_service(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    try:
        pairs = parameters_of(service, environment)
    except NoService as why:
        raise WrongParameter(str(why)) from None
    if not all(is_known(name) for name, _ in pairs):
        raise WrongParameter(f"the service {service!r} has an unknown parameter in its file")
    return _of_today(pairs)


def _address(said: Mapping[str, str]) -> Address:
    hosts, addresses = (said[name].split(",") if said.get(name) else [] for name in ("host", "hostaddr"))
    if hosts and addresses and len(hosts) != len(addresses):
        raise Unclear(f"it has {len(addresses)} addresses for {len(hosts)} hosts")
    parameters = {name: value for name, value in said.items() if name not in _OWN and value}
    if trusts_system(parameters):
        parameters["sslmode"] = "verify-full"
    return Address(
        user=said.get("user") or None,
        password=said.get("password") or None,  # an empty one means none
        places=_places(hosts or addresses, said.get("port", "")),
        database=said.get("dbname") or None,
        parameters=parameters,
    )


def _places(hosts: Sequence[str], port: str) -> tuple[Place, ...]:
    if len(hosts) > 1 and "" in hosts:
        raise Unclear("a host is missing")
    ports = [_port(one) for one in port.split(",")]
    if not hosts and ports == [None]:
        return ()
    hosts = hosts or [""]
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise Unclear(f"it has {len(ports)} ports for {len(hosts)} hosts")
    return tuple(map(Place, hosts, ports))


def _port(written: str) -> int | None:
    if not written.strip():
        return None
    if not _PORT.fullmatch(written.strip()) or not 0 < int(written) < 65536:
        raise Unclear("a port is no number from 1 to 65535")
    return int(written)


def _host_and_port(place: str) -> tuple[str, str]:
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):  # no port; the colon is one of an IPv6 address
        host, port = place, ""
    return unquote(host.strip("[]")), port


def _written(places: Sequence[Place]) -> list[str]:
    """Return the places listed before a URL's path; none if one of them is invalid there."""
    named = [_HOST_NAME.fullmatch(place.host) for place in places]
    if not all(named):
        return []
    hosts = [f"[{name[0]}]" if name["six"] else name[0] for name in named if name]
    return [host if place.port is None else f"{host}:{place.port}" for host, place in zip(hosts, places, strict=True)]


def _as_parameters(places: Sequence[Place]) -> dict[str, str]:
    hosts = ",".join(place.host for place in places)
    ports = ",".join(str(place.port or PORT) for place in places) if any(place.port for place in places) else ""
    return {name: value for name, value in (("host", hosts), ("port", ports)) if value}
