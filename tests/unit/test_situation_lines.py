"""What ``ingest status --watch`` shows: it fits a terminal of 80 columns and 24 lines, and nothing steers that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from listener.cli.fitting import Line, width_of
from listener.cli.situation_lines import lines_of
from listener.client.situation import MOST_COUNTED, Alive, Backlog, Failing, Indexing, Situation, Watching

AT = datetime.now(timezone.utc)
QUIET = Situation(AT, [], 0, 0, 0, 0, [], {}, None, None, [], Watching(0, 0, 0, 0, []))
BUSY = Situation(
    AT,
    [Alive(f"L{n}", f"host-{n}.a-long-name.example.com", 4000 + n, n, 16, n * 1.0) for n in range(30)],
    3,
    4,
    MOST_COUNTED,
    12,
    [
        Backlog(f"kind{n}", 10 - n, AT - timedelta(hours=n), f"kind{n}: " + "wait \x1b[31mfor\n it " * 40)
        for n in range(9)
    ],
    {"succeeded": 1200, "partially_succeeded": 3, "failed": 1},
    1234.5,
    0.0625,
    [Failing(f"code_{n}", n + 1, AT, "/srv/" + "文書/" * 60) for n in range(9)],
    Watching(2000, 3, 2, 1900, [f"watch {n}: not_found: " + "it is gone " * 30 for n in range(50)]),
    Indexing(7, [f"manuals {n}: building 4{n}.0 %, loading \x1b[31m tuples" for n in range(9)]),
)
UNSEEN = replace(BUSY, listeners=None, failing=None, watches=None, indexes=None)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


@pytest.mark.parametrize("height", [22, 12, 3])
@pytest.mark.parametrize("situation", [QUIET, BUSY, UNSEEN], ids=["quiet", "busy", "unseen"])
def test_the_overview_fits_a_terminal(situation: Situation, height: int) -> None:
    lines = texts(lines_of(situation, 80, height))
    assert len(lines) <= height
    assert [line for line in lines if width_of(line.rstrip()) > 80] == []
    assert all(line.isprintable() for line in lines)


def test_with_24_lines_each_kind_of_thing_is_told_and_what_is_left_out_is_counted() -> None:
    text = " ".join("\n".join(texts(lines_of(BUSY, 80, 22))).split())
    assert "30 alive, 435 of 480 places taken" in text
    assert "3 running, 4 waiting for a service, 100,000+ pending, 12 scheduled" in text
    assert "1,234 documents/s, 0.0625 chunks/s, 1 failed, 3 partially succeeded, 1,200 succeeded" in text
    assert "kind0: wait \\x1b[31mfor\\n it" in text
    assert "1 document, code_0, such as /srv/" in text
    assert "2000, 2 running, 3 paused, 1900 failing or waiting" in text
    assert "7 in use manuals 0: building 40.0 %, loading \\x1b[31m tuples" in text
    assert text.count("more") == 5


def test_a_quiet_installation_says_what_is_missing_and_that_nothing_waits() -> None:
    assert texts(lines_of(QUIET, 80, 22)) == [
        "listeners   none is running; start one with: ingest listen",
        "requests    0 running, 0 pending",
        "last minute nothing moved",
        "waiting     nothing",
        "failing     nothing",
        "watches     none",
    ]


def test_nothing_warns_where_nothing_waits() -> None:
    styles = {style for line in lines_of(replace(QUIET, listeners=BUSY.listeners), 80) for _, style in line}
    assert styles == {"", "bold"}


def test_what_a_role_may_not_see_is_said() -> None:
    assert "\n".join(texts(lines_of(UNSEEN, 80))).count("not visible to this role") == 3
