"""Pages are kept up to date while they are open, through restarts of Postgres, and cost the database little."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from browsing import Pages, pages_of
from roles import new_roles
from staging import Connection, add, session

from listener import embedded, service
from listener.settings import Settings

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytest.importorskip("playwright")

from playwright.async_api import expect
from websockets.asyncio.client import ClientConnection, connect

COMMITS = "select pg_stat_clear_snapshot(), xact_commit from pg_stat_database where datname = current_database()"
RING = "select pg_notify(ingest_channel('doorbell'), '')"
ROUNDS, SETTLE_SECONDS = 4, 2.0


async def test_a_page_shows_what_comes_while_it_is_open(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    async with pages_of(installed, tmp_path) as pages:
        page = await browser.new_page()
        await page.goto(pages.address)
        counts = page.locator("#state")
        await expect(counts).to_contain_text("0 pending")
        await c.execute("insert into ingest_requests (source) values ('/srv/docs')")
        await expect(counts).to_contain_text("1 pending", timeout=20_000)
        assert await pages.stop() == 143
        await expect(page.locator("#connection")).to_contain_text("does not answer")


@pytest.mark.long
async def test_pages_go_on_after_a_restart_of_postgres(browser: Browser, data_dir: Path, tmp_path: Path) -> None:
    server = await embedded.start(data_dir)
    await service.migrate(Settings(), server.dsn())
    async with pages_of(server.dsn(), tmp_path) as pages:
        page = await browser.new_page()
        await page.goto(f"{pages.address}/requests")
        await expect(page.locator("#requests")).to_contain_text("There is no request yet")
        await embedded.stop(data_dir)
        await expect(page.locator("#connection")).to_contain_text("Waiting for the database", timeout=30_000)
        await expect(page.locator("#requests")).to_contain_text("There is no request yet")  # as it was
        other = await browser.new_page()
        answer = await other.goto(pages.address)
        assert answer is not None
        assert answer.status == 503
        await embedded.start(data_dir)
        async with session(server.dsn()) as c:
            await add(c, source="/srv/afterwards")
        await expect(page.locator("#requests")).to_contain_text("/srv/afterwards", timeout=40_000)
        await expect(page.locator("#connection")).to_be_hidden()


async def followed(pages: Pages, path: str) -> ClientConnection:
    """Open what a page's script opens."""
    place = urlsplit(pages.address)
    return await connect(f"ws://{place.netloc}{path}", origin=pages.address)  # type: ignore[arg-type]


async def commits_while(c: Connection, sockets: list[ClientConnection]) -> int:
    """Return how many transactions some changes cost, which each of the open pages shows."""
    for socket in sockets:
        await told(socket, "Requests")
    before = await committed(c)
    for n in range(ROUNDS):
        await add(c, source=f"/srv/{len(sockets)}/{n}")
        await c.execute(RING)
        for socket in sockets:
            await told(socket, f"/srv/{len(sockets)}/{n}")
    return await committed(c) - before


async def committed(c: Connection) -> int:
    """Return how many transactions there were, once all have been reported: a session does, within a second."""
    await asyncio.sleep(SETTLE_SECONDS)
    count: int = await c.fetchval(COMMITS, column=1)
    return count


async def told(socket: ClientConnection, text: str) -> None:
    """Wait until a page was told of something."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 60))
        if any(text in html for html in message.get("regions", {}).values()):
            return


@pytest.mark.long
async def test_twenty_open_pages_cost_as_much_as_one(installed: str, c: Connection, tmp_path: Path) -> None:
    await add(c, source="/srv/first")
    async with pages_of(installed, tmp_path) as pages, AsyncExitStack() as open_pages:
        one = await open_pages.enter_async_context(await followed(pages, "/requests"))
        alone = await commits_while(c, [one])
        more = [await open_pages.enter_async_context(await followed(pages, "/requests")) for _ in range(19)]
        first = await open_pages.enter_async_context(await followed(pages, "/requests"))
        together = await commits_while(c, [*more, first])
        assert alone > ROUNDS
        assert together < 2 * alone + 10


async def test_a_page_that_may_no_longer_be_seen_says_so_and_the_last_one_to_go_ends_the_listening(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    async with new_roles(c, 1) as (role,):
        await c.execute("select ingest_grant($1, 'submitter')", role)
        dsn = installed.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")
        async with pages_of(dsn, tmp_path) as pages:
            async with await followed(pages, "/requests") as socket:
                await told(socket, "There is no request yet")
                killed = await c.fetch(
                    "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and query ~ 'LISTEN'",
                    role,
                )
                assert killed
                await c.execute("select ingest_revoke($1, 'submitter')", role)
                while "problem" not in (message := json.loads(await asyncio.wait_for(socket.recv(), 60))):
                    await c.execute(RING)
                assert message["problem"]
            listening = 1
            for _ in range(60):
                listening = await c.fetchval(
                    "select count(*) from pg_stat_activity where usename = $1 and query ~ 'LISTEN'", role
                )
                if not listening:
                    break
                await asyncio.sleep(0.5)
            assert not listening
