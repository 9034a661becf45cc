"""Overview, requests and a request in a real browser: none, one and 10,000, hostile names, filters, verbs, keyboard."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import pages_of
from listener_process import ListenerProcess
from staging import Connection, add, add_listener, carry, claim, collection, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page, ViewportSize

pytest.importorskip("playwright")
pytest.importorskip("jinja2")

from playwright.async_api import expect

HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "javascript:window.hacked=1",
    "</title></textarea><svg onload=window.hacked=1>",
    "evil\u202egpj.exe",
    "{{ 7 * 7 }} {% raw %}",
    "x" * 1800,
)
NARROW: ViewportSize = {"width": 375, "height": 700}
WIDE: ViewportSize = {"width": 1200, "height": 900}
MANY = """
  insert into ingest_requests (source, collection, status, due, run_at, finished_at, created_at, submitted_by, error)
  select '/srv/many/' || n, 'c' || n % 5, v.status, true, now(), now(), now() - n * interval '1 second', 'app' || n % 3,
    case v.status when 'failed' then '{"code": "boom", "message": "it broke", "hint": "mend it"}'::jsonb end
  from generate_series(1, 10000) n cross join lateral (
    select case when n % 10 = 0 then 'failed' when n % 10 = 1 then 'cancelled' else 'succeeded' end) v (status)
"""


@asynccontextmanager
async def looking(browser: Browser, **how: Any) -> AsyncIterator[Page]:
    """Give a tab that fails the test at its end if a script of a document ran, or the page broke a rule of its own."""
    context = await browser.new_context(viewport=WIDE, **how)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("request", lambda request: wrong.append(request.url) if "127.0.0.1" not in request.url else None)
    yield page
    assert await page.evaluate("window.hacked === undefined")
    assert wrong == []
    await context.close()


async def fits(page: Page) -> None:
    """Check that a narrow window shows all without scrolling sideways."""
    await page.set_viewport_size(NARROW)
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.url
    await page.set_viewport_size(WIDE)


async def rows(page: Page) -> int:
    return await page.locator("table[aria-label^='Requests'] a.id").count()


async def test_hostile_names_and_texts_are_shown_as_text(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    async with pages_of(installed, tmp_path) as pages, looking(browser, color_scheme="dark") as page:
        await page.goto(f"{pages.address}/requests")
        await expect(page.locator("#requests")).to_contain_text("There is no request yet")
        await page.goto(pages.address)
        await expect(page.get_by_text("Nothing waits.")).to_be_visible()
        await expect(page.get_by_text("ingest listen").first).to_be_visible()
        await fits(page)

        await collection(c, HOSTILE[0][:40])
        uris = [f"file:///srv/{name}" for name in HOSTILE]
        request = await start(
            c, uris, source=f"/srv/{HOSTILE[1]}", collection=HOSTILE[0][:40], metadata={"k": HOSTILE[3]}
        )
        await carry(c, request, texts=dict.fromkeys(uris, HOSTILE[0]))
        await c.execute("update ingest_revisions set title = $1", HOSTILE[3])
        await c.execute("update ingest_listeners set roots = '{/srv}'")
        waits = await add(c, source=f"/elsewhere/{HOSTILE[6]}")
        await page.goto(f"{pages.address}/requests")
        await expect(page.locator("#requests")).to_contain_text('"><img src=x')
        assert await rows(page) == 2
        await fits(page)
        await page.click(f'a[href="/requests/{request}"]')
        await expect(page.get_by_role("heading", level=1)).to_contain_text('/srv/"><img src=x onerror=')
        documents = page.locator("table[aria-label='Documents']")
        for shown in ("<script>window.hacked = 1</script>", "evil\\u202egpj.exe", "{{ 7 * 7 }} {% raw %}"):
            await expect(documents).to_contain_text(shown)
        assert await documents.locator("tr").count() == 1 + len(HOSTILE)
        await page.get_by_text("Metadata").click()
        await expect(page.locator("pre").first).to_contain_text("</title></textarea>")
        await page.goto(f"{pages.address}/requests/{request}?state=failed")
        await expect(page.get_by_text("None is in this state.")).to_be_visible()
        await fits(page)
        await page.goto(f"{pages.address}/requests/{waits}")
        await expect(page.get_by_text("It waits for")).to_be_visible()
        await fits(page)


@pytest.mark.long
async def test_of_ten_thousand_requests_those_are_found_that_fit(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    async with pages_of(installed, tmp_path) as pages, looking(browser) as page:
        await c.execute("set session_replication_role = replica")
        await c.execute(MANY)
        await c.execute("reset session_replication_role")
        await page.goto(f"{pages.address}/requests?status=failed&collection=c0")
        seen = set()
        for _ in range(3):
            seen |= {await one.inner_text() for one in await page.locator("table a.id").all()}
            await page.click("#older")
            await page.wait_for_url(re.compile("after="))
        assert len(seen) == 150
        await page.click("#newest")
        await page.get_by_label("Status").select_option("cancelled")
        await page.get_by_role("textbox", name="Submitter").fill("app1")
        await page.get_by_role("textbox", name="Collection").fill("")
        await page.get_by_label("Part of the source").fill("MANY/10")
        await page.get_by_role("button", name="Filter").click()
        await page.wait_for_url(re.compile("submitter=app1"))
        found = await page.locator("table td.long").all_inner_texts()
        assert found
        assert all(one.startswith("/srv/many/10") for one in found)
        await page.goto(pages.address)
        await expect(page.locator("#state")).to_contain_text("ended in the last minute")
        await fits(page)


async def test_verbs_are_asked_for_carried_out_and_told(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    for n in range(40):
        await add(c, source=f"/srv/{n}", collection="a" if n % 2 else "b", dedupe_key=f"k{n}")
    async with pages_of(installed, tmp_path, "--control") as pages, looking(browser) as page:
        await page.goto(f"{pages.address}/requests?collection=a")
        await page.get_by_label("On all that match").get_by_role("link", name="Cancel").click()
        await expect(page.get_by_role("row", name="pending 20")).to_be_visible()
        assert await c.fetchval("select count(*) from ingest_requests where status = 'cancelled'") == 0
        await page.get_by_role("button", name="Cancel 20 requests").click()
        await page.wait_for_url(re.compile("/runs/"))
        await expect(page.locator("#run")).to_contain_text("ended", timeout=20_000)
        await expect(page.locator("#run")).to_contain_text("20 cancelled")
        kept = await c.fetch("select collection, status from ingest_requests group by 1, 2 order by 1")
        assert [tuple(one) for one in kept] == [("a", "cancelled"), ("b", "pending")]

        await add(c, source="/other", collection="a", dedupe_key="k21")  # takes a key: one of them will be refused
        await page.goto(f"{pages.address}/requests?collection=a&status=cancelled")
        await page.get_by_label("On all that match").get_by_role("link", name="Resume").click()
        await page.get_by_role("button", name="Resume 20 requests").click()
        await expect(page.locator("#run")).to_contain_text("ended", timeout=20_000)
        await expect(page.locator("#run")).to_contain_text("19 resumed")
        refused = page.get_by_role("table", name="Refused, by reason")
        await expect(refused).to_contain_text("dedupe_key_taken")
        await refused.get_by_role("link").click()
        await expect(page.locator("#state")).to_contain_text("cancelled")

        request = await c.fetchval("select id from ingest_requests where source = '/srv/4'")
        await page.goto(f"{pages.address}/requests/{request}")
        for verb in ("resume", "retry", "fork"):
            assert await page.locator(f"#verb-{verb}").count() == 0
        await page.click("#verb-priority")
        await page.get_by_label("Priority").fill("-3")
        await page.get_by_role("button", name="Set it").click()
        await expect(page.locator("#state")).to_contain_text("-3, 0")
        await page.locator("#verb-cancel").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Cancel it").click()
        await expect(page.locator("#state .headline")).to_contain_text("cancelled")
        await expect(page.locator("#commands")).to_contain_text("cancel")
        await page.click("#verb-resume")
        await c.execute("select ingest_resume($1)", request)  # somebody else was faster
        await page.get_by_role("button", name="Resume it").click()
        await expect(page.locator("main")).to_contain_text("wrong_state")
        await expect(page.locator("main")).to_contain_text("It was not stopped.")


@pytest.mark.long
async def test_a_page_shows_how_a_listener_gets_on(
    browser: Browser, ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(30):
        (docs / f"{n}.md").write_text(f"# Page {n}\n\nSome words of {n}.\n")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    listeners.append(ListenerProcess(ready, tmp_path / "listener", roots=str(docs)).ready())
    listeners[0].hold("before:to_load")
    async with pages_of(ready, tmp_path) as pages, looking(browser) as page:
        request = await add(own, source=str(docs))
        await page.goto(f"{pages.address}/requests/{request}")
        await expect(page.locator("#state")).to_contain_text("running", timeout=30_000)
        listeners[0].go_when_it_runs()
        await expect(page.locator("#state .headline")).to_contain_text("partially succeeded", timeout=60_000)
        await expect(page.locator("#timeline")).to_contain_text("30 live")
        await expect(page.locator("#failures")).to_contain_text("broken.pdf")
        await expect(page.locator("#documents-list")).to_contain_text("live")
        await page.goto(pages.address)
        await expect(page.locator("#charts figure").first).to_be_visible(timeout=40_000)
        await expect(page.locator("#listeners")).to_contain_text("of")
        await page.get_by_role("link", name="parser_failed").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("parser_failed")
        await expect(page.locator("#failing")).to_contain_text("broken.pdf")
        await expect(page.get_by_label("By reason")).to_contain_text("parser_failed 1")
        await page.get_by_role("textbox", name="Collection").fill("nowhere")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.locator("#failing")).to_contain_text("Nothing fails that fits.")
        await page.goto(pages.address)
        await page.locator("#failing").get_by_role("link", name="broken.pdf").click()
        await expect(page.locator("td.long")).to_contain_text("broken.pdf")


@pytest.mark.long
async def test_the_keyboard_reaches_everything_and_stays_where_it_is(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    await add_listener(c)
    request = await add(c, source="/srv/first", collection="first")
    async with pages_of(installed, tmp_path) as pages, looking(browser) as page:
        await page.goto(f"{pages.address}/requests")
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to content")).to_be_focused()
        reached = set()
        for _ in range(30):
            reached.add(
                await page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.name")
            )
            await page.keyboard.press("Tab")
        assert {"#main", "/", "/requests", "status", "source", "submitter", f"/requests/{request}"} <= reached
        link = page.locator(f"#r{request}")
        await link.focus()
        await add(c, source="/srv/second")
        await expect(page.locator("#requests")).to_contain_text("/srv/second", timeout=20_000)
        await expect(link).to_be_focused()
        assert await claim(c)
        await expect(page.locator("#requests")).to_contain_text("running", timeout=20_000)
        await expect(link).to_be_focused()
