"""What our sessions have set, whatever defaults a database or a role has: our statements rely on it.

All of it goes into the parameter ``options`` of a connection, which wins over ``ALTER DATABASE`` and ``ALTER ROLE``,
and which changes nothing in a session that a pooler gives to others next.
"""

from __future__ import annotations

from collections.abc import Mapping

PINNED: Mapping[str, str] = {
    # A claim looks, locks, and looks again: with one snapshot for all of a transaction it would not see what changed.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # Each call has its own time limit, and a listener's connections are idle by design.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
    # How our literals are read, and the format of results.
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "IntervalStyle": "postgres",
    # If off, statements that policies concern fail for everybody but the owner.
    "row_security": "on",
}
NEWER: Mapping[int, Mapping[str, str]] = {17: {"transaction_timeout": "0"}}
"""Settings that a server has from a major version on; older ones would refuse the connection."""


def option(name: str, value: str) -> str:
    """Return a setting of a session as the parameter ``options`` has it."""
    return f"-c {name}=" + value.replace("\\", "\\\\").replace(" ", "\\ ")


def statements(major: int, everything: bool) -> str:
    """Return what sets in an open session what could not be set before: ``everything``, or what is new in its version.

    Empty if there is nothing.
    """
    newer = {name: value for since, settings in NEWER.items() if major >= since for name, value in settings.items()}
    settings = {**PINNED, **newer} if everything else newer
    return "".join(f"set {name} = '{value}';" for name, value in settings.items())


OPTIONS = " ".join(option(name, value) for name, value in PINNED.items())
