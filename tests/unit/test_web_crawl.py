"""A site below a prefix: which of its pages are documents, what is not looked at, and when it is complete."""

from __future__ import annotations

import pytest
from web_reading import fetched, found, items, names, pages, reading
from web_server import Asked, Told, WebServer, moved, page

from listener.errors import RequestError, ServiceError
from listener.sources.base import Refused
from listener.sources.http.page_links import page_links
from listener.sources.http.web import Web

CRAWL = {"depth": 5, "pages": 100}


def put(site: WebServer, **links: list[str]) -> None:
    """Have pages below /docs/, each with links."""
    for name, to in links.items():
        path = f"/docs/{name}.html" if name != "index" else "/docs/"
        site.pages[path] = Told(page(name, *to))


async def crawled(web: Web, site: WebServer, source: str = "/docs/", **given: object) -> list[str]:
    return await names(web, site.url("/docs/"), site.url(source), crawl=CRAWL, **given)


async def test_pages_below_the_folder_of_the_source_are_found_each_once(site: WebServer, web: Web) -> None:
    put(
        site,
        index=["a.html", "a.html#x", "/docs/b.html?", "/elsewhere.html", "//other.example/docs/c"],
        a=["./", "b.html"],
        b=["c.html"],
        c=[],
    )
    site.pages["/elsewhere.html"] = Told(page("elsewhere", "/docs/secret.html"))
    assert await crawled(web, site) == ["", "a.html", "b.html", "c.html"]
    assert site.asked("/elsewhere.html") == 0
    (complete,) = {one.complete for one in await pages(web, site.url("/docs/"), crawl=CRAWL)}
    assert complete
    assert (await crawled(web, site, "/docs/c.html")) == ["c.html"]


async def test_a_crawled_page_is_read_without_asking_again(site: WebServer, web: Web) -> None:
    put(site, index=["a.html"], a=[])
    for one in await found(web, site.url("/docs/"), crawl=CRAWL):
        got = await fetched(web, one.uri)
        assert (got.version, len(got.data)) == (one.version, one.bytes)
    assert site.asked("/docs/a.html") == 1


async def test_depth_and_pages_bound_it_and_only_the_second_leaves_it_incomplete(site: WebServer, web: Web) -> None:
    put(site, index=["a.html"], a=["b.html"], b=["c.html"], c=["d.html"], d=[])
    shallow = await pages(web, site.url("/docs/"), crawl={"depth": 2})
    assert [item.uri.removeprefix(site.url("/docs/")) for item in items(shallow)] == ["", "a.html", "b.html"]
    assert all(one.complete for one in shallow)
    assert [one.note for one in shallow if one.note] == []  # it was asked for
    few = await pages(web, site.url("/docs/"), crawl={"pages": 2})
    assert len(items(few)) == 2
    assert not all(one.complete for one in few)
    (note,) = [one.note for one in few if one.note]
    assert (note.code, "ended at 2 pages" in note.message) == ("cut_off", True)
    assert '{"crawl": {"depth": 5, "pages": 20}}' in note.hint


async def test_a_depth_that_nobody_asked_for_is_noted_where_links_lead_on(site: WebServer, web: Web) -> None:
    put(site, index=["1.html"], **{str(n): [f"{n + 1}.html", "index.html"] for n in range(1, 8)})
    deep = await pages(web, site.url("/docs/"), crawl={})
    assert len(items(deep)) == 6
    assert all(one.complete for one in deep)
    (note,) = [one.note for one in deep if one.note]
    assert (note.code, "ended at a depth of 5; 1 or more links lead further" in note.message) == ("cut_off", True)
    put(site, **{"5": ["./"]})
    assert [one.note for one in await pages(web, site.url("/docs/"), crawl={}) if one.note] == []


async def test_a_site_without_an_end_ends(site: WebServer, web: Web) -> None:
    def calendar(asked: Asked) -> Told:
        number = int(asked.path.rpartition("=")[2])
        return Told(page(f"day {number}", *(f"/docs/?day={number * 7 + more}" for more in range(1, 8))))

    site.pages = type("Endless", (dict,), {"get": lambda self, path, other: other if "day" not in path else calendar})()
    there = await pages(web, site.url("/docs/?day=1"), crawl={"pages": 60, "depth": 100})
    assert len(items(there)) == 60
    assert sum("day" in one.path for one in site.requests) == 61  # the first one twice


async def test_broken_links_are_no_documents_and_failing_pages_are_refused(site: WebServer, web: Web) -> None:
    put(site, index=["gone.html", "gone2.html", "private.html", "broken.html", "a.html"], a=[])
    site.pages |= {
        "/docs/gone2.html": Told("", 410),
        "/docs/private.html": Told("", 403),
        "/docs/broken.html": Told("", 500),
    }
    assert await crawled(web, site) == ["", "a.html", "broken.html server_unavailable", "private.html unreadable"]
    assert not all(one.complete for one in await pages(web, site.url("/docs/"), crawl=CRAWL))


async def test_a_server_that_goes_away_in_the_middle_is_an_outage(site: WebServer, web: Web) -> None:
    links = [f"{number}.html" for number in range(30)]
    site.pages["/docs/"] = lambda _: Told("", 503) if site.asked("/docs/0.html") else Told(page("index", *links))
    for link in links:
        site.pages[f"/docs/{link}"] = Told("", 503)
    with pytest.raises(ServiceError) as caught:
        await pages(web, site.url("/docs/"), crawl=CRAWL)
    assert caught.value.code == "server_unavailable"


async def test_broken_links_use_up_no_pages_but_have_an_end(site: WebServer, web: Web) -> None:
    put(site, index=[*(f"gone{number}.html" for number in range(15)), "a.html", "b.html"], a=[], b=[])
    there = await pages(web, site.url("/docs/"), crawl={"pages": 10})
    assert len(items(there)) == 3
    assert all(one.complete for one in there)
    site.requests.clear()
    put(site, index=[*(f"gone{number}.html" for number in range(1000)), "a.html"], a=[])
    there = await pages(web, site.url("/docs/"), crawl={"pages": 10})
    assert not all(one.complete for one in there)
    assert len(site.requests) < 25


async def test_a_part_of_a_site_that_is_broken_is_no_outage(site: WebServer, web: Web) -> None:
    put(site, index=[*(f"broken{number}.html" for number in range(20)), "z.html"], z=[])
    for number in range(20):
        site.pages[f"/docs/broken{number}.html"] = Told("", 500)
    there = items(await pages(web, site.url("/docs/"), crawl=CRAWL))
    refused = [one for one in there if isinstance(one, Refused)]
    assert (len(there), {(one.code, one.passing) for one in refused}) == (22, {("server_unavailable", True)})
    assert site.asked("/docs/broken19.html") == 1, "once it is known, others are not tried as often"


async def test_redirects_inside_are_followed_and_those_that_leave_are_left(site: WebServer, web: Web) -> None:
    put(site, index=["old.html", "out.html", "loop.html", "far"], new=[])
    site.pages |= {
        "/docs/old.html": moved("new.html"),
        "/docs/out.html": moved("/elsewhere"),
        "/docs/loop.html": moved("loop.html"),
        "/docs/far": moved("https://other.example/"),
        "/elsewhere": Told(page("elsewhere")),
    }
    assert await crawled(web, site) == ["", "new.html"]
    assert site.asked("/elsewhere") == 0


async def test_the_prefix_is_the_folder_where_the_source_leads_to(site: WebServer, web: Web) -> None:
    put(site, index=["a.html", "/"], a=[])
    site.pages["/docs"] = moved("/docs/")
    assert await crawled(web, site, "/docs") == ["", "a.html"]


async def test_a_page_goes_by_its_canonical_name(site: WebServer, web: Web) -> None:
    canonical = '<link rel="canonical" href="/docs/a.html">'
    put(site, index=["a.html?from=index", "b.html"], b=["a.html"])
    site.pages["/docs/a.html"] = Told(page("a", "c.html", head=canonical))
    site.pages["/docs/a.html?from=index"] = Told(page("a", "c.html", head=canonical))
    site.pages["/docs/b.html"] = Told(page("b", head='<link rel="canonical" href="https://other.example/b">'))
    site.pages["/docs/c.html"] = Told(page("c", head='<LINK REL="Canonical" HREF="/docs/">'))
    assert await crawled(web, site) == ["", "a.html", "b.html"]


async def test_a_page_that_sends_its_readers_on_is_none(site: WebServer, web: Web) -> None:
    put(site, index=["stub.html"], real=[])
    site.pages["/docs/stub.html"] = Told(
        page("stub", head='<meta http-equiv="Refresh" content="0; URL=\'real.html\'">')
    )
    assert await crawled(web, site) == ["", "real.html"]


async def test_robots_txt_is_obeyed_and_its_delay(site: WebServer, web: Web) -> None:
    put(site, index=["a.html", "private/b.html", "ours/c.html"], a=[])
    site.pages["/docs/private/b.html"] = site.pages["/docs/ours/c.html"] = Told(page("b"))
    site.pages["/robots.txt"] = Told(
        "User-agent: *\nDisallow: /\n\nUser-agent: ingest-listener\nCrawl-delay: 0.05\nDisallow: /*/private/\n",
        media_type="text/plain",
    )
    assert await crawled(web, site) == ["", "a.html", "ours/c.html"]
    assert site.asked("/docs/private/b.html") == 0
    assert site.asked("/robots.txt") == 1
    site.pages["/robots.txt"] = Told("User-agent: *\nDisallow: /docs/", media_type="text/plain")
    async with reading(site.url("/")) as other:
        with pytest.raises(RequestError) as caught:
            await pages(other, site.url("/docs/"), crawl=CRAWL)
        assert caught.value.code == "robots_disallow"
        assert len(await found(other, site.url("/docs/"))) == 1  # a single page is a person's choice


async def test_what_pages_are_made_of_and_downloads_are_not_taken(site: WebServer, web: Web) -> None:
    links = ["s.css", "s.js", "p.png", "z.zip", "t.tar.gz", "d.pdf", "n.md", "data", "feed", "x.bin", "edit.html"]
    body = "".join(f'<a href="{link}">x</a>' for link in links[:-1]) + '<a rel="nofollow" href="edit.html">edit</a>'
    site.pages["/docs/"] = Told(f"<html><body>{body}</body></html>")
    site.pages |= {f"/docs/{link}": Told("x") for link in links}
    site.pages["/docs/d.pdf"] = Told(b"%PDF-1.4", media_type="application/pdf")
    site.pages["/docs/n.md"] = Told("# x", media_type="application/octet-stream")
    site.pages["/docs/data"] = Told("{}", media_type="application/json")
    site.pages["/docs/feed"] = Told("<rss/>", media_type="application/rss+xml")
    site.pages["/docs/x.bin"] = Told("x", media_type="application/octet-stream")
    assert await crawled(web, site) == ["", "d.pdf", "n.md"]
    assert {one.path for one in site.requests} & {
        "/docs/s.css",
        "/docs/p.png",
        "/docs/z.zip",
        "/docs/edit.html",
    } == set()


async def test_include_and_exclude_choose_by_the_path_below_the_prefix(site: WebServer, web: Web) -> None:
    put(site, index=["a.html", "guide/", "guide/old/b.html", "guide/c.html"], a=[])
    site.pages |= {"/docs/guide/": Told(page("g", "d.html")), "/docs/guide/old/b.html": Told(page("b"))}
    site.pages |= {"/docs/guide/c.html": Told(page("c")), "/docs/guide/d.html": Told(page("d"))}
    guide = ["guide/", "guide/c.html", "guide/d.html"]
    assert await crawled(web, site, include="guide/**", exclude="old") == guide
    assert site.asked("/docs/guide/old/b.html") == 0
    assert await crawled(web, site, include="index.html") == ["", "guide/"]
    assert await crawled(web, site, exclude=["guide/"]) == ["", "a.html"]


async def test_a_site_without_documents_is_empty(site: WebServer, web: Web) -> None:
    put(site, index=[])
    with pytest.raises(RequestError) as caught:
        await pages(web, site.url("/docs/"), crawl=CRAWL, include="*.pdf")
    assert caught.value.code == "empty_source"
    with pytest.raises(RequestError) as caught:
        await pages(web, site.url("/docs/none.html"), crawl=CRAWL)
    assert caught.value.code == "not_found"


async def test_a_page_that_is_too_large_is_refused(site: WebServer) -> None:
    put(site, index=["a.html", "b.html"], b=[])
    site.pages["/docs/a.html"] = Told("<p>" + "x" * 5000)
    async with reading(site.url("/"), max_document_bytes=4000) as web:
        there = await pages(web, site.url("/docs/"), crawl=CRAWL)
    assert [item.code for item in items(there) if isinstance(item, Refused)] == ["too_large"]


def test_links_are_read_in_any_charset_and_by_the_base_of_the_page() -> None:
    text = (
        '<base href="/docs/x/"><a href="ä.html">ä</a><area href="b"><iframe src="c"></iframe><a href="mailto:x@y">m</a>'
    )
    read = page_links(
        text.encode("latin-1"), "text/html; charset=latin-1", "http://h.example/docs/", "http://h.example/docs/"
    )
    assert read.links == [f"http://h.example/docs/x/{name}" for name in ("%C3%A4.html", "b", "c")]
    assert page_links(b"\xff\xfe\x00<a href=", "text/html; charset=nonsense", "http://h/", "http://h/").links == []


def test_of_a_page_of_very_many_links_the_first_are_taken() -> None:
    text = "".join(f'<a href="{number}">x</a>' for number in range(6000))
    read = page_links(text.encode(), "", "http://h.example/", "http://h.example/")
    assert (len(read.links), read.complete) == (5000, False)


@pytest.mark.parametrize("robots", [
    Told("User-agent: *\nDisallow: /docs/a.html\n" + "# words\n" * 70_000, media_type="text/plain"),
    Told("User-agent: *\nDisallow: /docs/a.html\nDisallow: /docs/" + " " * 2**20, media_type="text/plain"),
    Told("User-agent: *\nDisallow: /docs/a.html\n" * 1000, media_type="text/plain", endless=True),
    Told("User-agent: *\nDisallow: /docs/a.html\n" * 500_000, media_type="text/plain", packed=True),
], ids=["long", "cut in a line", "endless", "packed"])  # fmt: skip
async def test_of_a_robots_txt_beyond_measure_the_beginning_counts(site: WebServer, web: Web, robots: Told) -> None:
    put(site, index=["a.html", "b.html"], a=[], b=[])
    site.pages["/robots.txt"] = robots
    assert await crawled(web, site) == ["", "b.html"]
