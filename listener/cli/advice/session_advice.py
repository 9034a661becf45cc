"""Whether there are connections enough, and what keeps vacuum from removing anything."""

from __future__ import annotations

from collections.abc import Iterator

from listener.cli.advice.piece import Advice, Setter, lasting
from listener.cli.advice.wal_advice import literal
from listener.client.server_state import ServerState

OF_A_LISTENER = 10
WHILE_BUILDING = 1
MOST_SHARE = 0.8
HOUR = 3600.0


def of_sessions(state: ServerState, setter: Setter) -> Iterator[Advice]:
    """Yield advice on connections and transactions."""
    yield from _connections(state, setter)
    for one in state.transactions:
        yield Advice(
            "long_transaction", "warning" if one.seconds > HOUR else "advice",
            f'process {one.pid} of role "{one.role}" ({one.application or "no name"}, {one.state}) has a transaction '
            f"open for {lasting(one.seconds)}",
            f"select pg_terminate_backend({one.pid});  -- if nobody needs it",
            "Vacuum removes nothing that it could still see; builds of indexes and migrations wait for it.",
        )  # fmt: skip
    for left in state.prepared:
        yield Advice(
            "prepared_transaction_left", "warning",
            f'transaction "{left.gid}" was prepared {lasting(left.seconds)} ago and has not ended',
            f"rollback prepared {literal(left.gid)};  -- or commit prepared",
            "It keeps its locks, also over a restart, and vacuum removes nothing that it could still see.",
        )  # fmt: skip


def _connections(state: ServerState, setter: Setter) -> Iterator[Advice]:
    settings, sessions = state.settings, state.sessions
    reserved = sum(
        int(settings[name].value)
        for name in ("superuser_reserved_connections", "reserved_connections")
        if name in settings
    )
    usable = int(settings["max_connections"].value) - reserved
    others = sessions.used - sessions.of_listeners
    wanted = others + OF_A_LISTENER * sessions.listeners + WHILE_BUILDING
    if max(sessions.used, wanted) > MOST_SHARE * usable:
        yield Advice(
            "connections_scarce", "warning" if wanted <= usable else "problem",
            f"{sessions.used} of {usable} connections are in use; at full load {sessions.listeners} listeners have "
            f"{OF_A_LISTENER} each: {wanted} with the others'",
            setter.server("max_connections", str(max(100, -(-wanted * 3 // 2)))),
            "A listener that gets no connection waits, and is declared dead if that is its heartbeat's. Or put "
            "applications behind a pooler.",
        )  # fmt: skip
