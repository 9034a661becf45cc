"""Sources that go away and come back: what looks there or reads there waits, says for what, and holds nothing."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from listener_process import ListenerProcess
from object_service import Answer, Asked, Kept, ObjectService, refused, running
from pipeline import counted, ended, one, until, uris
from staging import Connection, add
from web_server import Told, WebServer, page

FAST: dict[str, Any] = {
    "heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600,
    "http_requests_per_second": 10_000, "http_patience": 0, "http_timeout_seconds": 2,
}  # fmt: skip
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture
def start(ready: str, tmp_path: Path, listeners: list[ListenerProcess]) -> Any:
    def start(roots: str, **settings: Any) -> ListenerProcess:
        it = ListenerProcess(ready, tmp_path / uuid.uuid4().hex, roots=roots, **(FAST | settings))
        listeners.append(it)
        return it.ready()

    return start


async def parked(c: Connection, request: uuid.UUID) -> Any:
    """Wait until a request waits for a source that is away; return what its status says."""
    query = """select s.*, r.resume_at from ingest_status s join ingest_requests r using (id)
      where s.id = $1 and s.status = 'running' and r.resume_at is not null
        and exists (select from ingest_circuits k where k.opened_at is not null)
        and waiting_for like '%; next attempt at %'"""
    return await until(lambda: c.fetchrow(query, request))


async def succeeded(c: Connection, request: uuid.UUID, within: float = 30) -> Any:
    (row,) = await ended(c, request, within=within)
    assert (row["status"], row["attempt"], row["error"]) == ("succeeded", 1, None)
    assert (row["resume_at"], row["outage"]) == (None, None)
    assert await c.fetchval("select count(*) from ingest_circuits") == 0
    return row


async def test_a_site_that_is_away_is_waited_for_and_others_go_through_meanwhile(
    own: Connection, start: Any, site: WebServer, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\nWords.")
    it = start(f"{site.url('/')}\n{tmp_path}", concurrency=4, batch_concurrency=1)
    site.pages["/a"] = Told("words of a page")
    site.stop()
    requests = [await add(own, source=site.url("/a"), collection="site") for _ in range(8)]
    said = await parked(own, requests[0])
    assert said["waiting_for"].startswith(f"service: {site.url('/a')} can't be fetched: ")
    assert f" ({site.origin}); next attempt at " in said["waiting_for"]
    assert (said["last_error"]["service"], said["last_error"]["code"]) == (site.origin, "server_unavailable")
    assert said["next_attempt_at"] == said["resume_at"]
    (row,) = await ended(own, await add(own, source=str(tmp_path / "docs"), collection="files"))
    assert row["status"] == "succeeded", "it holds no place"
    site.start()
    for request in requests:
        await succeeded(own, request)
    assert f"{site.origin} is back after " in it.log()


@pytest.mark.parametrize(
    "way", [pytest.param(Told("", 502), marks=pytest.mark.long), Told("", 429, headers={"retry-after": "1"})]
)
async def test_a_page_that_answers_so_is_waited_for(own: Connection, start: Any, site: WebServer, way: Told) -> None:
    start(site.url("/"))
    site.pages["/a"] = way
    request = await add(own, source=site.url("/a"), collection="site")
    await parked(own, request)
    site.pages["/a"] = Told("words of a page")
    await succeeded(own, request)


@pytest.mark.parametrize(
    ("answer", "code"),
    [(Told("", 404), "not_found"), pytest.param(Told("", 403), "unreadable", marks=pytest.mark.long)],
)
async def test_a_refusal_is_not_waited_for(
    own: Connection, start: Any, site: WebServer, answer: Told, code: str
) -> None:
    start(site.url("/"))
    site.pages["/a"] = answer
    (row,) = await ended(own, await add(own, source=site.url("/a"), collection="site"))
    assert (row["status"], row["error"]["code"]) == ("failed", code)
    assert await own.fetchval("select count(*) from ingest_circuits") == 0


async def test_a_host_without_an_address_is_waited_for_until_patience_is_over(own: Connection, start: Any) -> None:
    start("http://nowhere.invalid/")
    request = await add(own, source="http://nowhere.invalid/a", collection="site", options={"patience": 3600})
    said = await parked(own, request)
    assert said["last_error"]["service"] == "http://nowhere.invalid"
    await own.execute(
        "create or replace function ingest_now() returns timestamptz language sql volatile parallel safe"
        " return clock_timestamp() + interval '61 minutes'"
    )
    await own.execute("update ingest_listeners set heartbeat_at = ingest_now()")
    (row,) = await ended(own, request)
    assert (row["status"], row["error"]["code"], row["error"]["step"]) == ("failed", "server_unavailable", "discover")
    assert row["error"]["retryable"]


async def test_pages_that_a_batch_can_t_read_are_waited_for_and_the_others_are_kept(
    own: Connection, start: Any, site: WebServer
) -> None:
    start(site.url("/"))
    names = [f"{number:02}" for number in range(20)]
    locs = "".join(f"<url><loc>{site.url(f'/{name}')}</loc></url>" for name in names)
    site.pages["/sitemap.xml"] = Told(f"<urlset>{locs}</urlset>", media_type="application/xml")
    away = [False]

    def answer(name: str) -> Any:
        def told(_: object) -> Told:
            away[0] = away[0] or sum(one.path.startswith("/0") for one in site.requests) > 3
            return Told("", 503) if away[0] else Told(page(name))

        return told

    site.pages |= {f"/{name}": answer(name) for name in names}
    listed = site.pages["/sitemap.xml"]
    assert isinstance(listed, Told)
    site.pages["/sitemap.xml"] = lambda _: Told("", 503) if away[0] else listed
    request = await add(own, source=site.url("/sitemap.xml"), collection="site")
    said = await parked(own, request)
    assert said["last_error"]["step"] == "load"
    read = await own.fetchval("select count(*) from ingest_revisions where state <> 'discovered'")
    assert await own.fetchval("select count(*) from ingest_revisions where state = 'failed'") == 0
    site.requests.clear()
    site.pages |= {f"/{name}": Told(page(name)) for name in names} | {"/sitemap.xml": listed}
    row = await succeeded(own, request)
    assert row["documents_done"] == 20
    assert sum(one.path != "/sitemap.xml" for one in site.requests) == 20 - read, "what was read is not read again"


@pytest.mark.long
async def test_a_server_that_is_away_holds_up_its_own_pages_and_no_others(
    own: Connection, start: Any, site: WebServer
) -> None:
    with WebServer() as other:
        start(f"{site.url('/')}\n{other.url('/')}")
        urls = [server.url(f"/{number}") for number in range(10) for server in (site, other)]
        locs = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
        site.pages["/sitemap.xml"] = Told(f"<urlset>{locs}</urlset>", media_type="application/xml")
        site.pages |= {f"/{number}": Told(page(f"of the one {number}")) for number in range(10)}
        other.pages |= {f"/{number}": Told("", 503) for number in range(10)}
        request = await add(own, source=site.url("/sitemap.xml"), collection="site")
        await until(lambda: own.fetchval("select count(*) = 10 from ingest_documents"))
        assert {uri for uri in await uris(own, "site") if not uri.startswith(site.origin)} == set()
        assert other.origin in await until(
            lambda: own.fetchval("select waiting_for from ingest_status where id = $1", request)
        )
        other.pages |= {f"/{number}": Told(page(f"of the other {number}")) for number in range(10)}
        row = await succeeded(own, request)
        assert row["documents_done"] == 20


@pytest.mark.long
async def test_a_page_that_fails_for_ever_on_a_site_that_lives_fails_alone(
    own: Connection, start: Any, site: WebServer
) -> None:
    start(site.url("/"))
    site.pages |= {"/": Told(page("home", "a", "broken")), "/a": Told(page("a")), "/broken": Told("", 500)}
    locs = "".join(f"<url><loc>{site.url(path)}</loc></url>" for path in ("/a", "/broken"))
    site.pages["/sitemap.xml"] = Told(f"<urlset>{locs}</urlset>", media_type="application/xml")
    wanted: tuple[tuple[str, dict[str, Any]], ...] = (("/", {"crawl": {}}), ("/sitemap.xml", {}))
    for source, options in wanted:
        (row,) = await ended(own, await add(own, source=site.url(source), collection="site", options=options))
        assert row["status"] == "partially_succeeded", row["error"]
        failed = await own.fetch("select code, retryable from ingest_failures where request_id = $1", row["id"])
        assert [tuple(one) for one in failed] == [("server_unavailable", True)]
    assert await own.fetchval("select count(*) from ingest_circuits") == 0


@pytest.mark.long
async def test_a_cancel_ends_the_wait_and_a_dead_listener_s_is_gone_on_with(
    own: Connection, start: Any, site: WebServer
) -> None:
    first = start(site.url("/"))
    site.pages["/a"] = Told("words of a page")
    site.stop()
    waits, ends = [await add(own, source=site.url("/a"), collection="site") for _ in range(2)]
    await parked(own, waits)
    await parked(own, ends)
    since = await own.fetchval("select outage ->> 'since' from ingest_requests where id = $1", waits)
    await own.execute("select ingest_cancel($1)", ends)
    first.kill()
    start(site.url("/"))
    # It asked by itself, and waits as long as the first one would have.
    again = """select outage ->> 'since' = $2 from ingest_requests
      where id = $1 and executor_id <> $3 and resume_at is not null"""
    before = await own.fetchval("select executor_id from ingest_listeners order by started_at limit 1")
    assert await until(lambda: own.fetchval(again, waits, since, before))
    assert await own.fetchval("select crashes from ingest_requests where id = $1", waits) == 0
    site.start()
    await succeeded(own, waits)
    assert await own.fetchval("select status from ingest_requests where id = $1", ends) == "cancelled"


@pytest.mark.long  # a second page of a list takes 1,000 objects before it
async def test_a_store_that_is_away_is_waited_for_and_the_list_goes_on_where_it_stood(
    own: Connection, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    holdings = Kept()
    for number in range(1500):
        holdings.put(f"docs/{number:04}.md", f"# Number {number}".encode())
    service = ObjectService(holdings)
    lists: list[str] = []
    away = [True]

    async def fault(asked: Asked) -> Answer | None:
        if not asked.lists:
            return None
        after = asked.query.get("continuation-token") or asked.query.get("start-after", "")
        lists.append(after)
        return refused(503, "SlowDown") if away[0] and (after or len(lists) > 1) else None

    service.fault = fault
    async with running(service):
        for name, value in (KEYS | {"AWS_ENDPOINT_URL": service.url}).items():
            monkeypatch.setenv(name, value)
        start("s3:")
        request = await add(own, source="s3://bucket/docs/", collection="bucket")
        said = await parked(own, request)
        assert f" (s3://bucket at {service.url}); next attempt at " in said["waiting_for"]
        assert said["documents_found"] == 1000
        away[0] = False
        lists.clear()
        await succeeded(own, request, within=90)
        assert lists.count("") <= 1, "it was asked whether it lives, and not listed from the beginning"
        assert len(await uris(own, "bucket")) == 1500
    assert await counted(own, request, "discover")
    assert (await one(own, "select max(position) as last from ingest_revisions"))["last"] == 1499
