"""A verb on all requests that match: what it tells of those that no longer fitted when it was their turn."""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import UUID

import pytest

pytest.importorskip("starlette")

from listener.cli.lasting import LastingWay
from listener.cli.webui.batch_run import MOST_UNDER_WAY, BatchRun, Runs
from listener.cli.webui.live import Live
from listener.client.selection import RequestFilter, VerbResult
from listener.errors import RequestError

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def run(codes: list[str | None], expected: int, state: str) -> BatchRun:
    """Return a run that was told what became of so many requests; None: it was done."""
    made = BatchRun("run", "cancel", RequestFilter(), {}, expected, NOON, state)
    for number, code in enumerate(codes):
        made.note(VerbResult(UUID(int=number), RequestError(code, "no", "") if code else None))
    return made


def test_requests_that_had_ended_before_are_not_refused() -> None:
    ended = run([None, None, "wrong_state", "not_granted"], 10, "ended")
    assert (ended.done, ended.number_refused, ended.late, ended.through) == (2, 1, 7, 10)


def test_what_is_not_reached_yet_had_not_ended_before() -> None:
    assert run([None, "wrong_state"], 10, "runs").late == 1
    assert run([None, "wrong_state"], 0, "ended").late == 1  # how many match was not counted


async def test_no_more_than_so_many_wait_for_their_turn_and_stopped_ones_make_room() -> None:
    way = LastingWay()
    runs = Runs(way, Live(way))
    begun = [runs.begin("cancel", RequestFilter(), {}, 0) for _ in range(MOST_UNDER_WAY)]
    with pytest.raises(RequestError) as refused:
        runs.begin("cancel", RequestFilter(), {}, 0)
    assert refused.value.code == "too_many_runs"
    await runs.stop(begun[0].id)
    assert begun[0].state == "stopped"
    runs.begin("cancel", RequestFilter(), {}, 0)
    await runs.close()
    assert runs.under_way() == []
