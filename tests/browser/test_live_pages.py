"""Pages are kept up to date while they are open, through restarts of Postgres, and cost the database little."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import pages_of
from staging import Connection

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytest.importorskip("playwright")

from playwright.async_api import expect


async def test_a_page_shows_what_comes_while_it_is_open(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    async with pages_of(installed, tmp_path) as pages:
        page = await browser.new_page()
        await page.goto(pages.address)
        counts = page.locator("#counts")
        await expect(counts).to_contain_text("0 pending")
        await c.execute("insert into ingest_requests (source) values ('/srv/docs')")
        await expect(counts).to_contain_text("1 pending", timeout=20_000)
        assert await pages.stop() == 143
        await expect(page.locator("#connection")).to_contain_text("does not answer")
