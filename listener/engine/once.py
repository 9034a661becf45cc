"""What one process of a listener does for all of them: the first one, or the only one.

Several of these loops do no harm, but each costs statements, memory (a re-ranker's model) or a connection. If this
process dies, they pause until its supervisor has started it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from listener.engine.backfill import Backfill
from listener.engine.changes import Changes
from listener.engine.deadlines import Deadlines
from listener.engine.doorbell import Doorbell
from listener.engine.forgetting import Forgetting
from listener.engine.loop import Loop
from listener.engine.maintenance import Maintenance
from listener.engine.purge import Purge
from listener.engine.queries import Queries
from listener.engine.rerankings import Rerankings
from listener.engine.watches import Watches
from listener.pipeline.identity import Identity
from listener.pipeline.tools import Tools


@dataclass(frozen=True, slots=True)
class Once:
    """Loops by when they end: those that ``begin`` work before running work has drained, the others after it."""

    begin: Sequence[Loop] = ()
    answer: Sequence[Loop] = ()
    tidy: Sequence[Loop] = ()


def loops(
    pool: asyncpg.Pool, answers: asyncpg.Pool, dsn: str, tools: Tools, doorbell: Doorbell, identity: Identity
) -> Once:
    """Make them. ``answers``: a pool of their own for answers, which come at full load too."""
    settings, seconds = tools.settings, tools.settings.heartbeat_seconds
    return Once(
        begin=(
            Watches(pool, doorbell, identity),
            Changes(pool, doorbell),
            Maintenance(pool, settings, dsn, identity.executor_id),
        ),
        answer=(
            Queries(answers, doorbell, tools.embedders, settings),
            *Rerankings.of(answers, doorbell, identity.executor_id, settings),
            Deadlines(pool, seconds),
        ),
        tidy=(Purge(pool, settings, seconds), Forgetting(pool, settings, identity), Backfill(pool, seconds)),
    )
