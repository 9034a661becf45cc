"""The log says when an outage begins, once a minute, and when it is over; not once for each batch."""

from __future__ import annotations

import logging

import pytest

from listener.engine.circuit_rows import OpenCircuit
from listener.engine.outage_log import OutageLog

KEY = ("openai small at http://x", "")


def circuit(age: float, opened: bool = True, tenant: str = "") -> OpenCircuit:
    failure = {"code": "embedding_unavailable", "message": "it broke off", "hint": ""}
    return OpenCircuit(KEY[0], tenant, opened, failure, age, 8.0, False, None)


def test_an_outage_is_logged_at_its_begin_each_minute_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    said = OutageLog(lambda: now)
    caplog.set_level(logging.INFO)
    said.saw([circuit(0, opened=False)], {})
    assert caplog.messages == [], "it is only suspected"
    for second in range(150):
        now = 1000.0 + second
        said.saw([circuit(second)], {KEY: 7})
    now = 1150.0
    said.saw([], {})
    said.saw([], {})
    assert caplog.messages == [
        "openai small at http://x is away: it broke off; it is asked again in 8 s; 7 parked here",
        "openai small at http://x has been away for 60 s: it broke off; it is asked again in 8 s; 7 parked here",
        "openai small at http://x has been away for 120 s: it broke off; it is asked again in 8 s; 7 parked here",
        "openai small at http://x is back after 150 s",
    ]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3 + [logging.INFO]


def test_a_listener_that_starts_in_an_outage_knows_how_long_it_lasted(caplog: pytest.LogCaptureFixture) -> None:
    now = 50.0
    said = OutageLog(lambda: now)
    caplog.set_level(logging.INFO)
    said.saw([circuit(3600, tenant="acme")], {})
    assert caplog.messages[-1].endswith("it is asked again in 8 s"), "nothing waits here"
    now = 60.0
    said.saw([], {})
    assert caplog.messages[-1] == "openai small at http://x (tenant acme) is back after 3610 s"
