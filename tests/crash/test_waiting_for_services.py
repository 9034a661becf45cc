"""A service goes away in all the ways that it has: work for it waits and holds nothing, and each text is paid once."""

from __future__ import annotations

import asyncio
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from embedding_service import EmbeddingService, Received, Reply, answer, cut, failing, limited, plainly, stalled
from listener_process import ListenerProcess
from pipeline import chunks, ended, one, until
from staging import Connection, add, collection

from listener.embedding.probing import HARMLESS

DIMENSIONS = 8
FAST: dict[str, Any] = {
    "heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600, "embed_interval_seconds": 0.05,
}  # fmt: skip
Start = Callable[..., ListenerProcess]
AWAY = [failing(503), limited(), limited(3600), failing(500), plainly(Reply(body=b"<html>no vectors</html>"))]
WAYS = [
    pytest.param(way, id=name, marks=[] if name == "503" else pytest.mark.long)
    for way, name in zip(AWAY, ["503", "429", "429 for an hour", "500", "wrong body"], strict=True)
]


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        service.models |= {"sick", "well"}
        yield service


@pytest.fixture
async def c(own: Connection, service: EmbeddingService) -> Connection:
    for name in ("sick", "well"):
        await collection(own, name, embedder="openai", endpoint=service.url, model=name, dimensions=DIMENSIONS)
    return own


@pytest.fixture
def start(ready: str, service: EmbeddingService, tmp_path: Path, listeners: list[ListenerProcess]) -> Start:
    """Starts listeners in the test's database, all with the test's service."""

    def start(**settings: Any) -> ListenerProcess:
        given: dict[str, Any] = (
            {"openai_base_url": service.url, "openai_api_key": "k", "file_roots": tmp_path} | FAST | settings
        )
        it = ListenerProcess(ready, tmp_path / f"listener {uuid.uuid4().hex}", **given | FAST | settings)
        listeners.append(it)
        return it.ready()

    return start


def sick(behaviour: Callable[[EmbeddingService, Received], Reply]) -> Callable[[EmbeddingService, Received], Reply]:
    """Behave so for the model ``sick``; the other one is answered."""
    return lambda service, got: (behaviour if got.body["model"] == "sick" else answer)(service, got)


async def parked(c: Connection, count: int) -> None:
    """Wait until so many batches are parked, and nothing of their requests runs."""
    query = """select count(*) from ingest_batches b join ingest_requests r on r.id = b.request_id
      join ingest_circuits k on k.opened_at is not null
      where b.resume_at is not null and r.resume_at is not null and r.status = 'running'"""
    await until(lambda: _is(c, count, query))


async def meet(c: Connection, service: EmbeddingService, batches: int) -> None:
    """Answer what was held when so many batches have begun: once a service is known to be away, no more begin."""
    await until(lambda: _is(c, batches, "select count(*) from ingest_batches where begun_at is not null"))
    service.release()


async def _is(c: Connection, wanted: Any, query: str, *values: Any) -> bool:
    return bool(await c.fetchval(query, *values) == wanted)


async def insert(c: Connection, into: str, count: int) -> list[uuid.UUID]:
    rows = await c.fetch(
        "insert into ingest_requests (content, uri, collection) select 'Text ' || n || ' of ' || $1, n::text, $1"
        " from generate_series(1, $2) n returning id",
        into, count,
    )  # fmt: skip
    return [row["id"] for row in rows]


def folder(tmp_path: Path, documents: int) -> str:
    path = tmp_path / "documents"
    path.mkdir()
    for number in range(documents):
        (path / f"{number}.md").write_text(f"# Document {number}\n\nSome words about number {number}.\n")
    return str(path)


def texts(service: EmbeddingService) -> list[str]:
    """Return the texts that were answered well or not, but for the harmless one."""
    return [text for request in service.requests for text in request.texts if text != HARMLESS]


def probes(service: EmbeddingService, model: str = "sick") -> list[Received]:
    return [one for one in service.requests if one.texts == [HARMLESS] and one.body["model"] == model]


async def warm(c: Connection) -> None:
    """Have the listener load what its first call needs."""
    await all_succeeded(c, await insert(c, "well", 1))


async def all_succeeded(c: Connection, requests: Sequence[uuid.UUID]) -> None:
    rows = await ended(c, *requests)
    assert {(row["status"], row["attempt"]) for row in rows} == {("succeeded", 1)}, [
        (row["id"], row["error"]) for row in rows if row["error"]
    ]


# waiting


async def test_while_one_service_is_away_the_others_requests_go_through(
    c: Connection, start: Start, service: EmbeddingService
) -> None:
    start(concurrency=4)
    await warm(c)
    service.always(sick(failing(503)))
    waits = await insert(c, "sick", 100)
    await until(lambda: c.fetchval("select count(*) >= 4 from ingest_batches where resume_at is not null"))
    rows = await ended(c, *await insert(c, "well", 8), within=10)
    assert {row["status"] for row in rows} == {"succeeded"}
    assert max((row["finished_at"] - row["created_at"]).total_seconds() for row in rows) < 2
    service.always(answer)
    await all_succeeded(c, waits)
    assert len(await chunks(c, "sick")) == 100
    taken = "select max(running) from ingest_listeners"
    assert await c.fetchval(taken) <= 4


async def test_what_wished_to_be_left_alone_for_an_hour_is_asked_once_when_an_operator_says_so(
    c: Connection, start: Start, service: EmbeddingService
) -> None:
    start()
    await warm(c)
    service.always(sick(limited(3600)))
    waits = await insert(c, "sick", 3)
    await until(lambda: c.fetchval("select count(*) > 0 from ingest_batches where resume_at is not null"))
    assert await c.fetchval("select probe_at > now() + interval '50 minutes' from ingest_circuits")
    assert not probes(service), "its wish counts although no harmless text was sent"
    service.always(answer)
    assert await c.fetchval("select ingest_ask_again()") == 1
    await all_succeeded(c, waits)
    assert len(probes(service)) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_an_outage_is_said_at_once_waited_for_and_gone_on_from(
    c: Connection, start: Start, service: EmbeddingService, way: Callable[..., Reply]
) -> None:
    it = start()
    await warm(c)
    service.always(sick(way))
    request = await add(c, content="Waits.", uri="waits", collection="sick")
    said = "select waiting_for, last_error from ingest_status where id = $1 and waiting_for like 'service: %'"
    row = await until(lambda: c.fetchrow(said, request), within=5)
    assert f"(openai sick at {service.url})" in row["waiting_for"]
    assert row["last_error"]["service"] == f"openai sick at {service.url}"
    await parked(c, 1)
    assert "; next attempt at " in await c.fetchval("select waiting_for from ingest_status where id = $1", request)
    service.always(answer)
    if way is AWAY[2]:
        await c.execute("update ingest_circuits set probe_at = ingest_now()")  # an hour is over
    await all_succeeded(c, [request])
    assert await c.fetchval("select count(*) from ingest_circuits") == 0
    row = await one(c, "select waiting_since, resume_at, last_error from ingest_batches where request_id = $1", request)
    assert tuple(row) == (None, None, None)
    begin, end = (line for line in it.log().splitlines() if f"openai sick at {service.url} is " in line)
    assert " WARNING " in begin
    assert "; it is asked again in " in begin
    assert " INFO " in end
    assert " is back after " in end


@pytest.mark.parametrize(
    "lasts",
    [pytest.param("1 second", marks=pytest.mark.long), pytest.param("45 seconds", marks=pytest.mark.long), "1 hour"],
)
async def test_an_outage_of_any_length_that_looks_different_each_time_is_waited_for(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path, lasts: str
) -> None:
    ways = cycle([cut, failing(500), stalled, limited(), plainly(Reply(body=b"[]")), failing(503)])
    answered: Counter[str] = Counter()

    def counted(service: EmbeddingService, got: Received) -> Reply:
        answered.update(text for text in got.texts if text != HARMLESS)
        return answer(service, got)

    service.always(sick(next(ways)))
    start(embedding_timeout_seconds=0.5, batch_documents=2)
    requests = [await add(c, source=folder(tmp_path, 6), collection="sick"), *await insert(c, "sick", 4)]
    failures = "select failures >= $1 from ingest_circuits where opened_at is not null"
    await until(lambda: c.fetchval(failures, 1))
    await put_clock(c, lasts)
    await until(lambda: c.fetchval(failures, 3))
    service.always(sick(counted))
    await all_succeeded(c, requests)
    assert set(answered.values()) == {1}
    assert len(answered) == len(await chunks(c, "sick")) == 10


async def _are(found: int, least: int) -> bool:
    return found >= least


@pytest.mark.long
async def test_a_service_that_hangs_is_named_after_five_seconds(
    c: Connection, start: Start, service: EmbeddingService
) -> None:
    start()
    await warm(c)  # and what it asks at its start is through
    service.hold()
    request = await add(c, content="Hangs.", uri="hangs", collection="sick")
    said = "select waiting_for from ingest_status where id = $1 and waiting_for like '%has not answered for%'"
    assert str(await until(lambda: c.fetchval(said, request))).startswith(
        f"service: {service.url} has not answered for 5 s (openai sick"
    )
    service.release()
    await all_succeeded(c, [request])
    assert await c.fetchval("select bool_and(last_error is null and waiting_since is null) from ingest_batches")


async def test_a_service_that_hangs_is_waited_for(c: Connection, start: Start, service: EmbeddingService) -> None:
    start(embedding_timeout_seconds=0.5)
    service.hold()
    requests = await insert(c, "sick", 3)
    await parked(c, 3)
    service.release()
    await all_succeeded(c, requests)


async def test_texts_are_paid_once_through_an_outage(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path
) -> None:
    answered: list[str] = []

    def third_fails(service: EmbeddingService, got: Received) -> Reply:
        if len(answered) < 6:
            answered.extend(text for text in got.texts if text != HARMLESS)
            return answer(service, got)
        return failing(503)(service, got)

    service.always(sick(third_fails))
    start(embedding_call_texts=2, embedding_calls=3, batch_documents=20)
    request = await add(c, source=folder(tmp_path, 20), collection="sick")
    await parked(c, 1)
    assert len(answered) == 6
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 6
    before = len(service.requests)
    service.always(answer)
    await all_succeeded(c, [request])
    after = [text for got in service.requests[before:] for text in got.texts if text != HARMLESS]
    assert len(after) == len(set(after)) == 14
    assert not set(after) & set(answered)


@pytest.mark.long
async def test_when_one_group_fails_the_others_in_flight_are_stored(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path
) -> None:
    def one_fails(service: EmbeddingService, got: Received) -> Reply:
        fails = got.texts == [HARMLESS] or any("number 0." in text for text in got.texts)
        return (failing(503) if fails else answer)(service, got)

    start(embedding_call_texts=2, embedding_calls=5)
    await warm(c)  # and what it asks at its start is through
    service.latency = 0.5  # so all of them are in flight when it breaks
    service.always(sick(one_fails))
    request = await add(c, source=folder(tmp_path, 10), collection="sick")
    await parked(c, 1)
    assert await c.fetchval("select count(*) from ingest_chunk_store where collection = 'sick'") == 8
    service.always(answer)
    await all_succeeded(c, [request])


async def test_a_text_that_breaks_the_service_stops_no_other(
    c: Connection, start: Start, service: EmbeddingService
) -> None:
    def poisoned(service: EmbeddingService, got: Received) -> Reply:
        return (failing(500) if any("poison" in text for text in got.texts) else answer)(service, got)

    service.always(poisoned)
    start(embed_attempts=2)
    bad = await add(c, content="This is poison.", uri="bad", collection="sick")
    good = await insert(c, "sick", 10)
    await all_succeeded(c, good)
    (row,) = await ended(c, bad)
    assert (row["status"], row["error"]["code"], row["error"]["retryable"]) == ("failed", "embedding_unavailable", True)
    assert await c.fetchval("select count(*) from ingest_circuits") == 0


@pytest.mark.long
async def test_what_waits_for_a_service_that_no_listener_has_any_more_says_what_to_set(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path
) -> None:
    service.always(sick(failing(503)))
    it = start()
    waits = await insert(c, "sick", 1)
    await parked(c, 1)
    it.stop()
    start(openai_base_url=service.url.replace("127.0.0.1", "localhost"), embedding_timeout_seconds=0.1)
    rows = await ended(c, *waits, *await insert(c, "sick", 1), within=60)
    assert {(row["status"], row["error"]["code"]) for row in rows} == {("failed", "unknown_endpoint")}


# patience, deadlines, cancels


async def test_when_patience_is_over_the_request_fails_and_can_be_retried(
    c: Connection, start: Start, service: EmbeddingService
) -> None:
    service.always(sick(failing(503)))
    start()
    request = await add(c, content="Impatient.", uri="i", collection="sick", options={"patience": 3600})
    await parked(c, 1)
    await put_clock(c, "59 minutes")
    await c.execute("update ingest_listeners set heartbeat_at = ingest_now()")
    assert await c.fetchval("select status from ingest_requests") == "running"
    await put_clock(c, "61 minutes")
    (row,) = await ended(c, request)
    assert (row["status"], row["error"]["code"], row["error"]["step"], row["error"]["retryable"]) == (
        "failed", "embedding_unavailable", "embed", True,
    )  # fmt: skip
    service.always(answer)
    await until(lambda: _is(c, 0, "select count(*) from ingest_circuits"))
    await c.execute("select ingest_retry($1)", request)
    (row,) = await ended(c, request)
    assert (row["status"], row["attempt"]) == ("succeeded", 2)


@pytest.mark.long
async def test_a_large_request_with_batches_that_have_not_begun_runs_out_of_patience_as_well(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path
) -> None:
    start(batch_documents=1, batch_concurrency=1, concurrency=1)
    await warm(c)
    service.always(sick(failing(503)))
    options = {"patience": 3600}
    request = await add(c, source=folder(tmp_path, 40), collection="sick", options=options)
    # It was asked again, so this listener knows by now that it is away, and begins no more.
    rests = "select resume_at is not null and k.failures >= 3 from ingest_requests r, ingest_circuits k where r.id = $1"
    await until(lambda: c.fetchval(rests, request))
    await put_clock(c, "61 minutes")
    await c.execute("update ingest_listeners set heartbeat_at = ingest_now()")
    (row,) = await ended(c, request)
    assert (row["status"], row["error"]["code"]) == ("failed", "embedding_unavailable")
    assert await c.fetchval("select count(*) > 0 from ingest_batches where begun_at is null")
    service.always(answer)
    await until(lambda: _is(c, 0, "select count(*) from ingest_circuits"))
    await c.execute("select ingest_retry($1)", request)
    (row,) = await ended(c, request)
    assert (row["status"], row["documents_done"]) == ("succeeded", 40)


async def put_clock(c: Connection, offset: str) -> None:
    await c.execute(
        "create or replace function ingest_now() returns timestamptz language sql volatile parallel safe"
        f" return clock_timestamp() + interval '{offset}'"
    )


@pytest.mark.long
async def test_patience_goes_on_across_a_restart(c: Connection, start: Start, service: EmbeddingService) -> None:
    service.always(sick(failing(503)))
    it = start()
    request = await add(c, content="Patient.", uri="p", collection="sick", options={"patience": 3600})
    await parked(c, 1)
    since = await c.fetchval("select waiting_since from ingest_batches")
    assert it.stop() == 0
    await put_clock(c, "50 minutes")
    start()
    other = "select executor_id <> $1 from ingest_batches where resume_at is not null"
    await until(lambda: c.fetchval(other, it.executor_id))
    assert await c.fetchval("select waiting_since from ingest_batches") == since
    await put_clock(c, "61 minutes")
    (row,) = await ended(c, request)
    assert row["error"]["code"] == "embedding_unavailable"


async def test_a_deadline_and_a_cancel_end_what_is_parked(
    c: Connection, start: Start, service: EmbeddingService
) -> None:
    service.always(sick(failing(503)))
    service.hold()
    it = start()
    late = await add(c, content="Late.", uri="l", collection="sick", options={"timeout_seconds": 600})
    cancelled = await add(c, content="Cancelled.", uri="c", collection="sick")
    await meet(c, service, 2)
    await parked(c, 2)
    before = await add(c, content="Cancelled before it began.", uri="b", collection="sick")
    said = "select waiting_for from ingest_status where id = $1"
    await until(lambda: c.fetchval(f"select ({said}) like 'service: %'", before))
    assert await c.fetchval("select status from ingest_requests where id = $1", before) == "pending"
    await c.execute("select ingest_cancel(id) from ingest_requests where id = any ($1)", [cancelled, before])
    gone = "select count(*) from dbos.workflow_status where status = 'PENDING'"
    await until(lambda: _is(c, 1, gone), within=5)
    await put_clock(c, "11 minutes")
    (row,) = await ended(c, late)
    assert (row["status"], row["error"]["code"], row["resume_at"]) == ("cancelled", "deadline", None)
    await until(lambda: _is(c, 0, gone), within=5)
    assert " ERROR " not in it.log()


# deaths


@pytest.mark.parametrize("deaths", [1, pytest.param(5, marks=pytest.mark.long)])
async def test_listeners_that_are_killed_while_work_is_parked_blame_nothing(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path, deaths: int
) -> None:
    service.always(sick(failing(503)))
    service.hold()
    it = start(batch_documents=2)
    inline = await add(c, content="Alone.", uri="a", collection="sick")
    large = await add(c, source=folder(tmp_path, 2), collection="sick")
    await meet(c, service, 2)
    mine = "select count(*) from ingest_batches where resume_at is not null and executor_id = $1"
    for _ in range(deaths):
        await until(lambda: c.fetchval(f"{mine} having count(*) >= 2", it.executor_id))  # noqa: B023
        heir = start(batch_documents=2)
        it.kill()
        it = heir
    await until(lambda: c.fetchval(f"{mine} having count(*) >= 2", it.executor_id))
    assert await c.fetchval("select sum(crashes) from ingest_batches") == 0
    service.always(answer)
    await all_succeeded(c, [inline, large])
    assert await c.fetchval("select sum(crashes) from ingest_batches") == 0
    assert len(await chunks(c, "sick")) == 3


@pytest.mark.long
@pytest.mark.parametrize("deaths", [2, pytest.param(12, marks=pytest.mark.timeout(300))])
async def test_of_listeners_killed_at_any_moment_only_what_ran_counts_it(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path, deaths: int
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    calm = {"batch_documents": 2, "heartbeat_seconds": 0.5, "lease_seconds": 4}  # no other deaths on a busy machine

    def flaps(service: EmbeddingService, got: Received) -> Reply:
        return (failing(503) if time.monotonic() % 2 < 1.4 else answer)(service, got)

    service.always(sick(flaps))
    service.latency = 0.2
    it, requests, parked_ones = (
        start(**calm),
        [await add(c, source=folder(tmp_path, 6), collection="sick")],
        0,
    )
    for _ in range(deaths):
        heir = start(**calm)
        requests += await insert(c, "sick", 3)
        await asyncio.sleep(chance.uniform(0.1, 2.0))
        left = await stopped(c, it)
        it.kill()
        for row in left:
            query = "select crashes from ingest_batches where request_id = $1 and batch = $2 and executor_id <> $3"
            crashes = await until(lambda: c.fetchrow(query, row["request_id"], row["batch"], it.executor_id))  # noqa: B023
            assert crashes["crashes"] <= row["crashes"] + (not row["parked"]), f"seed {seed}"
        parked_ones += sum(row["parked"] for row in left)
        it = heir
    service.always(answer)
    await all_succeeded(c, requests)
    assert parked_ones or deaths < 12, f"seed {seed}"


async def stopped(c: Connection, it: ListenerProcess) -> list[Any]:
    """Stop a listener where it is, and return what it carries as others will find it."""
    it.signal(signal.SIGSTOP)
    busy = "select count(*) from pg_stat_activity where application_name = $1 and state = 'active'"
    await until(lambda: _is(c, 0, busy, f"ingest {it.executor_id}"))
    query = """select b.request_id, b.batch, b.crashes, b.resume_at is not null as parked
      from ingest_batches b join ingest_requests r on r.id = b.request_id
      where b.executor_id = $1 and b.finished_at is null and r.status = 'running' and exists (
        select from ingest_revisions v where v.request_id = b.request_id and v.batch = b.batch
        and v.state not in ('published', 'skipped', 'failed'))"""
    return list(await c.fetch(query, it.executor_id))


@pytest.mark.long
@pytest.mark.parametrize(
    "point",
    ["before:suspect", "before:park", "after:park", "before:look_at_parked", "before:go_on", "after:go_on", "probing"],
)
async def test_a_listener_that_is_ended_while_work_parks_waits_or_goes_on_leaves_it_whole(
    c: Connection, start: Start, service: EmbeddingService, point: str
) -> None:
    answered: list[str] = []

    def counted(service: EmbeddingService, got: Received) -> Reply:
        answered.extend(got.texts)
        return answer(service, got)

    it = start(grace_seconds=0.5)
    await warm(c)
    service.always(sick(failing(503)))
    if point != "probing":
        it.hold(point)
    request = await add(c, content="Parked.", uri="p", collection="sick")
    if "go_on" in point or point == "probing":
        await parked(c, 1)
    if point == "probing":
        service.hold()
        await service.until(lambda service: service.running == 1)
    else:
        service.always(sick(counted if "go_on" in point else failing(503)))
        await asyncio.to_thread(it.held, point)
    it.signal(signal.SIGTERM)
    assert await asyncio.to_thread(it.ended) == 0
    service.release()
    service.always(sick(counted))
    start()
    await all_succeeded(c, [request])
    assert await c.fetchval("select sum(crashes) from ingest_batches") == 0
    assert [text for text in answered if text != HARMLESS] == ["Parked."]


# places, slots, limits


async def test_a_small_request_begins_although_long_ones_have_every_place(
    c: Connection, start: Start, tmp_path: Path
) -> None:
    it = start(concurrency=1)
    it.hold("before:save_chunks")
    long = await add(c, source=folder(tmp_path, 2), collection="well")
    await asyncio.to_thread(it.held, "before:save_chunks")
    await all_succeeded(c, await insert(c, "well", 2))
    assert await c.fetchval("select status from ingest_requests where id = $1", long) == "running"
    it.go()
    await all_succeeded(c, [long])


async def test_a_service_that_hangs_holds_up_no_other_collection(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path
) -> None:
    start(concurrency=2)
    await warm(c)
    service.always(sick(stalled))
    hangs = await insert(c, "sick", 4)
    await until(lambda: _is(c, 2, "select count(*) from ingest_requests where status = 'running'"))
    others = [*await insert(c, "well", 2), await add(c, source=folder(tmp_path, 2), collection="well")]
    await all_succeeded(c, others)
    assert not await c.fetchval(
        "select exists (select from ingest_requests r where r.id = any ($1) and r.finished_at is not null)", hangs
    )
    assert await c.fetchval("select count(*) from ingest_circuits") == 0, "its calls are under way"


@pytest.mark.long
async def test_a_large_request_starts_no_further_batches_and_holds_no_place(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path
) -> None:
    start(concurrency=1, batch_concurrency=2, batch_documents=1)
    await warm(c)  # and what it asks at its start is through
    service.always(sick(failing(503)))
    large = await add(c, source=folder(tmp_path, 20), collection="sick")
    await until(lambda: c.fetchval("select resume_at is not null from ingest_requests where id = $1", large))
    await until(lambda: c.fetchval("select sum(running) = 0 from ingest_listeners"))
    query = "select count(*) from ingest_batches where owner is not null and request_id = $1"
    begun = await c.fetchval(query, large)
    assert begun <= 4
    await all_succeeded(c, await insert(c, "well", 3))
    assert await c.fetchval(query, large) == begun
    service.always(answer)
    await all_succeeded(c, [large])
    assert len(await chunks(c, "sick")) == 20


@pytest.mark.long
async def test_what_is_parked_counts_in_no_limit_and_the_limit_holds_when_it_goes_on(
    c: Connection, start: Start, service: EmbeddingService
) -> None:
    await collection(c, "sick", max_running=2)
    start(concurrency=8)
    await warm(c)  # and what it asks at its start is through
    service.always(sick(failing(503)))
    requests = await insert(c, "sick", 6)
    await parked(c, 2)
    row = await one(c, "select running, most from ingest_places('sick', null, null)")
    assert tuple(row) == (0, 2)
    service.latency = 0.2
    most = 0
    service.always(answer)
    running = "select count(*) from ingest_requests where status = 'running' and resume_at is null"
    unfinished = "select count(*) from ingest_requests where status in ('pending', 'running')"
    while await c.fetchval(unfinished):
        most = max(most, await c.fetchval(running))
    await all_succeeded(c, requests)
    assert most <= 2


@pytest.mark.long
async def test_a_batch_from_the_queue_that_is_parked_gives_its_slot_back(
    c: Connection, start: Start, service: EmbeddingService, tmp_path: Path
) -> None:
    """After a death all of its work comes from DBOS's queues: with slots held, nothing else would get through."""
    service.always(sick(failing(503)))
    service.hold()
    it = start(concurrency=2, batch_concurrency=1)
    for number in range(2):
        await add(c, content=f"Parked {number}.", uri=f"{number}", collection="sick")
    await meet(c, service, 2)
    await parked(c, 2)
    heir = start(concurrency=2, batch_concurrency=1)
    it.kill()
    mine = "select count(*) from ingest_batches where resume_at is not null and executor_id = $1"
    await until(lambda: _is(c, 2, mine, heir.executor_id))
    victim = start(concurrency=2)
    victim.hold("before:save_chunks")
    held = "select id from ingest_requests where executor_id = $1 and status = 'running' and begun > 0"
    while not (left := await c.fetch(held, victim.executor_id)):
        await asyncio.gather(insert(c, "well", 12), asyncio.sleep(0.1))
    victim.kill()
    await all_succeeded(c, [row["id"] for row in left])


# probes


@pytest.mark.long
@pytest.mark.parametrize("listeners_at_work", [3, pytest.param(10, marks=pytest.mark.timeout(300))])
async def test_many_listeners_send_one_probe_at_a_time(
    c: Connection, start: Start, service: EmbeddingService, listeners_at_work: int
) -> None:
    service.always(sick(failing(503)))
    await asyncio.gather(*[asyncio.to_thread(start, concurrency=2) for _ in range(listeners_at_work)])
    await insert(c, "sick", 2 * listeners_at_work)
    await parked(c, 2 * listeners_at_work)
    await until(lambda: _are(len(probes(service)), 2))
    first, calls = len(probes(service)), len(texts(service))
    service.peak, service.latency = 0, 0.3
    await until(lambda: _are(len(probes(service)), first + 3))
    assert service.peak == 1
    assert len(texts(service)) == calls, "nobody but the prober calls while it is away"
    at = [one.at for one in probes(service)[-3:]]
    assert at[1] - at[0] > 0.7
    assert at[2] - at[1] > at[1] - at[0]
