"""``doctor --advise``: what to set in Postgres, for what is stored in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from listener.cli.output import STYLES, Output
from listener.cli.problems import ENVIRONMENT, OK
from listener.cli.running import load_settings, open_session_of

if TYPE_CHECKING:
    from listener.cli.advice.piece import Advice
    from listener.client.server_state import ServerState


async def show_advice(output: Output) -> int:
    """Look, write what to change, and return the exit status: 5 if something is wrong, not for warnings."""
    from listener.cli.advice import advise
    from listener.cli.advice.piece import shown
    from listener.client.server_state import server_state

    settings = load_settings()
    async with open_session_of(settings, output) as session:
        state = await server_state(session.quiet())
    advice = advise(state, settings.schema_, settings.maintenance_memory_mb)
    good = all(one.severity != "problem" for one in advice)
    size = {"documents": state.rows("ingest_documents"), "chunks": state.chunks, "bytes": state.bytes}
    unseen = _not_seen(state)
    output.value({"ok": good, "size": size, "advice": advice, "not_seen": unseen})
    output.line(f"about {size['documents']} documents, {size['chunks']} chunks, {shown(size['bytes'])}")
    _write(advice, unseen, output)
    return OK if good else ENVIRONMENT


def _not_seen(state: ServerState) -> list[str]:
    unseen = []
    if not state.capacity.sees_all:
        unseen.append("how long transactions of other roles are open: grant pg_read_all_stats to this role")
    if any(table.rows and table.width is None for table in state.tables):
        unseen.append("how much of some tables is empty: only for a role that may read them, after ANALYZE")
    return unseen


def _write(advice: Sequence[Advice], unseen: Sequence[str], output: Output) -> None:
    for one in advice:
        output.line(f"{one.severity:8} {one.code}: {one.seen}", STYLES.get(one.severity))
        for line in one.set.split("\n"):
            output.line(f"         set: {line}")
        output.line(f"         why: {one.why}")
    for what in unseen:
        output.line(f"not seen {what}")
    if not advice:
        output.line("nothing to change")
