"""A search by meaning, from the keyboard to the chunk in its document; hostile documents in a real browser; 375 px."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import Pages, pages_of
from listener_process import ListenerProcess
from pipeline import ingested
from shown_documents import place
from staging import Connection

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytest.importorskip("playwright")

from playwright.async_api import expect

expect.set_options(timeout=20_000)
CATS = "# Pets\n\n## Cats\n\nKittens and cats purr when they are content."
MONEY = "".join(f"# Part {n}\n\n{'Invoices are paid within thirty days. ' * 30}\n\n" for n in range(40))
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e'
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@asynccontextmanager
async def opened(browser: Browser, pages: Pages, width: int = 1100) -> AsyncIterator[Page]:
    """Give a page of a browser; nothing on it may break, run what stands in documents, or ask another host."""
    wrong: list[str] = []
    context = await browser.new_context(viewport={"width": width, "height": 700})
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda asked: wrong.extend([] if asked.url.startswith(pages.address) else [asked.url]))
    yield page
    assert wrong == []
    await context.close()


async def test_a_search_by_meaning_leads_to_the_chunk(
    browser: Browser, ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    listener = ListenerProcess(ready, tmp_path / "listener", safety_poll_seconds=600)
    listeners.append(listener)
    listener.ready()
    await ingested(own, content=CATS, uri="cats.md", media_type="text/markdown")
    await ingested(own, content=MONEY, uri="money.md", media_type="text/markdown")
    async with pages_of(ready, tmp_path) as pages, opened(browser, pages) as page:
        await page.goto(f"{pages.address}/search")
        await expect(page.get_by_role("searchbox")).to_be_focused()
        await page.keyboard.type("a feline animal")
        await page.keyboard.press("Enter")
        first = page.locator(".hits li").first
        await expect(first).to_contain_text("found by meaning (place 1)")
        await expect(page.get_by_role("status").first).to_contain_text("No chunk has these words")
        await expect(first.get_by_role("link", name="Pets › Cats")).to_be_visible()

        await page.get_by_role("searchbox").fill("invoices part 31")
        await page.keyboard.press("Enter")
        await expect(page.locator("mark", has_text="Invoices").first).to_be_visible()
        await expect(first).to_contain_text("found by words (place 1)")
        link = page.get_by_role("link", name="Part 31").first
        await link.focus()
        await page.keyboard.press("Enter")
        chunk = page.locator("a[aria-current=true][id^=chunk-]")
        await expect(chunk).to_be_in_viewport()
        await expect(chunk).to_contain_text("Part 31")
        await expect(page.locator(".run.aimed").first).to_contain_text("Invoices are paid")

        await page.go_back()
        await page.get_by_role("link", name="Context for a prompt").click()
        await page.locator("#more > summary").click()
        await page.get_by_label("Characters of a context").fill("2000")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=2)).to_contain_text("of 2,000 characters")
        await page.get_by_role("button", name="Copy").click()
        await expect(page.locator("#copied")).to_have_text("Copied.")
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("[1] Part")
        assert copied == await page.locator("#prompt").input_value()
        assert listener.stop() == 0
        await page.goto(f"{pages.address}/search?q=a+question+about+invoices&by=")
        await expect(page.get_by_role("status").first).to_contain_text("searched by words only")
        await expect(page.locator("mark").first).to_have_text("invoices", ignore_case=True)


@pytest.mark.long
async def test_hostile_documents_are_text_and_pages_fit_a_narrow_screen(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    uri = f" a b?c=1#d%41/../{'x' * 300}{HOSTILE} "
    text = f"Ships {HOSTILE}</pre></main>" + "y" * 1_000_000
    places = [(0, 800), (700, 1_500), (1_400, 1_000_000)]
    collection = f"c{HOSTILE[:30]}"
    await place(c, uri, text, places, f"Title {HOSTILE}", {0: [HOSTILE]}, collection=collection)
    async with pages_of(installed, tmp_path) as pages, opened(browser, pages, 375) as page:
        await page.goto(f"{pages.address}/documents")
        assert await page.evaluate(FITS)
        await page.locator("td.long a").first.click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("<script>alert(2)</script>\\u202e")
        await page.wait_for_load_state()
        assert await page.evaluate(FITS)
        assert await page.locator(".run.shared").count() == 3  # one of them explains it
        await page.get_by_role("link", name="Next").first.click()
        await expect(page.locator("pre.text")).to_contain_text("yyyy")
        await page.goto(f"{pages.address}/search")
        await page.get_by_role("checkbox", name=collection).check()
        await page.get_by_role("checkbox", name="default").uncheck()
        await page.get_by_role("searchbox").fill("ships")
        await page.keyboard.press("Enter")
        await expect(page.locator("mark")).to_have_text("Ships")
        assert page.url.count("=") == 2  # what is empty is not in the address
        await page.wait_for_load_state()
        assert await page.evaluate(FITS)
        await page.get_by_role("button", name="Search all").click()
        await expect(page.get_by_role("checkbox", name="default")).to_be_checked()
        await page.get_by_role("link", name="Context for a prompt").click()
        await expect(page.locator(".passages pre")).to_contain_text("\\u202e")
        await page.wait_for_load_state()
        assert await page.evaluate(FITS)
        assert "\u202e" in await page.locator("#prompt").input_value()  # it is copied as it stands
