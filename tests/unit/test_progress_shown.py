"""What the command shows of how far requests are."""

from __future__ import annotations

import io
import re
import uuid
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from rich.console import Console

from listener.cli import follow, status
from listener.cli.output import Output
from listener.client.results import Status

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def made(**values: Any) -> Status:
    """Return a running request's status."""
    usual: dict[str, Any] = {
        "id": uuid.UUID(int=1), "collection": "c", "status": "running", "priority": 0, "run_at": AT, "attempt": 1,
        "created_by": "me", "created_at": AT, "source": "/srv/docs",
    }  # fmt: skip
    return Status(**{one.name: None for one in fields(Status)} | usual | values)


DISCOVERS = made(current_step="discover", documents_found=1200)
EMBEDS = made(
    current_step="embed", percent=37.456, documents_found=40, documents_total=40, documents_done=12, documents_failed=1,
    eta=timedelta(seconds=89.2),
)  # fmt: skip


def lines(*looks: list[Status], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is written for looks, each as if it came long after the one before."""
    monkeypatch.setattr(follow, "QUIET_SECONDS", 0.0)
    shown = follow._Lines(Output())
    for look in looks:
        shown.show(look)
    return capsys.readouterr().out.splitlines()


def test_documents_are_counted_until_all_are_found_then_there_is_a_percentage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lines([DISCOVERS], [EMBEDS], capsys=capsys, monkeypatch=monkeypatch) == [
        "running discover, found 1200 documents",
        "running embed, 13 of 40 documents (1 failed), 37.4 %",
    ]


def test_the_percentage_of_several_requests_waits_until_the_documents_of_all_are_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = made(percent=62.5, documents_found=1, documents_total=1, documents_done=0)
    assert lines([DISCOVERS, EMBEDS], [other, EMBEDS], capsys=capsys, monkeypatch=monkeypatch) == [
        "0 of 2 requests, found 1240 documents",
        "0 of 2 requests, 13 of 41 documents (1 failed), 49.9 %",
    ]


@pytest.mark.parametrize(("percent", "text"), [(0.0, "0"), (99.999, "99.9"), (100.0, "100"), (5.05, "5")])
def test_a_percentage_is_cut_so_that_100_is_only_what_is_through(percent: float, text: str) -> None:
    assert follow.percent_text(percent) == text


def test_a_list_shows_what_was_found_instead_of_a_share_of_it() -> None:
    assert status._cells(DISCOVERS)[2:4] == (None, "found 1200")
    assert status._cells(EMBEDS)[2:4] == ("37.4", "13/40, 1 failed")
    assert status._cells(made(status="pending"))[2:4] == (None, "")


def on_a_terminal(width: int, looks: list[Status], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines that a terminal of that width has shown."""
    seen = io.StringIO()
    output = Output()
    console = Console(file=seen, force_terminal=True, width=width, legacy_windows=False)
    monkeypatch.setattr(Output, "console", console)
    with follow._bar(output) as show:
        for look in looks:
            show([look])
    return re.split("[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.getvalue()))


def test_a_terminal_shows_a_bar_with_the_time_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_a_terminal(120, [DISCOVERS, EMBEDS], monkeypatch)
    assert any(
        "37.4 %" in line and "running embed, 13 of 40 documents (1 failed), 0:01:30 to go" in line for line in shown
    )


def test_at_80_columns_the_counts_stand_below_the_bar_and_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = made(
        current_step="embed", percent=37.456, documents_found=4000, documents_total=4000, documents_done=1300,
        documents_failed=12, documents_loaded=83, eta=timedelta(seconds=5429.2), documents_per_second=4250.4,
    )  # fmt: skip
    shown = on_a_terminal(80, [DISCOVERS, fast], monkeypatch)
    assert not [line for line in shown if "…" in line or len(line) > 80]
    assert any("37.4 %" in line and "4250 documents/s, 1:30:30 to go" in line for line in shown)
    assert "running embed, 1312 of 4000 documents (12 failed), 83 more read" in map(str.rstrip, shown)
