"""Half a request holds nobody up; requests by why they wait; wide tables on small screens; what is in use stays."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from browsing import Pages, pages_of
from shown_documents import answered
from staging import Connection, add, add_listener, carry, start

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytest.importorskip("uvicorn")
pytest.importorskip("playwright")

from playwright.async_api import expect
from websockets.asyncio.client import connect

from listener.cli.webui.prompt_http import CROWD, MOST_CONNECTIONS

HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\ntoken="
LONG = "x" * 300
BROKEN = """update ingest_revisions set state = 'failed', failed_at = ingest_now(), error = jsonb_build_object(
  'code', 'parser_failed', 'message', uri || ' is damaged', 'hint', 'skip ' || uri, 'step', 'load', 'retryable', false)
where request_id = $1 and uri like '%.pdf'"""
HELD_BACK = "() => new Promise((done) => { const look = () => waiting.size ? done() : setTimeout(look, 20); look(); })"


async def sent(pages: Pages, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection and send some bytes."""
    place = urlsplit(pages.address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the connection is closed."""
    try:
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionResetError:
        return b""


async def test_half_a_request_holds_nobody_up(installed: str, tmp_path: Path) -> None:
    async with pages_of(installed, tmp_path) as pages, AsyncExitStack() as stack:
        place = urlsplit(pages.address)
        page = await stack.enter_async_context(connect(f"ws://{place.netloc}/", origin=pages.address))  # type: ignore[arg-type]
        await page.recv()
        halves = [await sent(pages, HALF) for _ in range(MOST_CONNECTIONS + 88)]
        for _, writer in halves:
            stack.callback(writer.close)
        assert (await answered(pages, "/requests")).status == 200
        oldest = halves[: len(halves) - CROWD]
        assert [await rest_of(reader) for reader, _ in oldest] == [b""] * len(oldest)
        await page.ping()
        reader, writer = await sent(pages, HALF_A_BODY)
        stack.callback(writer.close)
        await rest_of(reader)
        last, _ = halves[-1]
        assert await rest_of(last) == b"", "it had its time"
        await (await page.ping())


async def test_requests_are_found_by_what_they_wait_for(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    await add_listener(c, roots=["/srv"])
    rootless = await add(c, source="/elsewhere/a")
    later = await add(c, source="/srv/later", run_at=await c.fetchval("select now() + interval '1 day'"))
    await add(c, source="/srv/b")
    async with pages_of(installed, tmp_path, "--control") as pages:
        page = await browser.new_page()
        await page.goto(f"{pages.address}/requests")
        for word, found in (("root", rootless), ("run_at", later)):
            await page.get_by_label("Waits for").select_option(word)
            await page.get_by_role("button", name="Filter").click()
            await page.wait_for_url(f"**waiting={word}*")
            links = page.locator("table[aria-label^='Requests'] a.id")
            await expect(links).to_have_count(1)
            assert await links.get_attribute("href") == f"/requests/{found}"
        await page.goto(f"{pages.address}/requests?waiting=root&status=scheduled")
        await expect(page.locator("#requests")).to_contain_text("No request fits")
        await page.goto(f"{pages.address}/requests/all/cancel?waiting=root")
        await expect(page.get_by_role("button", name="Cancel 1 request")).to_be_visible()
        assert (await answered(pages, "/requests", waiting="rain")).status == 400


@pytest.mark.long
async def test_wide_tables_scroll_in_their_own_box(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    await add_listener(c, roots=["/srv", f"/{LONG}"])
    request = await start(c, ["file:///srv/a", f"file:///srv/{LONG}.pdf"])
    await c.execute(BROKEN, request)
    await carry(c, request)
    async with pages_of(installed, tmp_path) as pages:
        page = await browser.new_page(viewport={"width": 375, "height": 700})
        shown = 0
        for path in ("/", f"/requests/{request}", "/failures", "/documents", "/collections", "/collections/default"):
            await page.goto(pages.address + path)
            await page.wait_for_load_state()
            assert await page.evaluate("document.documentElement.scrollWidth") == 375, path
            for table in await page.locator("table").all():
                shown += 1
                box = await table.evaluate("t => t.closest('.scroll').getBoundingClientRect().right")
                assert box <= 375, path
        assert shown >= 8


@pytest.mark.long
async def test_a_region_in_use_waits_and_boxes_stay_scrolled(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    await add_listener(c, roots=[f"/srv/{LONG}"])
    async with pages_of(installed, tmp_path) as pages:
        page = await browser.new_page(viewport={"width": 375, "height": 700})
        await page.goto(f"{pages.address}/requests")
        requests = page.locator("#requests")
        await expect(requests).to_contain_text("There is no request yet")
        await page.evaluate("document.getSelection().selectAllChildren(document.getElementById('requests'))")
        await add(c, source="/srv/first")
        other = await browser.new_page()  # sees it, so that it has been told here too
        await other.goto(f"{pages.address}/requests")
        await expect(other.locator("#requests")).to_contain_text("/srv/first", timeout=20_000)
        await page.evaluate(HELD_BACK)
        await expect(requests).to_contain_text("There is no request yet")
        await page.evaluate("document.getSelection().removeAllRanges()")
        await expect(requests).to_contain_text("/srv/first")

        await page.evaluate("""() => {
            const region = document.getElementById('requests');
            region.insertAdjacentHTML('beforeend', '<input id=typed>');
            document.getElementById('typed').focus();
        }""")
        await add(c, source="/srv/second")
        await page.evaluate(HELD_BACK)
        assert await page.locator("#typed").count() == 1
        await page.evaluate("document.getElementById('typed').blur()")
        await expect(requests).to_contain_text("/srv/second")

        await page.goto(pages.address)
        box = page.locator(".scroll:has(table[aria-label='Listeners'])")
        await box.evaluate("one => { one.scrollLeft = 60; one.firstElementChild.dataset.former = 'yes'; }")
        await c.execute("update ingest_listeners set running = running + 1")
        await add(c, source="/srv/third")
        await expect(page.locator("table[data-former]")).to_have_count(0, timeout=30_000)
        assert await box.evaluate("one => one.scrollLeft") == 60
