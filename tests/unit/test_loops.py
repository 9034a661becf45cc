"""A named loop: it runs until it is stopped, and one that fails says which one it was."""

from __future__ import annotations

import asyncio
import logging

import asyncpg
import pytest

from listener.engine.endings import declared_dead, ending, schema_newer
from listener.engine.loop import Loop, Rounds
from listener.errors import OperatorError
from listener.service import Listener
from listener.settings import Settings


class Failing(Loop):
    name = "failing"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self) -> None:
        raise self._error


class Waiting(Loop):
    name = "waiting"

    def __init__(self) -> None:
        self.begun, self.left = asyncio.Event(), False

    async def run(self) -> None:
        try:
            self.begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # as a rollback does
            self.left = True


class Looking(Rounds):
    name = "looking"

    def __init__(self, *errors: Exception) -> None:
        super().__init__(seconds=0.001)
        self._errors = list(errors)
        self.through = asyncio.Event()

    async def look(self) -> None:
        if self._errors:
            raise self._errors.pop()
        self.through.set()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("out of order"), "internal"),
        (declared_dead("here"), "declared_dead"),
    ],
)
async def test_a_loop_that_fails_is_named_in_the_log(
    error: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(OperatorError) as ended:
        await Failing(error).start()
    assert ended.value.code == code
    assert any(
        "the loop failing" in record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR
    )


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedFunctionError("function ingest_beat() does not exist"),
        asyncpg.UndefinedTableError('relation "ingest_requests" does not exist'),
        asyncpg.InvalidSchemaNameError('schema "docs" does not exist'),
        schema_newer("another call of this listener found it"),
    ],
)
async def test_a_loop_that_finds_nothing_to_call_leaves_it_to_the_listener_to_say_why(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(OperatorError) as ended:
        await Failing(error).start()
    assert ended.value.code == "schema_newer"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_stopping_ends_a_loop_where_it_waits_and_lets_it_clean_up() -> None:
    loop = Waiting()
    task = loop.start()
    await loop.begun.wait()
    await loop.stop()
    assert task.cancelled()
    assert loop.left


async def test_stopping_a_loop_that_has_failed_or_never_started_does_nothing() -> None:
    failing = Failing(ValueError("out of order"))
    await failing.stop()
    task = failing.start()
    await asyncio.wait([task])
    await failing.stop()
    assert isinstance(task.exception(), OperatorError)


async def test_a_loop_that_looks_goes_on_after_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    loop = Looking(ConnectionRefusedError("nobody there"))
    loop.start()
    await asyncio.wait_for(loop.through.wait(), 10)
    await loop.stop()
    assert "looking: waiting for Postgres: nobody there" in caplog.text


async def test_a_loop_that_meets_a_deadlock_or_a_lock_looks_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    loop = Looking(asyncpg.DeadlockDetectedError("deadlock detected"), asyncpg.LockNotAvailableError("lock timeout"))
    loop.start()
    await asyncio.wait_for(loop.through.wait(), 10)
    await loop.stop()
    assert caplog.text.count("looking: waiting for a lock that another transaction holds") == 2


@pytest.mark.parametrize("said", ["could not open relation with OID 19310", "cache lookup failed for function 7"])
def test_what_is_dropped_in_the_middle_of_a_call_has_gone(said: str) -> None:
    assert (
        ending("watches", asyncpg.InternalServerError(said)).code == "schema_newer"
    )  # which is looked at more closely
    assert ending("watches", asyncpg.InternalServerError("something else")).code == "internal"


async def test_a_part_that_fails_at_the_stop_keeps_no_other_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    ended = []

    async def fail() -> None:
        raise ValueError("out of order")

    async def end(part: str) -> None:
        await asyncio.sleep(0)
        ended.append(part)

    service = Listener(Settings(), "postgresql://nobody@localhost:1/none")
    service._ends = ((fail, lambda: end("beside it")), (lambda: end("heartbeat"),))
    await service.stop()
    await asyncio.wait_for(service.wait(), 10)
    assert ended == ["beside it", "heartbeat"]
    assert "out of order" in caplog.text
