"""Web pages through a whole listener: the documented recipe, a page that changes, a page that goes, a sitemap."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import asyncpg
import pytest
from distribution import documented
from listener_process import ListenerProcess
from pipeline import chunks, ended, ingested, one, uris
from staging import Connection, add
from web_server import Told, WebServer, moved, page

HOST = "https://docs.example.com"
LATIN = "text/html; charset=ISO-8859-1"


def listening(ready: str, folder: Path, *roots: str) -> ListenerProcess:
    return ListenerProcess(
        ready, folder, roots="\n".join(roots), http_requests_per_second=10_000, http_patience=0
    ).ready()


async def test_the_documented_recipe_keeps_a_site_in_sync(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path, site: WebServer
) -> None:
    root = re.findall(r"INGEST_ROOTS='(.*?)'", documented_page())[0].replace(HOST, site.origin)
    listeners.append(listening(ready, tmp_path / "one", root))
    recipe = documented("source-http.md", "sql").replace(HOST, site.origin)
    site.pages |= {
        "/guide/": Told(page("Guide", "frost.html", "wind.html", "gone.html", "s.css"), etag='"1"'),
        "/guide/frost.html": Told(page("Frost", "deep/snow.md", text="The boiler starts below three degrees.")),
        "/guide/wind.html": Told(
            "<h1>Wind</h1><p>Böen über dem Hafen".encode("latin-1"), media_type="text/html; charset=ISO-8859-1"
        ),
        "/guide/deep/snow.md": Told("# Snow\n\nIt falls.", media_type="text/plain"),
    }

    async def again() -> dict[str, object]:
        request = await own.fetchval(f"{recipe.rstrip().rstrip(';')} returning id")
        return dict((await ended(own, request))[0])

    first = await again()
    assert (first["status"], first["documents_done"], first["error"]) == ("succeeded", 4, None)
    prefix = site.url("/guide/")
    assert {uri.removeprefix(prefix) for uri in await uris(own, "guide")} == {
        "",
        "frost.html",
        "wind.html",
        "deep/snow.md",
    }
    texts = {chunk["uri"].removeprefix(prefix): chunk["text"] for chunk in await chunks(own, "guide")}
    assert "Böen über dem Hafen" in texts["wind.html"]
    assert texts["deep/snow.md"] == "# Snow\n\nIt falls."
    assert site.asked("/guide/frost.html") == 1
    assert site.asked("/guide/s.css") == 0

    site.requests.clear()
    unchanged = await again()
    assert (unchanged["documents_done"], unchanged["documents_found"]) == (0, 4)

    site.pages["/guide/"] = Told(page("Guide", "frost.html", "snow.md"), etag='"2"')
    site.pages["/guide/frost.html"] = Told(page("Frost", "deep/snow.md", text="The boiler starts below five degrees."))
    del site.pages["/guide/wind.html"]
    edited = await again()
    assert (edited["status"], edited["documents_done"], edited["documents_found"]) == ("succeeded", 2, 3)
    assert (edited["documents_deleted"], f"{prefix}wind.html" in await uris(own, "guide")) == (1, False)
    assert "below five degrees" in {c["uri"]: c["text"] for c in await chunks(own, "guide")}[f"{prefix}frost.html"]


async def test_a_packed_sitemap_and_a_redirected_page_are_read(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path, site: WebServer
) -> None:
    listeners.append(listening(ready, tmp_path / "one", site.url("/")))
    locs = "".join(f"<url><loc>{site.url(path)}</loc></url>" for path in ("/a", "/b.txt", "/old", "/none"))
    packed = gzip.compress(f"<urlset>{locs}</urlset>".encode())
    site.pages |= {
        "/sitemap.xml.gz": Told(packed, media_type="application/gzip"),
        "/a": Told(page("A")),
        "/b.txt": Told("plain words", media_type="text/plain", packed=True),
        "/old": moved("/a"),
    }
    request = await ingested(own, source=site.url("/sitemap.xml.gz"), collection="site")
    assert (request["status"], request["documents_done"], request["documents_failed"]) == ("partially_succeeded", 3, 1)
    error = await one(own, "select error from ingest_revisions where state = 'failed'")
    assert error["error"]["code"] == "not_found"


async def test_records_of_a_file_are_read_by_ranges(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path, site: WebServer
) -> None:
    listeners.append(listening(ready, tmp_path / "one", site.url("/")))
    lines = "".join(f'{{"id": "{name}", "body": "About {name}."}}\n' for name in ("frost", "wind"))
    site.pages["/notes.jsonl"] = Told(lines, media_type="application/x-ndjson", ranges=True, packed=True)
    record = {"text": "body", "id": "id"}
    request = await ingested(own, source=site.url("/notes.jsonl"), collection="notes", options={"record": record})
    assert (request["status"], request["documents_done"], request["error"]) == ("succeeded", 2, None)
    assert await uris(own, "notes") == {site.url(f"/notes.jsonl#{name}") for name in ("frost", "wind")}


async def test_what_no_listener_may_read_waits_and_what_only_looks_so_is_refused(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path, site: WebServer
) -> None:
    listeners.append(listening(ready, tmp_path / "one", site.url("/docs"), "https:"))
    site.pages["/secret"] = Told("secret")
    waiting = await add(own, source=site.url("/secret"), collection="site")
    with pytest.raises(asyncpg.PostgresError) as credentials:
        await add(own, source="https://user:QXZJKV@docs.example.com/", collection="site")
    assert credentials.value.constraint_name == "credentials_in_source"
    climbing, hidden, private = await ended(
        own,
        await add(own, source=site.url("/docs/../secret"), collection="site"),
        await add(own, source=site.url("/docs/..%2fsecret"), collection="site"),
        await add(own, source=f"https://127.0.0.2:{site.port}/", collection="site"),
    )
    codes = [one["error"]["code"] for one in (climbing, hidden, private)]
    assert codes == ["outside_roots", "invalid_source", "private_address"]
    status = await one(own, "select status, waiting_for from ingest_status where id = $1", waiting)
    assert status["status"] == "pending"
    assert status["waiting_for"].startswith("root: ")
    assert site.url("/secret") in status["waiting_for"]
    assert site.requests == []


async def test_a_server_that_is_away_fails_and_a_retry_goes_on(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path, site: WebServer
) -> None:
    listeners.append(listening(ready, tmp_path / "one", site.url("/")))
    site.pages["/a"] = Told("words of a page")
    site.stop()
    request = await ingested(own, source=site.url("/a"), collection="site", options={"patience": 0.1})
    assert (request["status"], request["error"]["code"]) == ("failed", "server_unavailable")
    assert request["error"]["retryable"]
    site.start()
    await own.execute("select ingest_retry($1)", request["id"])
    (again,) = await ended(own, request["id"])
    assert (again["status"], again["documents_done"]) == ("succeeded", 1)


@pytest.mark.parametrize(
    "crawl", [{"depth": -1}, {"depth": 1.5}, {"pages": 0}, {"pages": 100001}, {"pages": "5"}, {"width": 1}, [], True]
)
async def test_a_wrong_crawl_is_refused_by_the_insert(c: Connection, crawl: object) -> None:
    with pytest.raises(asyncpg.PostgresError, match="crawl") as caught:
        await add(c, source="https://docs.example.com/", options={"crawl": crawl})
    assert caught.value.sqlstate == "IG004"


def documented_page() -> str:
    return (Path(__file__).parents[2] / "docs" / "source-http.md").read_text(encoding="utf-8")
