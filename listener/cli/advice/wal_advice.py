"""Whether checkpoints come too often, and what keeps WAL from being removed."""

from __future__ import annotations

from collections.abc import Iterator

from listener.cli.advice.piece import GB, Advice, Setter, shown
from listener.client.server_state import ServerState

ENOUGH_CHECKPOINTS = 10
MOST_WAL = 64 * GB
MUCH_HELD = GB


def of_wal(state: ServerState, setter: Setter) -> Iterator[Advice]:
    """Yield advice on checkpoints and replication slots."""
    requested, timed = state.checkpoints.requested, state.checkpoints.timed
    most = state.settings["max_wal_size"].number
    if requested >= ENOUGH_CHECKPOINTS and requested > timed and most < MOST_WAL:
        yield Advice(
            "max_wal_size_small", "warning",
            f"max_wal_size = {shown(most)}, and {requested} of {requested + timed} checkpoints came before "
            "their time",
            setter.server("max_wal_size", shown(min(4 * most, MOST_WAL))),
            "After each checkpoint, the first change of a page writes all of it to the WAL again: a load "
            "writes a multiple of its data.",
        )  # fmt: skip
    for slot in state.slots:
        if slot.bytes > (MUCH_HELD if not slot.active else 10 * MUCH_HELD):
            unlimited = state.settings["max_slot_wal_keep_size"].value == "-1"
            yield Advice(
                "slot_holds_wal", "problem" if unlimited and not slot.active else "warning",
                f'replication slot "{slot.name}" ({"in use" if slot.active else "not in use"}) '
                f"holds {shown(slot.bytes)} of WAL",
                f"-- if its reader is gone: select pg_drop_replication_slot({literal(slot.name)});\n"
                + setter.server("max_slot_wal_keep_size", "50GB"),
                "WAL is kept until its reader has it: the disk fills up, and then nothing can be written.",
            )  # fmt: skip


def literal(text: str) -> str:
    """Return a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
