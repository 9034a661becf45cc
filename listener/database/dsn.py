"""Where Postgres is: the one place that finds the URL, checks it, writes it for each driver, and shows it."""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from listener.database.address import HIDDEN, Address, Unclear, WrongParameter, read, split
from listener.database.certificates import authorities
from listener.database.parameters import REPLACED, trusts_system
from listener.database.session_settings import option
from listener.errors import OperatorError
from listener.logs.masking import remember

if TYPE_CHECKING:
    from listener.settings import Settings

log = logging.getLogger(__name__)

_LIKE = "Like postgresql://user:password@host:5432/database."
_PARAMETERS = "Give what psql accepts. Server settings go into options: ?options=-c%20name%3Dvalue"
_ENCODE = (
    "Percent-encode special characters of its password (quote(password, safe='') in Python), above all @ / ? # [ ] %"
    " and spaces, or set the variable PGPASSWORD to the plain password."
)


async def find_dsn(settings: Settings, progress: Callable[[str], None] = log.info) -> str:
    """Return the URL that is set, or that of the embedded server, which is started if it does not run.

    ``progress`` is called with what a slow start is doing. Raises OperatorError ``bad_database_url``, or the
    embedded server's own.
    """
    if settings.database_url:
        return check_dsn(settings.database_url)
    from listener import embedded  # noqa: PLC0415 - Linux only, and needless with a server of one's own

    return (await embedded.start(settings.data_dir, progress=progress)).dsn()


def check_dsn(dsn: str) -> str:
    """Return what ``dsn`` says, and a service that it or ``PGSERVICE`` names, as a URL that all drivers read alike.

    Raises OperatorError ``bad_database_url``.
    """
    return _read(dsn, by_environment=True).url()


def address(dsn: str) -> Address:
    """Return what ``dsn`` says; raises OperatorError ``bad_database_url``."""
    return _read(dsn, by_environment=False)


def _read(dsn: str, by_environment: bool) -> Address:
    try:
        found = read(dsn.strip(), os.environ if by_environment else None)
    except Unclear as why:
        hint = _PARAMETERS if isinstance(why, WrongParameter) else f"{_LIKE} {_ENCODE}"
        raise OperatorError("bad_database_url", f"the database's URL can't be used: {why}", hint) from None
    if found.password and found.password not in (found.user, found.database):
        remember(found.password)
    return found


def shown(url: str) -> str:
    """Return ``url``, of Postgres or of a service, without its secrets; nothing of one that can be read in two ways."""
    try:
        if not url.lower().lstrip().startswith("http"):
            return read(url.strip()).shown()
        parts = split(url.strip())
    except Unclear:
        return "(a URL that can't be used)"
    login, at, place = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{parts.scheme}://{user}{colon and ':' + HIDDEN}{at}{place}{parts.path}"


def without_password(dsn: str) -> tuple[str, str | None]:
    """Return ``dsn`` as a command line may have it, which all users see, and the password."""
    found = address(dsn)
    return found.without_secrets().url(), found.password or None


def url_for_dbos(dsn: str) -> str:
    """Return the URL as SQLAlchemy and this machine's libpq take it: it has to name a database."""
    import psycopg.pq  # noqa: PLC0415 - only who runs DBOS comes here, and has it

    found = address(dsn)
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    parameters = {name: value for name, value in found.parameters.items() if name in known and name not in REPLACED}
    if found.names_several_hosts:
        parameters.setdefault("target_session_attrs", "read-write")
    if trusts_system(parameters):
        parameters["sslrootcert"] = authorities() or parameters["sslrootcert"]
    database = found.database or os.environ.get("PGDATABASE") or found.user or os.environ.get("PGUSER")
    return replace(found, database=database or getpass.getuser(), parameters=parameters).url()


def as_role(dsn: str, role: str) -> str:
    """Return the URL of sessions that act as ``role``, of which the user is a member."""
    return with_options(dsn, option("role", role))


def with_options(dsn: str, options: str) -> str:
    """Return the URL of sessions with more options, which win over existing ones."""
    return address(dsn).with_options(options).url()
