"""What all tests share: a throwaway Postgres for the session, and an empty database of it for each test that asks."""

from __future__ import annotations

import asyncio
import gc
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import how_many
import pytest
from former_listener import Release, migrated_by, unpacked
from listener_process import ListenerProcess
from pipeline import cloned, migrated
from roles import new_roles
from staging import Connection, session
from throwaway import throwaway_data_dir, throwaway_servers
from web_server import WebServer

from listener import embedded, service
from listener.database import migrations
from listener.settings import Settings

if TYPE_CHECKING:
    from listener.sources.http.web import Web

VERSIONS = (16, 18)
FOLDERS = ("upgrade", "browser", "crash", "integration", "security", "sql", "property", "unit", "tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres", action="append", type=int, choices=VERSIONS, default=[],
        help="run the tests that need a database on this major version only (may be repeated); default: 18; for those "
        "marked postgres(16, 18) 16 too, with -m long or if they are marked always=True",
    )  # fmt: skip


def pytest_xdist_auto_num_workers() -> int:
    """Three processes on two cores: a third of the time, tests wait for a lease, a pause or a process to end."""
    cores = os.cpu_count() or 1
    return cores + max(1, cores // 2)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "postgres(*versions, always): the major versions to run it on; older ones with -m long, or always"
    )
    config.addinivalue_line("markers", "examples: it makes inputs; with -m long, all of them (tests/how_many.py)")
    how_many.choose(config)


@pytest.hookimpl(tryfirst=True)  # before any are left out by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose modules take long, so that no process is left alone with one of them at the end."""
    how_many.mark(items)
    place = {name: place for place, name in enumerate(FOLDERS)}
    items.sort(key=lambda item: place.get(item.path.parent.name, 0))


def pytest_collection_finish() -> None:
    """What was collected stays: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server_version" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("postgres")
    asked = metafunc.config.getoption("--postgres")
    versions = asked or (marker.args if marker else VERSIONS[-1:])
    is_plain = bool(asked or (marker and marker.kwargs.get("always")))
    found = [
        pytest.param(version, id=f"pg{version}", marks=() if is_plain or version == VERSIONS[-1] else pytest.mark.long)
        for version in versions
    ]
    metafunc.parametrize("server_version", found, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server_version(request: pytest.FixtureRequest) -> int:
    """The major version of Postgres that the test runs on."""
    version: int = request.param
    return version


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], embedded.Server]]:
    """Starts this session's own Postgres of a version when it is first asked for; it stays until the session ends."""
    with throwaway_servers() as start:
        yield start


@pytest.fixture(scope="session")
def server(servers: Callable[[int], embedded.Server], server_version: int) -> embedded.Server:
    """This session's Postgres of the version that the test runs on."""
    return servers(server_version)


@pytest.fixture
async def database(server: embedded.Server) -> AsyncIterator[str]:
    """The URL of an empty database with pgvector, for this test alone."""
    name = f"test_{uuid.uuid4().hex}"
    await server.create_database(name)
    yield server.dsn(name)
    await server.drop_database(name)


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """The name of a database with our objects in schema public. Nobody may be connected to it while it is cloned."""
    return _installed(server)


@cache  # fixtures are made anew whenever the version changes; the server and what is in it stay
def _installed(server: embedded.Server) -> str:
    return asyncio.run(_install(server))


async def _install(server: embedded.Server) -> str:
    name = f"template_{uuid.uuid4().hex}"
    await server.create_database(name)
    connection = await asyncpg.connect(server.dsn(name))
    try:
        await migrations.migrate(connection, "public")
    finally:
        await connection.close()
    return name


@pytest.fixture
async def installed(server: embedded.Server, template: str) -> AsyncIterator[str]:
    """The URL of a database with our objects in schema public, for this test alone."""
    async with cloned(server, template) as dsn:
        yield dsn


@pytest.fixture
async def c(installed: str) -> AsyncIterator[Connection]:
    """A session in ``installed``."""
    async with session(installed) as connection:
        yield connection


@pytest.fixture
async def other(installed: str) -> AsyncIterator[Connection]:
    """A second session in ``installed``."""
    async with session(installed) as connection:
        yield connection


@pytest.fixture
async def third(installed: str) -> AsyncIterator[Connection]:
    """A third session in ``installed``."""
    async with session(installed) as connection:
        yield connection


@pytest.fixture
async def submitter(c: Connection) -> AsyncIterator[str]:
    """A role in ``installed`` that may submit to all collections."""
    async with new_roles(c, 1) as (made,):
        await c.execute("select ingest_grant($1, 'submitter')", made)
        yield made


@pytest.fixture(scope="session")
def ready_template(server: embedded.Server) -> str:
    """The name of a database with our objects and DBOS's. Nobody may be connected to it while it is cloned."""
    return _migrated(server)


@cache
def _migrated(server: embedded.Server) -> str:
    return asyncio.run(migrated(server))


@pytest.fixture
async def ready(server: embedded.Server, ready_template: str) -> AsyncIterator[str]:
    """The URL of a database for this test's own listeners."""
    async with cloned(server, ready_template) as dsn:
        yield dsn


@pytest.fixture
async def own(ready: str) -> AsyncIterator[Connection]:
    """A session in ``ready``, whatever ways its listeners take."""
    async with session(ready) as connection:
        yield connection


@pytest.fixture
def listeners(ready: str) -> Iterator[list[ListenerProcess]]:
    """Filled by the test, with listeners in ``ready``; those that still run at its end are killed."""
    started: list[ListenerProcess] = []
    yield started
    for it in started:
        if it.process.poll() is None:
            it.kill()
        else:
            it.ended()  # its pipes are closed


@pytest.fixture(scope="session")
def former(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release before this one."""
    return unpacked(tmp_path_factory.mktemp("former"))


@pytest.fixture(scope="session")
def former_template(server: embedded.Server, former: Release, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that the former release has migrated. Nobody may be connected to it while it is cloned."""
    return _migrated_by(former, server, tmp_path_factory.getbasetemp())


@cache
def _migrated_by(release: Release, server: embedded.Server, folder: Path) -> str:
    return asyncio.run(migrated_by(release, server, folder))


@pytest.fixture
async def of_former(server: embedded.Server, former_template: str) -> AsyncIterator[str]:
    """The URL of a database as the former release has it, for this test alone."""
    async with cloned(server, former_template) as dsn:
        yield dsn


@pytest.fixture
async def upgraded(server: embedded.Server, former_template: str) -> AsyncIterator[str]:
    """The URL of a database that was migrated by the former release, then by this one."""
    async with cloned(server, former_template) as dsn:
        await service.migrate(Settings(), dsn)
        yield dsn


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder for a server that the test starts itself; it is stopped and deleted afterwards."""
    with throwaway_data_dir() as folder:
        yield folder


@pytest.fixture(scope="session")
def initialized() -> Iterator[Path]:
    """A folder with a server that was started and stopped once, to copy from."""
    with throwaway_data_dir() as folder:
        asyncio.run(embedded.start(folder))
        asyncio.run(embedded.stop(folder))
        yield folder


@pytest.fixture
def site() -> Iterator[WebServer]:
    """A web server on loopback."""
    with WebServer() as server:
        yield server


@pytest.fixture
async def web(site: WebServer) -> AsyncIterator[Web]:
    """The source of web pages, with ``site`` for its root."""
    from web_reading import reading  # noqa: PLC0415 - the tests of other rooms have no use for it

    async with reading(site.url("/")) as source:
        yield source
