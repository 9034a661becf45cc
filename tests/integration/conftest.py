"""One listener for all tests that don't need one of their own, and databases that are ready for listeners."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from pipeline import Shared
from staging import Connection, session

from listener import embedded


@pytest.fixture(scope="session")
def shared(server: embedded.Server, ready_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    root = folder / "root"
    root.mkdir()
    name = f"shared_{uuid.uuid4().hex}"
    asyncio.run(server.create_database(name, ready_template))
    process = ListenerProcess(
        server.dsn(name), folder, group_texts=8, file_roots=root, batch_documents=4, safety_poll_seconds=600,
        heartbeat_seconds=0.2, max_document_bytes=8_000_000,
    )  # fmt: skip
    try:
        yield Shared(server.dsn(name), root, process.ready())
        assert process.stop() == 0
        assert " ERROR " not in process.log()
    finally:
        process.stop()
        asyncio.run(server.drop_database(name))


@pytest.fixture(scope="session")
def single(
    server: embedded.Server, ready_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ListenerProcess]:
    """A listener with a single place, alone in its database."""
    name = f"single_{uuid.uuid4().hex}"
    asyncio.run(server.create_database(name, ready_template))
    process = ListenerProcess(
        server.dsn(name),
        tmp_path_factory.mktemp("single"),
        concurrency=1,
        heartbeat_seconds=0.2,
        safety_poll_seconds=600,
    )
    try:
        yield process.ready()
    finally:
        process.stop()
        asyncio.run(server.drop_database(name))


@pytest.fixture
async def c(shared: Shared) -> AsyncIterator[Connection]:
    """A session in the shared listener's database."""
    async with session(shared.dsn) as connection:
        yield connection


@pytest.fixture
async def other(shared: Shared) -> AsyncIterator[Connection]:
    """A second session in it."""
    async with session(shared.dsn) as connection:
        yield connection


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A collection of the test's own."""
    return f"{request.node.name.partition('[')[0].removeprefix('test_')[:38]}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def folder(shared: Shared) -> Path:
    """A folder of the test's own below the shared listener's root."""
    path = shared.root / uuid.uuid4().hex[:8]
    path.mkdir()
    return path


@pytest.fixture
def process(shared: Shared) -> Iterator[ListenerProcess]:
    """The shared listener, for tests that hold it at points."""
    yield shared.process
    shared.process.go()
