"""URLs of Postgres: the one place that finds one, checks it, and shows it without its password.

A password that is not percent-encoded is cut up in different ways by asyncpg, libpq and SQLAlchemy, and what each takes
for a host or a parameter then stands in its error messages. So a URL that can be read in two ways goes to no driver.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.settings import Settings

log = logging.getLogger(__name__)

PORT = "5432"
HIDDEN = "***"
_SCHEMES = ("postgresql", "postgres")
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_PLACE = re.compile(r"(\[[^]]*\]|[^:]*)(:[0-9]*)?")
_SECRET_NAME = re.compile(r"(?i)password|secret")
_ENCODE = (
    "Percent-encode what is special in it (quote(password, safe='') in Python), above all @ / ? # [ ] % and blanks."
)


class _Unclear(ValueError):
    """The URL is none, or can be read in two ways. The message quotes nothing of it."""


async def find_dsn(settings: Settings, progress: Callable[[str], None] = log.info) -> str:
    """Return the URL that is set, or that of the embedded server, which is started if it does not run.

    ``progress`` is told what a start that takes long is doing. Raises OperatorError ``bad_database_url``, or the
    embedded server's own.
    """
    if settings.database_url:
        return check_dsn(settings.database_url.strip())
    from listener import embedded  # noqa: PLC0415 - Linux only, and needless with a server of one's own

    return (await embedded.start(settings.data_dir, progress=progress)).dsn()


def check_dsn(dsn: str) -> str:
    """Return ``dsn`` if every driver reads it in the same way; raises OperatorError ``bad_database_url``."""
    try:
        if _split(dsn).scheme not in _SCHEMES:
            raise _Unclear("it does not begin with postgresql://")
    except _Unclear as why:
        hint = f"Like postgresql://user:password@host:5432/database. {_ENCODE}"
        raise OperatorError("bad_database_url", f"the database's URL can't be used: {why}", hint) from None
    return dsn


def shown(url: str) -> str:
    """Return ``url`` without its passwords; nothing of one that can be read in two ways."""
    try:
        parts = _split(url)
    except _Unclear:
        return "(a URL that can't be used)"
    login, at, places = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    netloc = f"{user}{colon and ':' + HIDDEN}{at}{places}"
    query = "&".join(f"{key}={HIDDEN if _SECRET_NAME.search(key) else value}" for key, value in _parameters(parts))
    return _joined(parts, netloc, query)


def without_password(dsn: str) -> tuple[str, str | None]:
    """Return ``dsn`` as a command line may have it, which all users see, and the password."""
    parts = _split(dsn)
    login, at, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    others = [(key, value) for key, value in _parameters(parts) if key != "password"]
    password = next((value for key, value in _parameters(parts) if key == "password"), password)
    query = "&".join(f"{key}={value}" for key, value in others)
    return _joined(parts, f"{user}{at if user else ''}{places}", query), unquote(password) or None


def url_for_dbos(dsn: str) -> str:
    """Return the URL as SQLAlchemy takes it too: of several hosts it knows only those in the query."""
    if not names_several_hosts(dsn):
        return dsn
    parts = urlsplit(dsn)
    login, at, places = parts.netloc.rpartition("@")
    query = [parts.query] if parts.query else []
    if leaves_host_open(dsn):
        query.append("target_session_attrs=read-write")
    if "," in places:
        hosts, ports = (",".join(each) for each in zip(*map(_host_and_port, places.split(",")), strict=True))
        query.append(urlencode({"host": hosts, "port": ports}))
        places = ""
    return _joined(parts, f"{login}{at}{places}", "&".join(query))


def as_role(dsn: str, role: str) -> str:
    """Return the URL of sessions that act as ``role``, of which the user is a member."""
    parts = urlsplit(dsn)
    parameters = parse_qs(parts.query)
    escaped = role.replace("\\", "\\\\").replace(" ", "\\ ")
    parameters["options"] = [" ".join([*parameters.get("options", ()), f"-crole={escaped}"])]
    return _joined(parts, parts.netloc, urlencode(parameters, doseq=True, quote_via=quote))


def names_several_hosts(dsn: str) -> bool:
    """Tell whether ``dsn`` names more than one host."""
    parts = urlsplit(dsn)
    return any("," in places for places in (parts.netloc.rpartition("@")[2], *parse_qs(parts.query).get("host", ())))


def leaves_host_open(dsn: str) -> bool:
    """Tell whether ``dsn`` says nothing of which of its hosts is meant."""
    return "target_session_attrs" not in parse_qs(urlsplit(dsn).query)


def _split(url: str) -> SplitResult:
    """Return the parts of a URL; raises _Unclear if somebody else could split it in another way."""
    if "://" not in url:
        raise _Unclear("it does not begin with postgresql://")
    if not url.isprintable() or " " in url or "#" in url or _BROKEN_PERCENT.search(url):
        raise _Unclear("it has blanks, control characters, a # or a single % in it")
    try:
        parts = urlsplit(url)
    except ValueError:  # whose words quote the URL
        raise _Unclear("it has brackets or characters in it that no host has") from None
    login, _, places = parts.netloc.rpartition("@")
    if url.count("@") > parts.netloc.count("@") or "@" in login or "[" in login or "]" in login:
        raise _Unclear("it has an @ or a bracket that is not percent-encoded")
    hosts = places.split(",")
    if not all(map(_PLACE.fullmatch, hosts)) or (len(hosts) > 1 and "" in hosts):
        raise _Unclear("a host is missing or a port no number, or the password has a / or ? in it")
    _check_parameters(parts)
    return parts


def _check_parameters(parts: SplitResult) -> None:
    if any(not equals for _, equals, _ in _pieces(parts)):
        raise _Unclear("a parameter has no =, or a password has an & or ? in it")
    names = {key for key, _ in _parameters(parts)}
    if any(map(_SECRET_NAME.search, names)) and not all(map(_LIBPQ.fullmatch, names)):
        raise _Unclear("it has an unknown parameter beside a password, or that password has an & in it")


def _parameters(parts: SplitResult) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in _pieces(parts)]


def _pieces(parts: SplitResult) -> Iterator[tuple[str, str, str]]:
    return (piece.partition("=") for piece in parts.query.split("&") if parts.query)


def _joined(parts: SplitResult, netloc: str, query: str) -> str:
    return f"{parts.scheme}://{netloc}{parts.path}" + (f"?{query}" if query else "")


def _host_and_port(place: str) -> tuple[str, str]:
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):  # no port; the colon is one of an IPv6 address
        return place.strip("[]"), PORT
    return host.strip("[]"), port or PORT


# Parameters of libpq's URLs, which asyncpg takes too or passes on.
_LIBPQ = re.compile(
    r"host|hostaddr|port|dbname|database|user|password|passfile|service|options|replication|(fallback_)?application_name"
    r"|client_encoding|connect_timeout|target_session_attrs|load_balance_hosts|require_auth|channel_binding|requirepeer"
    r"|keepalives(_idle|_interval|_count)?|tcp_user_timeout|ssl(mode|negotiation|compression|cert|key|password|certmode)"
    r"|ssl(rootcert|crl|crldir|sni)|ssl_(min|max)_protocol_version|requiressl|gss(encmode|delegation|lib)|krbsrvname"
)
