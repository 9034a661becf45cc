"""Nothing is lost: 300 requests while listeners, Postgres and connections die, compared with a calm run.

::

    calm      all requests, three listeners, nobody disturbed            → collection calm, in a space of its own
    chaos     the same, inserted over a minute and a half; meanwhile      → collection chaos
                every 2–4 s one of the three listeners is killed (SIGKILL) and replaced
                Postgres is killed three times and restarted; each second the sessions that LISTEN are ended
    compare   every request succeeded and has one workflow, the chunks are equal, no text was sent again but for those
              in flight at a kill, nothing is left behind
    times     from SIGKILL to the next step elsewhere, from Postgres back to the first claim (not with --quick)
What is disturbed when is drawn from a printed seed (``--seed``); what the processes make of it is theirs.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import corpus, fleet, recovery_times, session
from benchmarks.report import Options, Report, Table
from listener import embedded

REQUESTS = 300
SECONDS = 90
LISTENERS = 3
PATIENCE_SECONDS = 240.0
SETTINGS: dict[str, object] = {
    "lease_seconds": 4, "heartbeat_seconds": 0.8, "batch_documents": 2, "embedding_call_texts": 4, "grace_seconds": 10,
}  # fmt: skip
"""A lease that passes within the life of a listener here; several batches a request, several groups a batch."""

LOST = (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def measure(options: Options) -> Report:
    """Return the figures of both runs, what is broken (nothing), and the times."""
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", file=sys.stderr, flush=True)
    folder, count, seconds = options.folder, options.size(REQUESTS, 30), float(options.size(SECONDS, 12))
    _write_requests(folder / "requests", count)
    async with session.server(folder) as server, fleet.service() as service:
        calm = await _calm(server, folder, service, count)
        service.sent.clear()
        chaos = await Chaos(server, folder, service, count, seconds, random.Random(seed)).run()
        compared = await _compare(server.dsn())
        figures = {"seed": seed, "requests": count, "calm": calm, "chaos": chaos, "compared": compared}
        broken = list(_broken(figures))
        if not options.quick:
            figures["seconds_from_kill_to_next_step"] = await recovery_times.takeovers(server, folder, service, 10)
            figures["seconds_from_restart_to_claim"] = await recovery_times.restarts(server, folder, service, 5)
    return Report(figures, [_table(figures)], broken)


def _write_requests(folder: Path, count: int) -> None:
    """Write a folder of three to six documents for each request, all texts different."""
    chance = random.Random(corpus.SEED)
    for number in range(count):
        (folder / str(number)).mkdir(parents=True)
        for document in range(chance.randint(3, 6)):
            sections = [f"# Document {document} of request {number}"]
            for section in range(chance.randint(1, 4)):
                words = " ".join(chance.choices(corpus.WORDS, k=90))
                sections += [f"## Section {section}", f"Of request {number}, document {document}: {words}."]
            (folder / str(number) / f"{document}.md").write_text("\n\n".join(sections), encoding="utf-8")


async def _calm(server: embedded.Server, folder: Path, service: fleet.Service, count: int) -> dict[str, Any]:
    connection = await fleet.connect(server.dsn())
    space = {"embedder": "openai", "endpoint": service.url, "model": "calm", "dimensions": fleet.DIMENSIONS}
    await connection.execute("select from ingest_collection('calm', $1)", json.dumps(space))
    listeners = await _listeners(server, folder, "calm", service)
    began = time.monotonic()
    for number in range(count):
        await _insert(connection, "calm", folder, number, uuid.uuid4())
    await connection.close()
    await _until(server.dsn(), ALL_ENDED, "calm", count)
    seconds = time.monotonic() - began
    await listeners.stop()
    return {"seconds": round(seconds, 1), "texts_sent": len(service.sent)}


async def _listeners(server: embedded.Server, folder: Path, name: str, service: fleet.Service) -> fleet.Fleet:
    roots = {"file_roots": folder / "requests"}
    listeners = fleet.Fleet(server.dsn(), folder / f"logs-{name}", service.url, **SETTINGS, **roots)
    for _ in range(LISTENERS):
        await listeners.add()
    return listeners


async def _insert(
    connection: asyncpg.Connection, collection: str, folder: Path, number: int, request: uuid.UUID
) -> None:
    query = "insert into ingest_requests (id, source, collection) values ($1, $2, $3)"
    await connection.execute(query, request, str(folder / "requests" / str(number)), collection)


class Chaos:
    """The second run and its disturbances."""

    def __init__(
        self, server: embedded.Server, folder: Path, service: fleet.Service, count: int, seconds: float,
        chance: random.Random,
    ) -> None:  # fmt: skip
        self._server, self._folder, self._service, self._count = server, folder, service, count
        self._seconds, self._chance = seconds, chance
        self._stored: set[bytes] = set()
        self._in_flight = 0
        self._happened = {"listeners_killed": 0, "postgres_killed": 0, "doorbells_cut": 0}

    async def run(self) -> dict[str, Any]:
        """Run all requests while everything dies; return what happened."""
        listeners = await _listeners(self._server, self._folder, "chaos", self._service)
        began = time.monotonic()
        self._until = began + self._seconds
        await asyncio.gather(
            self._insert_all(), self._kill_listeners(listeners), self._kill_postgres(), self._cut_doorbells()
        )
        calmed = time.monotonic()
        await _until(self._server.dsn(), ALL_ENDED, "chaos", self._count, meanwhile=listeners.replace_the_ended)
        ended = time.monotonic()
        await _until(self._server.dsn(), NOTHING_LEFT)
        await listeners.stop()
        return {
            "seconds": round(ended - began, 1),
            "seconds_after_the_last_disturbance": round(ended - calmed, 1),
            **self._happened,
            "texts_sent": len(self._service.sent),
            "texts_in_flight_at_kills": self._in_flight,
            "declared_dead_alive": listeners.said(" declared_dead: "),
            "listeners_failed": listeners.failed(),
            "given_back": listeners.said("was claimed and never started: it is pending again"),
            "errors_logged": listeners.said(" ERROR "),
        }

    async def _insert_all(self) -> None:
        pause = (self._until - time.monotonic()) / self._count
        for number in range(self._count):
            request = uuid.uuid4()
            while not await self._inserted(number, request):
                pass
            await asyncio.sleep(pause * 0.8)

    async def _inserted(self, number: int, request: uuid.UUID) -> bool:
        """Insert as an application does that knows the request's id: again, if it is not known whether it was."""
        connection = await fleet.connect(self._server.dsn())
        try:
            await _insert(connection, "chaos", self._folder, number, request)
        except asyncpg.UniqueViolationError:
            return True
        except LOST:
            return False
        finally:
            connection.terminate()
        return True

    async def _kill_listeners(self, listeners: fleet.Fleet) -> None:
        while time.monotonic() < self._until:
            await asyncio.sleep(self._chance.uniform(2.0, 4.0))
            await listeners.replace_the_ended()
            victim = self._chance.choice(sorted(listeners.running))
            await self._look_what_is_stored()
            await listeners.kill(victim)
            self._in_flight += len(self._service.by(victim) - self._stored)
            self._happened["listeners_killed"] += 1
            await listeners.add()

    async def _kill_postgres(self) -> None:
        third = self._seconds / 3
        for _ in range(3):
            await asyncio.sleep(self._chance.uniform(0.4, 0.7) * third)
            await self._look_what_is_stored()
            before = set(self._stored)
            await fleet.restart_postgres(self._server, self._chance.uniform(0.0, 2.0))
            self._in_flight += len(self._service.by(None) - before)
            self._happened["postgres_killed"] += 1
            await asyncio.sleep(0.1 * third)

    async def _cut_doorbells(self) -> None:
        while time.monotonic() < self._until:
            await asyncio.sleep(1.0)
            try:
                connection = await fleet.connect(self._server.dsn())
                self._happened["doorbells_cut"] += await connection.fetchval(fleet.DOORBELLS)
                await connection.close()
            except LOST:
                continue  # Postgres died meanwhile

    async def _look_what_is_stored(self) -> None:
        """Note which texts have vectors by now; while Postgres is away nothing is added to these."""
        query = (
            "select distinct c.hash from ingest_chunk_store c join ingest_spaces s on s.id = c.space_id"
            " where s.model = 'chaos'"
        )
        try:
            connection = await asyncpg.connect(self._server.dsn(), timeout=5)
            self._stored = {row["hash"] for row in await connection.fetch(query)}
            await connection.close()
        except LOST:
            return


ALL_ENDED = (
    "select count(*) filter (where status not in ('pending', 'running')) = $2 from ingest_requests"
    " where collection = $1"
)
NOTHING_LEFT = (
    "select not exists (select from workflow_status where status in ('PENDING', 'ENQUEUED', 'DELAYED'))"
    " and not exists (select from ingest_commands where done_at is null)"
)


async def _until(dsn: str, query: str, *values: Any, meanwhile: Callable[[], Any] | None = None) -> None:
    """Wait until a query says true; after PATIENCE_SECONDS go on all the same: the comparison then shows what is."""
    connection = await fleet.connect(dsn)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await connection.fetchval(query, *values) and time.monotonic() < deadline:
        if meanwhile:
            await meanwhile()
        await asyncio.sleep(0.1)
    await connection.close()


COMPARED = {
    "not_succeeded": "select count(*) from ingest_requests where status <> 'succeeded'",
    "workflows_of_requests": "select count(*) from workflow_status w"
    " join ingest_requests r on r.id::text = w.workflow_uuid where r.collection = 'chaos'",
    "workflows_of_nobody": "select count(*) from workflow_status w where not exists (select from ingest_requests r"
    " where r.id::text = split_part(w.workflow_uuid, ':', 1))",
    "workflows_left": "select count(*) from workflow_status where status in ('PENDING', 'ENQUEUED', 'DELAYED')",
    "workflows_not_succeeded": "select count(*) from workflow_status where status <> 'SUCCESS'",
    "open_commands": "select count(*) from ingest_commands where done_at is null",
    "claimed_again": "select coalesce(sum(attempt - 1), 0) from ingest_requests where collection = 'chaos'",
    "documents": "select count(*) from ingest_documents where collection = 'chaos' and revision_id is not null",
    "documents_not_done": "select count(*) from ingest_revisions where state <> 'published'",
    "chunks": "select count(*) from ingest_chunks where collection = 'chaos'",
    "chunks_stored": "select count(*) from ingest_chunk_store where collection = 'chaos'",
    "chunks_counted": "select coalesce(sum(chunks_total), 0) from ingest_requests where collection = 'chaos'",
    "chunks_different": """
        with calm as (select uri, ordinal, text, embedding::text from ingest_chunks where collection = 'calm'),
        chaos as (select uri, ordinal, text, embedding::text from ingest_chunks where collection = 'chaos')
        select (select count(*) from (select * from calm except select * from chaos) a)
             + (select count(*) from (select * from chaos except select * from calm) b)""",
}


WHY = """
select r.status || ': ' || coalesce(r.error::text, 'no reason') as why, count(*)
from ingest_requests r where r.status <> 'succeeded' group by 1 union all
select 'document ' || v.state || ': ' || coalesce(v.error::text, 'no reason'), count(*)
from ingest_revisions v where v.state <> 'published' group by 1 union all
select w.name || ' ' || w.status, count(*) from workflow_status w where w.status <> 'SUCCESS' group by 1
"""


async def _compare(dsn: str) -> dict[str, int]:
    connection = await fleet.connect(dsn)
    found = {name: int(await connection.fetchval(query)) for name, query in COMPARED.items()}
    for row in await connection.fetch(WHY):
        print(f"{row['count']} x {row['why']}", file=sys.stderr)
    await connection.close()
    return found


def _broken(figures: dict[str, Any]) -> Iterator[str]:
    calm, chaos, compared = figures["calm"], figures["chaos"], figures["compared"]
    for name in ("not_succeeded", "workflows_of_nobody", "workflows_left", "open_commands", "documents_not_done",
                 "chunks_different"):  # fmt: skip
        if compared[name]:
            yield f"{name}: {compared[name]}"
    if compared["workflows_of_requests"] != figures["requests"]:
        yield f"{compared['workflows_of_requests']} workflows for {figures['requests']} requests"
    if not compared["chunks"] == compared["chunks_stored"] == compared["chunks_counted"]:
        yield "live, stored and counted chunks are not as many"
    if chaos["texts_sent"] > calm["texts_sent"] + chaos["texts_in_flight_at_kills"]:
        allowed = f"{calm['texts_sent']} + {chaos['texts_in_flight_at_kills']} in flight"
        yield f"texts sent: {chaos['texts_sent']} > {allowed}"
    if chaos["listeners_failed"]:
        yield f"listeners ended by themselves: {chaos['listeners_failed']}"


def _table(figures: dict[str, Any]) -> Table:
    table = Table(f"Chaos, seed {figures['seed']}", ["run", "what", "figure"])
    for part in ("calm", "chaos", "compared"):
        for name, value in figures[part].items():
            table.add(part, name.replace("_", " "), value)
    for name in ("seconds_from_kill_to_next_step", "seconds_from_restart_to_claim"):
        if name in figures:
            table.add("times", name.replace("_", " "), figures[name])
    return table
