"""What to set in Postgres for what is stored in it: judged from what ``listener.client.server_state`` saw.

::

    server_state ─► settings_advice · wal_advice · table_advice · index_advice · session_advice ─► Advice, sorted

Thresholds depend on how much there is. An advice has a stable code, figures, and a statement to paste.
"""

from __future__ import annotations

from collections.abc import Iterable

from listener.cli.advice.index_advice import of_indexes
from listener.cli.advice.piece import Advice, Setter
from listener.cli.advice.session_advice import of_sessions
from listener.cli.advice.settings_advice import of_settings
from listener.cli.advice.table_advice import of_tables
from listener.cli.advice.wal_advice import of_wal
from listener.client.server_state import ServerState

SEVERITIES = ("problem", "warning", "advice")


def advise(state: ServerState, schema: str, build_memory_mb: int) -> list[Advice]:
    """Return what to change, the worst first; ``build_memory_mb``: what a listener gives a build of an index."""
    setter = Setter(state, schema)
    found: list[Iterable[Advice]] = [
        of_settings(state, setter, build_memory_mb),
        of_wal(state, setter),
        of_tables(state, setter),
        of_indexes(state, setter),
        of_sessions(state, setter),
    ]
    return sorted((one for some in found for one in some), key=lambda one: SEVERITIES.index(one.severity))
