"""What a sitemap lists: nested, packed, with times, in pages that can be gone on from; and what is none."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from web_reading import found, items, names, pages, reading
from web_server import Told, WebServer, page

from listener.errors import RequestError
from listener.sources.base import Refused
from listener.sources.http import sitemap_pages
from listener.sources.http.sitemap import NoSitemap, entries, last_modified, unpacked
from listener.sources.http.web import Web

SCHEMA = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*locs: str, lastmod: str = "") -> str:
    time = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    listed = "".join(f"<url><loc>\n {loc} </loc>{time}<priority>0.5</priority></url>" for loc in locs)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {SCHEMA}>{listed}</urlset>'


def index(*locs: str) -> str:
    listed = "".join(f"<sitemap><loc>{loc}</loc></sitemap>" for loc in locs)
    return f'<?xml version="1.0"?><sitemapindex {SCHEMA}>{listed}</sitemapindex>'


def xml(body: str | bytes) -> Told:
    return Told(body, media_type="application/xml")


async def test_its_pages_are_the_documents_each_once_and_none_is_fetched(site: WebServer, web: Web) -> None:
    site.pages["/sitemap.xml"] = xml(urlset(site.url("/a"), site.url("/b?x=1&amp;y=2"), site.url("/a#top"), "c/d.html"))
    there = await found(web, site.url("/sitemap.xml"))
    assert [one.uri.removeprefix(site.origin) for one in there] == ["/a", "/b?x=1&y=2", "/c/d.html"]
    assert {one.path for one in site.requests} == {"/sitemap.xml", "/robots.txt"}


async def test_nested_and_packed_ones_are_read(site: WebServer, web: Web) -> None:
    site.pages["/sitemap.xml.gz"] = Told(
        gzip.compress(index(site.url("/1.xml"), site.url("/2.xml.gz")).encode()), media_type="application/gzip"
    )
    site.pages["/1.xml"] = Told(urlset(site.url("/a")), packed=True, media_type="text/xml")
    site.pages["/2.xml.gz"] = Told(
        gzip.compress(urlset(site.url("/b")).encode()), media_type="application/octet-stream"
    )
    assert await names(web, site.origin, site.url("/sitemap.xml.gz")) == ["/a", "/b"]


async def test_lastmod_is_the_version_once_its_day_is_over(site: WebServer, web: Web) -> None:
    today = datetime.now(timezone.utc)
    for lastmod, is_settled in (
        ("2024-05-06", True),
        (f"{today:%Y-%m-%d}", False),
        ("2024-05", False),
        ("soon", False),
    ):
        site.pages["/sitemap.xml"] = xml(urlset(site.url("/a"), lastmod=lastmod))
        (one,) = await found(web, site.url("/sitemap.xml"))
        assert one.version == (f"lastmod {lastmod}" if is_settled else None)


@pytest.mark.parametrize(
    ("text", "time", "lasts"),
    [
        ("2024-05-06T07:08:09Z", datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc), timedelta(seconds=2)),
        ("2024-05-06T07:08:09.123+02:00", datetime(2024, 5, 6, 5, 8, 9, tzinfo=timezone.utc), timedelta(seconds=2)),
        ("2024-05-06T07:08-0130", datetime(2024, 5, 6, 8, 38, tzinfo=timezone.utc), timedelta(minutes=1)),
        (" 2024-05-06 ", datetime(2024, 5, 6, tzinfo=timezone.utc), timedelta(hours=38)),
    ],
)
def test_times_are_read(text: str, time: datetime, lasts: timedelta) -> None:
    modified, over = last_modified(text)
    assert (modified, over) == (time, time + lasts)


@pytest.mark.parametrize("text", ["", "0000-00-00", "2024-13-01", "2024-01-01T25:00:00Z", "9999-12-31", "x" * 50])
def test_what_is_no_time_says_nothing(text: str) -> None:
    assert last_modified(text) == (None, None)


async def test_pages_outside_of_the_roots_are_refused_and_robots_are_obeyed(site: WebServer) -> None:
    site.pages["/docs/sitemap.xml"] = xml(
        urlset(
            site.url("/docs/a"),
            site.url("/secret"),
            "https://other.example/",
            "http://u:QXZJKV@h/",
            site.url("/docs/no"),
        )
    )
    site.pages["/robots.txt"] = Told("User-agent: *\nDisallow: /docs/no", media_type="text/plain")
    async with reading(site.url("/docs/")) as web:
        there = items(await pages(web, site.url("/docs/sitemap.xml")))
    codes = [item.code if isinstance(item, Refused) else "" for item in there]
    assert codes == ["", "outside_roots", "outside_roots", "bad_sitemap"]
    assert "QXZJKV" not in "".join(item.message for item in there if isinstance(item, Refused))


async def test_include_and_exclude_choose_among_them(site: WebServer, web: Web) -> None:
    site.pages["/docs/sitemap.xml"] = xml(urlset(*(site.url(f"/docs/{name}") for name in ("", "a.html", "old/b.html"))))
    assert await names(web, site.origin, site.url("/docs/sitemap.xml"), exclude="old") == ["/docs/", "/docs/a.html"]


async def test_a_nested_one_that_fails_leaves_it_incomplete(site: WebServer, web: Web) -> None:
    site.pages["/sitemap.xml"] = xml(
        index(site.url("/1.xml"), site.url("/gone.xml"), site.url("/bad.xml"), "http://[/", site.url("/broken.xml"))
    )
    site.pages["/1.xml"] = xml(urlset(site.url("/a")))
    site.pages["/bad.xml"] = xml("<urlset><url><loc>http://h/")
    site.pages["/broken.xml"] = Told("", 500)
    there = await pages(web, site.url("/sitemap.xml"))
    codes = [item.code if isinstance(item, Refused) else "" for item in items(there)]
    assert codes == ["", "not_found", "bad_sitemap", "bad_sitemap", "server_unavailable"]
    assert [one.complete for one in there] == [True, False, False, False, False]


async def test_a_circle_of_sitemaps_is_read_once(site: WebServer, web: Web) -> None:
    site.pages["/sitemap.xml"] = xml(index(site.url("/sitemap.xml"), site.url("/1.xml"), site.url("/2.xml")))
    site.pages["/1.xml"] = xml(index(site.url("/2.xml"), site.url("/1.xml"), site.url("/sitemap.xml")))
    site.pages["/2.xml"] = xml(urlset(site.url("/a"), "http://[/"))
    there = items(await pages(web, site.url("/sitemap.xml")))
    assert [one.code if isinstance(one, Refused) else "" for one in there] == ["", "bad_sitemap"]
    assert [site.asked(path) for path in ("/sitemap.xml", "/1.xml", "/2.xml")] == [1, 1, 1]


async def test_no_more_sitemaps_are_noted_than_are_read(
    site: WebServer, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap_pages, "MOST_SITEMAPS", 2)
    site.pages["/sitemap.xml"] = xml(index(*(site.url(f"/{number}.xml") for number in range(3))))
    for number in range(3):
        site.pages[f"/{number}.xml"] = xml(urlset(site.url(f"/{number}")))
    there = await pages(web, site.url("/sitemap.xml"))
    assert [(len(one.items), one.complete) for one in there] == [(1, True), (1, True), (0, False)]


async def test_it_goes_on_behind_each_of_its_pages(site: WebServer, web: Web) -> None:
    site.pages["/sitemap.xml"] = xml(index(*(site.url(f"/{number}.xml") for number in range(3))))
    for number in range(3):
        site.pages[f"/{number}.xml"] = xml(urlset(*(site.url(f"/{number}/{one}") for one in range(1500))))
    whole = await pages(web, site.url("/sitemap.xml"))
    assert [len(one.items) for one in whole] == [1000, 500] * 3
    for number in (0, 1, 4):
        rest = await pages(web, site.url("/sitemap.xml"), after=whole[number].cursor)
        assert [page.items for page in rest] == [page.items for page in whole[number + 1 :]]
    site.pages["/sitemap.xml"] = xml(index(site.url("/0.xml")))
    assert len(items(await pages(web, site.url("/sitemap.xml"), after=whole[3].cursor))) == 1500


@pytest.mark.parametrize(
    "body",
    [
        f'<!DOCTYPE x [<!ENTITY a "b">]><urlset {SCHEMA}><url><loc>&a;</loc></url></urlset>',
        "<urlset><url></urlset>",
        "<urlset>",
        *(f'<?xml version="1.0" encoding="{name}"?><urlset></urlset>' for name in ("nonsuch", "utf-7", "undefined")),
    ],
)
async def test_what_is_no_sound_sitemap_is_refused(site: WebServer, web: Web, body: str) -> None:
    site.pages["/sitemap.xml"] = xml(body)
    with pytest.raises(RequestError) as caught:
        await pages(web, site.url("/sitemap.xml"))
    assert caught.value.code == "bad_sitemap"


@pytest.mark.parametrize(
    "body", ["<feed><entry/></feed>", page("a page"), "", b"\x1f\x8bno gzip", gzip.compress(b"words", mtime=0)]
)
async def test_other_files_are_documents(site: WebServer, web: Web, body: str | bytes) -> None:
    site.pages["/a.xml"] = xml(body)
    assert await names(web, site.origin, site.url("/a.xml")) == ["/a.xml"]


async def test_one_that_lists_nothing_is_empty(site: WebServer, web: Web) -> None:
    site.pages["/sitemap.xml"] = xml(urlset())
    with pytest.raises(RequestError) as caught:
        await pages(web, site.url("/sitemap.xml"))
    assert caught.value.code == "empty_source"


def test_entities_do_not_grow() -> None:
    bomb = "<!DOCTYPE x [" + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)) + "]><urlset/>"
    with pytest.raises(NoSitemap):
        list(entries(bomb.encode()))


def test_a_gz_bomb_is_bounded() -> None:
    with pytest.raises(NoSitemap):
        unpacked(gzip.compress(b"x" * 10_000_000), 1_000_000)


def test_lists_are_streamed() -> None:
    listed: Sequence[str] = [f"http://h/{number}" for number in range(20_000)]
    assert [one.loc for one in entries(urlset(*listed).encode())] == listed


async def test_pages_of_another_server_that_is_away_are_refused_and_the_others_found(site: WebServer) -> None:
    with WebServer() as other:
        away = other.url("/b")
        other.stop()
        site.pages["/sitemap.xml"] = xml(urlset(site.url("/a"), away))
        async with reading(site.url("/"), other.url("/")) as web:
            one, two = items(await pages(web, site.url("/sitemap.xml")))
        assert one.uri == site.url("/a")
        assert isinstance(two, Refused)
        assert (two.uri, two.code, two.passing) == (away, "server_unavailable", True)
