"""Collections and watches as pages: many, with hostile names, as each role may see them; forms that steer watches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx2
import pytest
from browsing import pages_of
from roles import new_roles
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from staging import SPACE, Connection, add_listener, collection, ingest

from listener import embedded

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytest.importorskip("playwright")

from playwright.async_api import expect

HOSTILE = ["../..", ".", "..", "a/b?c=d#e%2F+ f", "<script>alert(1)</script>", "\u202egnp.exe", '"><img src=x>']
SAVE = "select ingest_save_evaluation($1, 'judged<b>.jsonl', 3, 'both', 2, 1, false, 10, 0.5, 1, 0.75, 0.812, 1)"
FAILING = {"code": "source_away", "message": "<b>the folder</b> is away", "hint": "See <i>the log</i>."}


def cells(html: str, row: str) -> list[str]:
    """Return the texts of the cells of the table's row whose heading is that."""
    rows = HTMLParser(html).css("tbody tr")
    found = next(one for one in rows if one.css("th")[0].text().startswith(row))
    return [" ".join(cell.text().split()) for cell in found.css("td")]


def of_role(database: str, role: str) -> str:
    return database.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")


async def opened(browser: Browser, width: int = 1280) -> Page:
    """Open a page that fails the test when a script of somebody's runs on it."""
    page = await browser.new_page(viewport={"width": width, "height": 800})

    def refuse(dialog: object) -> None:
        raise AssertionError(dialog)

    page.on("dialog", refuse)
    page.on("pageerror", refuse)
    return page


@pytest.mark.long
async def test_two_thousand_collections_come_in_pages_and_are_found(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    async with pages_of(installed, tmp_path) as pages, httpx2.AsyncClient(base_url=pages.address) as client:
        only = (await client.get("/collections")).text
        assert cells(only, "default")[:4] == ["0", "0", "0 bytes", "0"]
        watches = (await client.get("/watches")).text
        assert "There is no watch." in watches
        await c.execute(
            "insert into ingest_collections (name, tenant)"
            " select 'c-' || lpad(n::text, 4, '0'), 't' || n % 3 from generate_series(1, 2000) n"
        )
        await ingest(c, {"x": "one", "y": "two"}, collection="c-0777")
        await c.execute(SAVE, "c-0777")
        seen: list[str] = []
        address = "/collections"
        for _ in range(3):
            tree = HTMLParser((await client.get(address)).text)
            seen += [name.text() for name in tree.css("tbody th a")]
            address = str(tree.css('a[rel="next"]')[0].attributes["href"])
        assert (len(seen), len(set(seen)), seen[1], seen[-1]) == (150, 150, "c-0002", "c-0150")
        found = (await client.get("/collections", params={"find": "0777"})).text
        assert cells(found, "c-0777")[:3] == ["2", "2", "6 bytes"]
        assert "nDCG@10 0.812 both 2:1" in " ".join(cells(found, "c-0777"))
        assert "No collection contains" in (await client.get("/collections?find=nowhere")).text


@pytest.mark.long
async def test_a_collection_of_any_name_has_a_page_that_stays_up_to_date(
    browser: Browser, installed: str, c: Connection, other: Connection, tmp_path: Path
) -> None:
    for name in HOSTILE:
        await collection(c, name, {**SPACE, "passage_prefix": "<script>alert(2)</script>", "weight": 3})
    await c.execute(SAVE, HOSTILE[0])
    async with pages_of(installed, tmp_path) as pages:
        page = await opened(browser, 375)
        for name in HOSTILE:
            await page.goto(f"{pages.address}/collections?find={quote(name)}")
            await page.locator("tbody th a", has_text=name.lstrip("\u202e")).first.click()
            await expect(page.locator("h1")).to_have_text(name.replace("\u202e", "\\u202e"))
            await page.wait_for_load_state()  # its style sheet too
            assert await page.evaluate("document.documentElement.scrollWidth") == 375
        await page.goto(f"{pages.address}/collections/{quote(HOSTILE[0], safe='')}")
        await expect(page.locator("#settings .set")).to_have_count(2 + 1)  # weight, prefix, and what that means
        await expect(page.locator("#quality")).to_contain_text("judged<b>.jsonl")
        await expect(page.locator("#index")).to_contain_text("Nothing is known of it yet")
        await c.execute(
            "insert into ingest_index_store (collection, generation, chunks, failures, failed_at, last_error)"
            " values ($1, 1, 9000, 2, now(), 'out of <b>memory</b>')", HOSTILE[0],
        )  # fmt: skip
        await c.execute("select pg_notify(ingest_channel('doorbell'), '')")
        await expect(page.locator("#index")).to_contain_text("waiting", timeout=30_000)
        await expect(page.locator("#index")).to_contain_text("out of <b>memory</b>")
        await other.execute("select pg_advisory_lock(ingest_lock_key('maintenance'))")  # as whoever builds one does
        await c.execute("update ingest_index_store set building = 'ingest_ann_7'")
        await c.execute("select pg_notify(ingest_channel('doorbell'), '')")
        await expect(page.locator("#index progress")).to_be_visible(timeout=30_000)
        await expect(page.locator("#index")).to_contain_text("building")


async def test_the_page_of_a_collection_says_which_steps_it_names_and_who_lacks_them(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    steps = [{"name": "redact", "options": {"words": ["<b>Bob</b>"]}}, {"name": "whisper"}]
    await collection(c, "a", SPACE, steps=steps)
    await add_listener(c)
    told = {"redact": {"version": "1", "place": "document", "paid": False, "options": {"words": "array"}}}
    await c.execute("update ingest_listeners set knows_caps = true")
    await c.execute("select ingest_tell_steps('L1', $1)", told)
    await c.execute("insert into ingest_requests (content, uri, collection) values ('x', 'x', 'a')")
    async with pages_of(installed, tmp_path) as pages, httpx2.AsyncClient() as client:
        shown = (await client.get(f"{pages.address}/collections/a")).text
        waiting = (await client.get(f"{pages.address}/requests", params={"waiting": "step"})).text
    assert cells(shown, "redact") == ["documents", '{"words": ["<b>Bob</b>"]}', "1", "1 of 1"]
    assert cells(shown, "whisper") == ["–", "none", "–", "no running listener has it"]
    assert "waits for step: no running listener has" in " ".join(HTMLParser(waiting).text().split())


async def test_a_page_shows_each_role_what_it_may_see(installed: str, c: Connection, tmp_path: Path) -> None:
    await collection(c, "a", SPACE)
    await collection(c, "b")
    await c.execute(SAVE, "a")
    await c.execute("select ingest_watch('/srv/a', collection => 'a', every => '1 hour')")
    sees = {"searcher": ("0.812", "Only operators of the collection"), "operator": ("0.812", "Nothing is known of it"),
            "submitter": ("Only who may search or operate", "Only operators of the collection")}  # fmt: skip
    async with new_roles(c, 3) as names:
        for role, kind in zip(names, sees, strict=True):
            await c.execute("select ingest_grant($1, $2, 'a')", role, kind)
            async with pages_of(of_role(installed, role), tmp_path) as pages, httpx2.AsyncClient() as client:
                listed = await client.get(f"{pages.address}/collections")
                assert [one.text() for one in HTMLParser(listed.text).css("tbody th a")] == ["a"], kind
                shown = await client.get(f"{pages.address}/collections/a")
                assert shown.status_code == 200, kind
                for text in sees[kind]:
                    assert text in shown.text, kind
                assert "is shown to the owner alone" in shown.text
                assert (await client.get(f"{pages.address}/collections/b")).status_code == 404
                watches = (await client.get(f"{pages.address}/watches")).text
                assert ("a:/srv/a" in watches) == (kind == "operator")
                assert (await client.get(f"{pages.address}/watches/unwatch?watch=a:/srv/a")).status_code == 404


async def test_watches_say_how_they_go_and_forms_run_pause_resume_and_end_them(
    browser: Browser, installed: str, c: Connection, tmp_path: Path
) -> None:
    odd = '<img src=x onerror=alert(1)> " \u202e'
    await c.execute("select ingest_watch('/srv/a', every => '1 hour', name => $1)", odd.strip("\u202e"))
    await c.execute("select ingest_watch('/srv/b', every => '1 hour', name => 'failing')")
    await c.execute(
        "update ingest_watch_store set failures = 3, failing_since = now() - interval '2 h', error = $1,"
        " next_at = now() + interval '20 min' where name = 'failing'", FAILING,
    )  # fmt: skip
    await c.execute("create table articles (id int primary key, body text)")
    await c.execute("select ingest_watch_table('articles', columns => '{body}')")
    await add_listener(c)
    await ingest(c, {"file:///srv/b/1": "one", "file:///srv/b/2": "two"})
    await c.execute("delete from ingest_document_origins")
    came = "insert into ingest_document_origins (document_id, origin) select id, $1 from ingest_documents"
    await c.execute(came, "/srv/b")
    await c.execute(f"{came} where uri like '%1'", "/srv")
    async with pages_of(installed, tmp_path, "--control") as pages:
        page = await opened(browser, 375)
        await page.goto(f"{pages.address}/watches")
        assert await page.evaluate("document.documentElement.scrollWidth") == 375
        await expect(page.locator("#watches h2")).to_have_count(3)
        failing = page.locator("ul.watches > li", has=page.get_by_role("heading", name="failing"))
        await expect(failing).to_contain_text("source_away <b>the folder</b> is away See <i>the log</i>.")
        await expect(failing).to_contain_text("3 times in a row")
        await expect(failing).to_contain_text("every 1 h")
        await expect(page.locator("ul.watches")).to_contain_text("idle")
        await expect(failing).to_contain_text("back-off: it failed 3 times")
        await expect(page.locator("ul.watches")).to_contain_text("table public.articles")
        await page.get_by_role("button", name="Pause: failing").click()
        await expect(failing.locator("dd").first).to_have_text("paused")
        await page.goto(f"{pages.address}/watches?state=paused")
        await page.get_by_role("button", name="Resume: failing").click()
        await expect(page).to_have_url(f"{pages.address}/watches?state=paused")
        await expect(page.locator("#watches")).to_contain_text("No watch fits that")
        await page.goto(f"{pages.address}/watches")
        await page.get_by_role("button", name=f"Run now: {odd.partition(' ')[0]}").click()
        request = str(await c.fetchval("select id from ingest_requests where source = '/srv/a'"))
        await expect(page.locator(f'a[href="/requests/{request}"]').first).to_be_visible()
        await expect(page.get_by_role("status")).to_contain_text("a look was asked for")
        await page.get_by_role("link", name="End it: failing").click()
        await expect(page.locator("main")).to_contain_text("2 came from its source, 1 of them from no other")
        await page.get_by_role("button", name="End it, delete 1").click()
        await expect(page.locator("#watches h2")).to_have_count(2)
        assert await c.fetchval("select count(*) from ingest_documents") == 1
        await page.get_by_role("link", name="End it: articles").click()
        await page.get_by_role("button", name="End it, keep documents").click()
        await expect(page.locator("#watches h2")).to_have_count(1)


async def test_a_form_has_a_service_that_is_away_asked_now(installed: str, c: Connection, tmp_path: Path) -> None:
    odd = 'openai "m" at http://e/v1?a=1&b=<2>'
    await c.execute(
        "insert into ingest_circuits (service, tenant, opened_at, error, probe_at)"
        " select s, '', now(), $1, now() + interval '1 hour' from unnest($2::text[]) s", FAILING, [odd, "another"],
    )  # fmt: skip
    due = "select service from ingest_circuits where probe_at <= now()"
    async with httpx2.AsyncClient() as client:
        async with pages_of(installed, tmp_path) as pages:
            assert "/services/ask" not in (await client.get(pages.address)).text
        async with pages_of(installed, tmp_path, "--control") as pages:
            (form,) = [
                one for one in HTMLParser((await client.get(pages.address)).text).css("form[action^='/services/ask']")
                if "http" in str(one.attributes["action"])
            ]  # fmt: skip
            token = str(form.css("input")[0].attributes["value"])
            address = f"{pages.address}{form.attributes['action']}"
            sent = await client.post(address, data={"token": token}, headers={"origin": pages.address})
            assert (sent.status_code, sent.headers["location"]) == (303, "/")
            assert [row["service"] for row in await c.fetch(due)] == [odd]


async def test_a_form_of_somebody_else_changes_no_watch(installed: str, c: Connection, tmp_path: Path) -> None:
    await c.execute("select ingest_watch('/srv/a', every => '1 hour', name => 'w')")

    async def refused(client: httpx2.AsyncClient, address: str, token: str, **headers: str) -> int:
        sent = await client.post(f"{address}/watches/pause?watch=w", data={"token": token}, headers=headers)
        return int(sent.status_code)

    async with httpx2.AsyncClient() as client:
        async with pages_of(installed, tmp_path, "--control") as pages:
            html = (await client.get(f"{pages.address}/watches")).text
            token = str(HTMLParser(html).css('input[name="token"]')[0].attributes["value"])
            assert await refused(client, pages.address, token, origin="https://evil.example") == 403
            assert await refused(client, pages.address, "made-up", origin=pages.address) in (400, 403)
            assert await refused(client, pages.address, token * 1000, origin=pages.address) == 400
            assert not await c.fetchval("select paused from ingest_watches")
            assert await refused(client, pages.address, token, origin=pages.address) == 303
            assert await c.fetchval("select paused from ingest_watches")
        async with pages_of(installed, tmp_path) as pages:
            html = (await client.get(f"{pages.address}/watches")).text
            assert ("<button" in html, 'method="post"' in html) == (True, False)
            assert (await client.get(f"{pages.address}/watches/unwatch?watch=w")).status_code == 404
            assert await refused(client, pages.address, token, origin=pages.address) == 404
