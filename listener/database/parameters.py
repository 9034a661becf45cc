"""Parameters of connections, as psql accepts them, and how each is handled: half of our connections are asyncpg's.

::

    OBEYED    by all connections, whichever driver makes them
    UNUSED    obeyed by libpq, which DBOS's connections go through; asyncpg has nothing like it, and the reason why that
              does no harm stands beside it
    REPLACED  ours is used instead

Everything else is misspelt, or another driver's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches

OBEYED = frozenset(
    {
        *("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service"),
        *("options", "connect_timeout", "target_session_attrs", "load_balance_hosts"),
        *("sslmode", "sslnegotiation", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
    }
)

UNUSED: Mapping[str, str] = {
    "channel_binding": "sslmode=verify-full keeps others out of the middle too",
    "require_auth": "sslmode=verify-full verifies the server",
    "requirepeer": "only the owner of a socket's folder can put one there",
    "keepalives": "the server sends them",
    "keepalives_idle": "the server sends them",
    "keepalives_interval": "the server sends them",
    "keepalives_count": "the server sends them",
    "tcp_user_timeout": "statements have time limits",
    "gssencmode": "TLS is used; require is refused",
    "gssdelegation": "no credentials are handed on",
    "sslcompression": "no server compresses any more",
    "sslsni": "a name is always sent",
    "sslcrldir": "name the file in sslcrl",
    "sslcertmode": "a certificate is sent when the server asks for it",
    "sslkeylogfile": "no keys are written to a file",
    "min_protocol_version": "there is one version of the protocol in use",
    "max_protocol_version": "there is one version of the protocol in use",
    "scram_client_key": "the password is used",
    "scram_server_key": "the password is used",
    "oauth_issuer": "OAuth is not supported",
    "oauth_client_id": "OAuth is not supported",
    "oauth_client_secret": "OAuth is not supported",
    "oauth_scope": "OAuth is not supported",
}

REPLACED = frozenset({"application_name", "fallback_application_name", "client_encoding", "replication"})

OLD_NAMES: Mapping[str, Callable[[str], dict[str, str]]] = {
    "ssl": lambda value: {"sslmode": "require"} if value == "true" else {},  # JDBC's, as libpq accepts it
    "requiressl": lambda value: {"sslmode": "require"} if value == "1" else {},
    "database": lambda value: {"dbname": value},  # asyncpg's
}

FILES = ("sslcert", "sslkey", "sslrootcert", "sslcrl")
SHOWN = frozenset({"host", "hostaddr", "port", "sslmode", "target_session_attrs", "connect_timeout"})

_SECRET = re.compile(r"(?i)pass(?!file)|pwd|secret|scram_|token")
_WHOLE_NUMBERS = frozenset(
    {
        *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        "tcp_user_timeout",
    }
)
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,9}\s*")
_TLS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
    "ssl_min_protocol_version": _TLS,
    "ssl_max_protocol_version": _TLS,
    "gsslib": ("gssapi", "sspi"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer"),
    "replication": ("false", "off", "no", "0"),
}
_SYSTEM = "system"  # as sslrootcert: the authorities that the system trusts


def is_secret(name: str) -> bool:
    """Tell whether the value of a parameter of that name, right or misspelt, is a secret."""
    return bool(_SECRET.search(name))


def is_known(name: str) -> bool:
    """Tell whether psql takes a parameter of that name."""
    return name in OBEYED or name in UNUSED or name in REPLACED or name in OLD_NAMES


def meant(name: str) -> str | None:
    """Return the parameter that a misspelt name is close to."""
    close = get_close_matches(name.lower(), [*OBEYED, *UNUSED, *REPLACED], n=1, cutoff=0.75)
    return close[0] if close else None


def wrong_value(parameters: Mapping[str, str]) -> str | None:
    """Return what is wrong with the values, without repeating one; None if nothing is."""
    for name, value in parameters.items():
        if name in _WHOLE_NUMBERS and not _NUMBER.fullmatch(value):
            return f"{name} is no whole number"
        if name in _WORDS and value not in _WORDS[name]:
            return f"{name} is none of {', '.join(_WORDS[name])}"
    if trusts_system(parameters) and parameters.get("sslmode", "verify-full") != "verify-full":
        return "sslrootcert=system goes with sslmode=verify-full only"
    is_weak = parameters.get("sslmode", "prefer") in _WORDS["sslmode"][:3] and not trusts_system(parameters)
    if parameters.get("sslnegotiation") == "direct" and is_weak:
        return "sslnegotiation=direct needs sslmode=require, verify-ca or verify-full"
    return None


def trusts_system(parameters: Mapping[str, str]) -> bool:
    """Tell whether the certificate is compared with the authorities that the system trusts."""
    return parameters.get("sslrootcert") == _SYSTEM
