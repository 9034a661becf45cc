"""Caps, with real listeners and a service that counts what it gets: never more than one allows, nothing paid twice."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from embedding_service import EmbeddingService, failing
from listener_process import ListenerProcess
from pipeline import ended, ingested, until
from staging import Connection, add, collection

from listener.embedding.probing import HARMLESS

DIMENSIONS = 8
CALLS, CALL_TEXTS, BATCHES = 2, 4, 2
Start = Callable[..., ListenerProcess]


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        yield service


@pytest.fixture
async def c(own: Connection, service: EmbeddingService) -> Connection:
    await spaced(own, service, "docs")
    return own


async def spaced(c: Connection, service: EmbeddingService, name: str, **more: Any) -> None:
    await collection(
        c, name, embedder="openai", endpoint=service.url, model="test", dimensions=DIMENSIONS, chunk_size=200,
        chunk_overlap=0, **more,
    )  # fmt: skip


@pytest.fixture
def start(ready: str, service: EmbeddingService, tmp_path: Path, listeners: list[ListenerProcess]) -> Start:
    """Starts listeners in the test's database, all with the test's service."""

    def start(**settings: Any) -> ListenerProcess:
        given: dict[str, Any] = {
            "openai_base_url": service.url, "openai_api_key": "k", "file_roots": tmp_path, "heartbeat_seconds": 0.2,
            "lease_seconds": 4, "safety_poll_seconds": 600, "embedding_calls": CALLS,
            "embedding_call_texts": CALL_TEXTS, "batch_documents": 5, "batch_concurrency": BATCHES,
        }  # fmt: skip
        listeners.append(ListenerProcess(ready, tmp_path / f"l {uuid.uuid4().hex}", **given | settings))
        return listeners[-1].ready()

    return start


def folder(path: Path, documents: int, word: str = "vent") -> str:
    path.mkdir(exist_ok=True)
    for n in range(documents):
        sections = "\n\n".join(f"## Part {p}\n\n" + f"The {word} {n}.{p} opens. " * 8 for p in range(3))
        (path / f"{word} {n}.md").write_text(f"# House {n}\n\n{sections}\n")
    return str(path)


def received(service: EmbeddingService) -> Counter[str]:
    return Counter(text for call in service.requests for text in call.texts if text != HARMLESS)


async def used(c: Connection, scope: str, name: str) -> int:
    return int(await c.fetchval("select texts from ingest_spent where scope = $1 and name = $2", scope, name))


async def test_a_request_stops_at_its_cap_and_a_retry_with_more_goes_on_and_pays_nothing_twice(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    source = folder(tmp_path / "docs", 12)
    plan = (await ingested(c, source=source, collection="docs", options={"plan": True}))["plan"]
    assert (received(service).total(), plan["new_texts"], plan["tokens_are"]) == (0, 36, "estimated")
    row = await ingested(c, source=source, collection="docs", options={"max_texts": 10})
    assert (row["status"], row["error"]["code"], row["error"]["retryable"]) == (
        "partially_succeeded",
        "cap_reached",
        True,
    )
    assert "max_texts" in row["error"]["hint"]
    assert received(service).total() == 10
    published = row["documents_done"]
    assert 0 < published < 4
    for most in (20, 1000):
        await c.execute("select ingest_retry($1, jsonb_build_object('max_texts', $2::int))", row["id"], most)
        (row,) = await ended(c, row["id"])
        assert received(service).total() == min(most, 36)
    assert (row["status"], row["documents_done"], row["error"]) == ("succeeded", 12, None)
    assert set(received(service).values()) == {1}
    assert await used(c, "request", str(row["id"])) == 36
    assert await c.fetchval("select count(*) from ingest_reservations") == 0


async def test_known_texts_need_no_room_below_a_cap(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    source = folder(tmp_path / "docs", 4)
    await ingested(c, source=source, collection="docs")
    await spaced(c, service, "copy")
    row = await ingested(c, source=source, collection="copy", options={"max_texts": 1})
    assert (row["status"], received(service).total()) == ("succeeded", 12)


@pytest.mark.long
async def test_what_it_may_cost_is_never_passed_and_nearly_used(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    await c.execute("select ingest_price('test', 1000)")
    (tmp_path / "docs").mkdir()
    for n in range(100):
        (tmp_path / "docs" / f"{n}.md").write_text(f"Gate {n} shuts at {n}.")
    source = str(tmp_path / "docs")
    row = await ingested(c, source=source, collection="docs", options={"max_cost": 0.5})
    assert row["error"]["code"] == "cap_reached"
    cost = await c.fetchval("select sum(cost) from ingest_usage")
    texts = received(service).total()
    print(f"\nmax_cost 0.5: {texts} texts, cost {cost}")
    assert float(cost) == pytest.approx(texts * 7 * 1000 / 1e6)
    assert 0 < float(cost) <= 0.5
    assert float(cost) > 0.48  # the last ones could have passed it: an estimate and a quarter, and the service counts 7


@pytest.mark.long
async def test_what_a_plan_has_counted_is_enough_and_a_tenth_less_is_not(
    c: Connection, start: Start, tmp_path: Path
) -> None:
    start()
    model = "wordllama-l2-supercat-256"
    await c.execute("select ingest_price($1, 10)", model)
    tiny = {"content": "tiny text with a few words in it, forty bytes", "uri": "tiny"}
    for n, source in enumerate([tiny, {"source": folder(tmp_path / "docs", 30)}]):
        here = source | {"collection": f"local {n}"}
        await collection(c, here["collection"], embedder="local", model=model, dimensions=256)
        plan = (await ingested(c, **here, options={"plan": True}))["plan"]
        assert (plan["tokens_are"], plan["new_texts"] > n) == ("counted", True)
        short = await ingested(c, **here, options={"max_cost": plan["cost"] * 0.9})
        assert short["error"]["code"] == "cap_reached"
        row = await ingested(c, **here, options={"max_cost": plan["cost"]})
        assert row["status"] == "succeeded", row["error"]


@pytest.mark.long
async def test_a_text_that_costs_more_than_a_month_s_cap_says_what_cap_it_takes(c: Connection, start: Start) -> None:
    start()
    await c.execute("select ingest_price('test', 1000)")
    await collection(c, "docs", monthly_cost=0.01)
    row = await ingested(c, content="The gate shuts at noon. " * 5, uri="a", collection="docs")
    hint = row["error"]["hint"]
    assert (row["error"]["code"], "begins anew" in hint) == ("cap_reached", False)
    least = re.search(r"With ([0-9.]+) or more", hint)
    assert least is not None, hint
    await collection(c, "docs", monthly_cost=float(least[1]))
    await c.execute("select ingest_retry($1)", row["id"])
    assert [row["status"] for row in await ended(c, row["id"])] == ["succeeded"]


async def test_a_cap_of_cost_without_a_price_is_refused_before_anything_is_read(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    row = await ingested(c, source=folder(tmp_path / "docs", 2), collection="docs", options={"max_cost": 1})
    assert (row["status"], row["error"]["code"], row["discovered_at"]) == ("failed", "price_unknown", None)
    assert "ingest_price('test'" in row["error"]["hint"]
    await collection(c, "docs", monthly_cost=5)
    small = await ingested(c, content="A small text.", uri="a", collection="docs")
    assert (small["status"], small["error"]["code"]) == ("failed", "price_unknown")
    await c.execute("select ingest_price('test', 0.02), ingest_retry($1), ingest_retry($2)", row["id"], small["id"])
    assert [row["status"] for row in await ended(c, row["id"], small["id"])] == ["succeeded", "succeeded"]


@pytest.mark.long
@pytest.mark.parametrize("kills", [False, True], ids=["calm", "killed"])
async def test_listeners_together_stay_below_a_month_s_cap_of_a_tenant_over_its_collections(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path, kills: bool
) -> None:
    cap, names = 40, ("a", "b")
    for name in names:
        await spaced(c, service, name, tenant="acme")
    await c.execute("select ingest_cap_tenant('acme', $1)", {"monthly_texts": cap})
    service.latency = 0.02
    victim, _ = start(concurrency=2), start(concurrency=2)
    sources = [folder(tmp_path / name, 15, word) for name, word in zip(names, ("vent", "door"), strict=True)]
    requests = [await add(c, source=source, collection=name) for source, name in zip(sources, names, strict=True)]
    if kills:
        await service.until(lambda service: received(service).total() >= cap // 2)
        victim.kill()
    rows = await ended(c, *requests)
    assert {row["error"]["code"] for row in rows} == {"cap_reached"}
    assert all("begins anew" in row["error"]["hint"] for row in rows)
    # Of each of its batches under way, what was sent and not stored yet: that is sent again.
    sent, in_flight = received(service), CALLS * CALL_TEXTS * BATCHES
    print(f"\ncap {cap}: {sent.total()} received, {len(sent)} different, stored {await used(c, 'tenant', 'acme')}")
    beyond = sent.total() - cap
    assert 0 <= beyond <= (in_flight if kills else 0)
    assert await used(c, "tenant", "acme") == cap
    await c.execute("select ingest_cap_tenant('acme', $1)", {"monthly_texts": None})
    for row in rows:
        await c.execute("select ingest_retry($1)", row["id"])
    rows = await ended(c, *requests)
    assert [(row["status"], row["documents_done"]) for row in rows] == [("succeeded", 15)] * 2
    sent = received(service)
    assert len(sent) == 90
    twice = [text for text, times in sent.items() if times > 1]
    assert len(twice) == (beyond if kills else 0)  # exactly these were not stored
    assert max(sent.values()) <= 2


async def test_small_requests_of_one_batch_keep_to_their_collection_s_cap(
    c: Connection, service: EmbeddingService, start: Start
) -> None:
    start()
    await collection(c, "docs", monthly_texts=5)
    rows = await c.fetch(
        "insert into ingest_requests (content, uri, collection) select 'Small text ' || n, n::text, 'docs'"
        " from generate_series(1, 12) n returning id"
    )
    ends = Counter(row["status"] for row in await ended(c, *[row["id"] for row in rows]))
    assert ends == {"succeeded": 5, "failed": 7}
    failed = await c.fetch("select id, error ->> 'hint' as hint from ingest_requests where status = 'failed'")
    assert all(f"ingest_retry('{row['id']}')" in row["hint"] for row in failed)
    assert received(service).total() == 5
    again = await ingested(c, content="One more.", uri="more", collection="docs")
    assert again["error"]["code"] == "cap_reached"


async def test_without_a_cap_nothing_is_asked(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    await ingested(c, source=folder(tmp_path / "docs", 3), collection="docs")
    assert (
        await c.fetchval("select (select count(*) from ingest_spent) + (select count(*) from ingest_reservations)") == 0
    )
    calls = await c.fetchval("select count(*) from pg_stat_user_functions where funcname = 'ingest_reserve'")
    assert calls == 0


@pytest.mark.long
async def test_what_was_reserved_is_free_again_when_the_service_fails(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    service.always(failing(503))
    request = await add(
        c, source=folder(tmp_path / "docs", 2), collection="docs", options={"max_texts": 100, "patience": 1}
    )
    await until(lambda: c.fetchval("select count(*) > 0 from ingest_batches where resume_at is not null"))
    assert await c.fetchval("select count(*) from ingest_reservations") == 0
    (row,) = await ended(c, request)
    assert row["error"]["code"] == "embedding_unavailable"
