"""Whatever a service says of how long it wants to be left alone: an hour at most, and no other space waits with it."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from embedding_service import EmbeddingService, Received, Reply, answer, failing
from listener_process import ListenerProcess
from pipeline import ended, ingested, until
from staging import add, collection, session

from listener.embedding.pace import Pace
from listener.embedding.refusals import retry_after
from listener.errors import LONGEST_WISH_SECONDS, ServiceError

DIMENSIONS = 16
FAR = "Fri, 31 Dec 9999 23:59:59 GMT"

ENDLESS = [
    "inf",
    "Infinity",
    "1e7",
    "1e308",
    "9" * 150,
    "1" + "0" * 400,
    FAR,
    "5, inf",
    "inf, 5",
    "10000000, 3",
    "7, 1e7",
]
NO_WISH = [
    "nan",
    "",
    "soon",
    "-",
    "0x10",
    "∞",
    "1e",
    "Wed, 99 Oct 99999 07:28:00 GMT",
    "Wed, 21 Oct -2026",
    "\x00",
    ", ,",
]
NONE_LEFT = ["-1", "-1e9", "-inf", "0", "Wed, 21 Oct 2015 07:28:00 GMT"]


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
@pytest.mark.parametrize("value", ENDLESS)
def test_a_wish_without_end_is_an_hour(name: str, value: str) -> None:
    value = value if name == "retry-after" else value.replace("1e7", "1e10").replace("10000000", "10000000000")
    if name == "retry-after" or value != FAR:  # no service names a date in milliseconds
        assert retry_after({name: value}) == LONGEST_WISH_SECONDS


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
@pytest.mark.parametrize("value", NO_WISH)
def test_what_can_not_be_read_is_no_wish(name: str, value: str) -> None:
    assert retry_after({name: value, "date": value}) is None


@pytest.mark.parametrize("value", NONE_LEFT)
def test_a_wish_for_the_past_is_none_to_wait_for(value: str) -> None:
    assert retry_after({"retry-after": value}) == 0


@pytest.mark.parametrize("seconds", [math.inf, -math.inf, math.nan, 1e300, -5.0])
def test_no_embedder_can_have_a_step_wait_for_longer(seconds: float) -> None:
    wished = ServiceError("rate_limited", "no", retry_after=seconds).retry_after
    assert wished is None or 0 <= wished <= LONGEST_WISH_SECONDS


@pytest.mark.parametrize("seconds", [math.inf, 1e300])
async def test_a_pace_that_was_told_to_wait_for_ever_says_until_when_instead(seconds: float) -> None:
    pace = Pace(4)
    pace.limited(anyio.current_time(), seconds, "no")
    with pytest.raises(ServiceError) as raised:
        async with pace.turn(anyio.current_time()):
            pass
    assert raised.value.retry_after
    assert raised.value.retry_after <= LONGEST_WISH_SECONDS


async def test_a_service_that_refuses_for_ever_overflows_nothing() -> None:
    pace = Pace(4)
    for _ in range(1100):  # 2.0 ** 1024 is no float
        pace.lower(anyio.current_time())
        pace._in_a_row += 1
    pace.limited(anyio.current_time(), None, "no")


@pytest.mark.parametrize("wish", ["inf", pytest.param(FAR, marks=pytest.mark.long)])
async def test_one_space_waits_an_hour_at_most_and_the_others_go_on(ready: str, tmp_path: Path, wish: str) -> None:
    def only_one_is_limited(service: EmbeddingService, received: Received) -> Reply:
        limited = received.body["model"] == "limited"
        return (failing(429, "no more today", {"retry-after": wish}) if limited else answer)(service, received)

    async with EmbeddingService(dimensions=DIMENSIONS) as service, session(ready) as c:
        service.models |= {"limited", "free"}
        service.always(only_one_is_limited)
        process = ListenerProcess(
            ready, tmp_path, heartbeat_seconds=0.2, safety_poll_seconds=600, embedder="openai", embedding_model="free",
            embedding_dimensions=DIMENSIONS, openai_base_url=service.url, openai_api_key="sk-of-the-test",
        ).ready()  # fmt: skip
        try:
            await collection(c, "a", embedder="openai", endpoint=service.url, model="limited", dimensions=DIMENSIONS)
            waits = await add(c, collection="a", content="To be embedded some day.", uri="a")
            said = "select last_error, next_attempt_at - now() as left from ingest_status where id = $1"
            row = await until(lambda: c.fetchrow(f"{said} and next_attempt_at is not null", waits))
            assert timedelta(minutes=50) < row["left"] <= timedelta(hours=1)
            assert row["last_error"]["code"] == "rate_limited"
            assert (await ingested(c, collection="b", content="To be embedded now.", uri="b"))["status"] == "succeeded"
            await c.execute("select ingest_cancel($1)", waits)
            assert [row["status"] for row in await ended(c, waits)] == ["cancelled"]
        finally:
            assert process.stop() == 0
        assert " ERROR " not in process.log()
