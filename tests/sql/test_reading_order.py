"""Whatever the order of readings, publishes, deletes and cancels: what is live is what the newest reading brought."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from how_many import how_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staging import Connection, carry, own, publish, session, settle, start

URIS = ["a", "b"]
# An action and the request (by place) or document that it is about; a request that does not exist yet is started.
ACTIONS = st.tuples(st.sampled_from(["read", "publish", "delete", "cancel"]), st.integers(0, 3))


class Model:
    """What must be live: of each document the newest reading that was published since the last delete."""

    def __init__(self, c: Connection, collection: str) -> None:
        self.c, self.collection = c, collection
        self.requests: dict[int, uuid.UUID] = {}
        self.read: dict[int, dict[str, int]] = {}
        self.live: dict[str, tuple[int, str]] = {}
        self.clock = 0

    async def do(self, action: str, place: int) -> None:
        if action == "delete":
            await self.delete(URIS[place % 2])
        elif action == "read" and place not in self.requests:
            await self.start_and_read(place)
        elif action == "publish" and place in self.read:
            await self.publish(place)
        elif action == "cancel" and place in self.read:
            await self.c.execute("select ingest_cancel($1)", self.requests[place])
            del self.read[place]

    async def start_and_read(self, place: int) -> None:
        self.requests[place] = await start(self.c, URIS, collection=self.collection)
        texts = {uri: f"{uri} of {place}" for uri in URIS}
        await carry(self.c, self.requests[place], "embedded", texts=texts)
        self.clock += 1
        self.read[place] = dict.fromkeys(URIS, self.clock)

    async def publish(self, place: int) -> None:
        await publish(self.c, self.requests[place], 0, await own(self.c, self.requests[place]))
        assert await settle(self.c, self.requests[place]) == "succeeded"
        for uri, read_at in self.read.pop(place).items():
            if read_at > self.live.get(uri, (0, ""))[0]:
                self.live[uri] = (read_at, f"{uri} of {place}")

    async def delete(self, uri: str) -> None:
        await self.c.execute("delete from ingest_documents where collection = $1 and uri = $2", self.collection, uri)
        if uri in self.live:  # a delete of what is not there deletes nothing, later readings included
            del self.live[uri]
            for read in self.read.values():
                read.pop(uri, None)

    async def check(self) -> None:
        rows = await self.c.fetch("select uri, text from ingest_chunks where collection = $1", self.collection)
        assert {row["uri"]: row["text"] for row in rows} == {uri: text for uri, (_, text) in self.live.items()}
        documents = await self.c.fetch("select uri from ingest_documents where collection = $1", self.collection)
        assert {row["uri"] for row in documents} == self.live.keys()


async def play(dsn: str, actions: list[tuple[str, int]]) -> None:
    async with session(dsn) as c:
        model = Model(c, uuid.uuid4().hex)
        for action in actions:
            await model.do(*action)
            await model.check()
        await c.execute("select ingest_purge_replaced('0', 500)")
        await model.check()


@pytest.mark.examples
def test_what_is_live_is_what_the_newest_reading_brought(installed: str) -> None:
    @settings(max_examples=how_many(40), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(ACTIONS, max_size=10))
    def run(actions: list[tuple[str, int]]) -> None:
        asyncio.run(play(installed, actions))

    run()
