"""One page or file: what is read of it, what is not read again, where a redirect may lead, and what a server may do."""

from __future__ import annotations

import gzip
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import anyio
import pytest
from web_reading import fetched, found, pages, read, reading
from web_server import Asked, Told, WebServer, moved

from listener.errors import DocumentError, IngestError, OperatorError, RequestError, ServiceError
from listener.sources.base import UNCHANGED, Fetched, Found, Known, Wanted
from listener.sources.http.web import Web
from listener.sources.options import RequestOptions

LONG_AGO = "Sat, 28 Nov 2020 07:28:00 GMT"


async def code_of_discovery(web: Web, source: str) -> IngestError:
    with pytest.raises(IngestError) as caught:
        await pages(web, source)
    assert caught.value.hint
    return caught.value


async def code_of_reading(web: Web, uri: str, limit: int = 100_000) -> str:
    with pytest.raises(DocumentError) as caught:
        await read(web, uri, limit)
    assert caught.value.hint
    return caught.value.code


async def test_a_page_is_one_document_with_size_type_version_and_time(site: WebServer, web: Web) -> None:
    site.pages["/a.html"] = Told("<p>words", etag='"1"', modified=LONG_AGO)
    (one,) = await found(web, site.url("/a.html#part"))
    assert (one.uri, one.bytes, one.version) == (site.url("/a.html"), 8, '"1"')
    assert one.media_type == "text/html; charset=utf-8"
    assert one.modified_at == datetime(2020, 11, 28, 7, 28, tzinfo=timezone.utc)
    got = await fetched(web, one.uri)
    assert (got.data, got.media_type, got.version) == (b"<p>words", "text/html; charset=utf-8", '"1"')
    assert site.asked("/a.html") == 1  # what discovery fetched is not fetched again


async def test_what_was_discovered_is_held_for_one_reading(site: WebServer, web: Web) -> None:
    site.pages["/a"] = Told("one")
    await found(web, site.url("/a"))
    site.pages["/a"] = Told("two")
    assert (await fetched(web, site.url("/a"))).data == b"one"
    assert (await fetched(web, site.url("/a"))).data == b"two"


async def test_a_reading_that_asks_the_server_lets_go_of_what_was_held(site: WebServer, web: Web) -> None:
    """Else a reading that began later would bring older bytes."""
    site.pages["/a"] = Told("one")
    await found(web, site.url("/a"))
    async with reading(site.url("/")) as other:
        assert (await fetched(other, site.url("/a"))).data == b"one"
    with pytest.raises(DocumentError):
        await read(web, site.url("/a"), limit=2)
    assert (await fetched(web, site.url("/a"))).data == b"one"


async def test_what_one_request_found_is_not_what_another_one_reads(site: WebServer, web: Web) -> None:
    site.pages["/a"] = Told("one", etag='"1"')
    site.pages["/sitemap.xml"] = Told(f"<urlset><url><loc>{site.url('/a')}</loc></url></urlset>", media_type="text/xml")
    await found(web, site.url("/a"))
    site.pages["/a"] = Told("two", etag='"2"')
    outcome = await read(web, site.url("/a"), version='"2"')
    assert isinstance(outcome, Fetched)
    assert outcome.data == b"two"
    site.pages["/a"] = Told("three")
    await found(web, site.url("/a"))
    site.pages["/a"] = Told("four")
    await found(web, site.url("/sitemap.xml"))
    assert (await fetched(web, site.url("/a"))).data == b"four"


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (Told("x", etag='"1"'), Known(version='"1"')),
        (Told("x", etag='W/"1"'), Known(version='W/"1"')),
        (Told("x", modified=LONG_AGO), Known(version=f"modified {LONG_AGO}")),
        (Told("x", modified=LONG_AGO), Known(modified_at=datetime(2020, 11, 28, 7, 28, tzinfo=timezone.utc))),
    ],
)
async def test_what_has_not_changed_is_asked_for_conditionally(
    site: WebServer, web: Web, told: Told, known: Known
) -> None:
    site.pages["/a"] = told
    assert await read(web, site.url("/a"), known=known) is UNCHANGED
    assert {"if-none-match", "if-modified-since"} & set(site.requests[-1].headers)


async def test_a_server_that_knows_no_conditions_is_read_no_further_than_its_etag(site: WebServer, web: Web) -> None:
    site.pages["/a"] = Told("x" * 200_000, headers={"etag": '"1"'})
    assert await read(web, site.url("/a"), limit=10, known=Known(version='"1"')) is UNCHANGED


async def test_a_changed_page_is_read(site: WebServer, web: Web) -> None:
    site.pages["/a"] = Told("new", etag='"2"')
    got = await fetched(web, site.url("/a"), known=Known(version='"1"'))
    assert (got.data, got.version) == (b"new", '"2"')


async def test_without_etag_and_time_the_bytes_are_the_version(site: WebServer, web: Web) -> None:
    site.pages["/a"] = Told("words")
    (one,) = await found(web, site.url("/a"))
    assert (one.version or "").startswith("sha256 ")
    assert (await fetched(web, site.url("/a"))).version == one.version
    assert (await fetched(web, site.url("/a"))).version == one.version  # held, and fetched


async def test_a_page_of_this_very_second_is_told_by_its_bytes(site: WebServer, web: Web) -> None:
    now = datetime.now(timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    site.pages["/a"] = Told("words", modified=now)
    (one,) = await found(web, site.url("/a"))
    assert (one.version or "").startswith("sha256 ")


async def test_the_sitemaps_word_is_kept_as_the_version(site: WebServer, web: Web) -> None:
    site.pages["/a"] = Told("words", etag='"1"')
    outcome = await read(web, site.url("/a"), version="lastmod 2026-01-01")
    assert isinstance(outcome, Fetched)
    assert outcome.version == "lastmod 2026-01-01"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "not_found"),
        (410, "not_found"),
        (401, "unreadable"),
        (403, "unreadable"),
        (400, "http_status"),
        (300, "http_status"),
    ],
)
async def test_statuses_have_their_codes(site: WebServer, web: Web, status: int, code: str) -> None:
    site.pages["/a"] = Told("no", status)
    error = await code_of_discovery(web, site.url("/a"))
    assert (type(error), error.code) == (RequestError, code)
    assert await code_of_reading(web, site.url("/a")) == code
    assert site.asked("/a") == 2


async def test_redirects_are_followed_within_the_roots(site: WebServer, web: Web) -> None:
    site.pages |= {"/old": moved("/new?x=1#part"), "/new?x=1": Told("words")}
    (one,) = await found(web, site.url("/old"))
    assert one.uri == site.url("/new?x=1")
    assert (await fetched(web, site.url("/old"))).data == b"words"


@pytest.mark.parametrize("target", ["/docs/../secret", "/secret", "/docs%2f..%2fsecret", "//127.0.0.2/docs/"])
async def test_redirects_out_of_the_roots_are_refused_and_nothing_is_asked_there(site: WebServer, target: str) -> None:
    site.pages |= {"/docs/a": moved(target), "/secret": Told("secret")}
    async with reading(site.url("/docs/")) as web:
        assert await code_of_reading(web, site.url("/docs/a")) in ("outside_roots", "bad_answer")
        assert (await code_of_discovery(web, site.url("/docs/a"))).code in ("outside_roots", "bad_answer")
    assert site.asked("/secret") == 0


async def test_redirects_end(site: WebServer, web: Web) -> None:
    site.pages |= {"/a": moved("/b", 302), "/b": moved("/a", 307), "/here": moved("/here", 308)}
    for number in range(20):
        site.pages[f"/n{number}"] = moved(f"/n{number + 1}", 303)
    for path in ("/a", "/here", "/n0"):
        assert await code_of_reading(web, site.url(path)) == "too_many_redirects"
    assert len(site.requests) < 20
    site.pages["/lost"] = Told("", 302)
    assert await code_of_reading(web, site.url("/lost")) == "bad_answer"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/x", "http://2130706433:{port}/x", "http://[::ffff:127.0.0.1]:{port}/x"]
)
async def test_with_all_public_hosts_for_a_root_ones_own_network_is_refused(site: WebServer, url: str) -> None:
    site.pages["/x"] = Told("secret")
    async with reading("http:") as web:
        assert await code_of_reading(web, url.format(port=site.port)) == "private_address"
    assert site.requests == []


async def test_a_redirect_into_ones_own_network_is_refused(site: WebServer) -> None:
    """Also by a name that leads somewhere else at the second look."""

    async def names(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with WebServer() as inside:
        inside.pages["/secret"] = Told("secret")
        site.pages["/a"] = moved(f"http://rebinds.example:{inside.port}/secret")
        async with reading("http:", f"http://public.example:{site.port}/", resolve=names) as web:
            assert await code_of_reading(web, f"http://public.example:{site.port}/a") == "private_address"
        assert inside.requests == []
    assert site.requests[0].headers["host"] == f"public.example:{site.port}"


async def test_ipv6_hosts_are_read() -> None:
    try:
        server = WebServer("::1")
        with server as site:
            site.pages["/a"] = Told("words")
            async with reading(site.url("/")) as web:
                assert (await fetched(web, site.url("/a"))).data == b"words"
    except OSError:
        pytest.skip("no IPv6 here")


async def test_check_refuses_what_only_looks_as_if_it_lay_below_the_root() -> None:
    async with reading("https://docs.example.com:443/a", "https://docs.example.com/b/", scheme="https") as web:
        assert web.roots == ("https://docs.example.com:443/a", "https://docs.example.com/b/")
        for good in ("https://Docs.Example.com/a", "https://docs.example.com:443/a/x?y", "https://docs.example.com/b"):
            await web.check(good, RequestOptions())
        for bad, code in (
            ("https://Docs.Example.com:443/a/../c", "outside_roots"),
            ("https://docs.example.com/a/%2e%2e/c", "outside_roots"),
            ("https://docs.example.com/ab", "outside_roots"),
            ("https://docs.example.com:444/a", "outside_roots"),
            ("http://docs.example.com/a", "outside_roots"),
            ("https://docs.example.com.evil.example/a", "outside_roots"),
            ("https://docs.example.com/a/..%2fc", "invalid_source"),
            ("https://u:QXZJKV@docs.example.com/a", "invalid_source"),
        ):
            with pytest.raises(RequestError) as caught:
                await web.check(bad, RequestOptions())
            assert caught.value.code == code, bad
            assert "QXZJKV" not in str(caught.value)


async def test_what_is_too_large_is_not_read_to_its_end(site: WebServer, web: Web) -> None:
    site.pages |= {
        "/told": Told("x" * 5000),
        "/endless": Told("x" * 5000, endless=True),
        "/bomb": Told("x" * 50_000_000, packed=True),
    }
    for path in ("/told", "/endless", "/bomb"):
        assert await code_of_reading(web, site.url(path), limit=4000) == "too_large"
    site.pages["/told"] = Told("x" * 4000)
    assert len((await fetched(web, site.url("/told"), limit=4000)).data) == 4000


async def test_a_drip_ends_with_the_time_of_an_answer(site: WebServer) -> None:
    site.pages["/slow"] = Told("x" * 1000, drip=0.05)
    async with reading(site.url("/"), http_timeout_seconds=0.4) as web:
        began = time.monotonic()
        assert await code_of_reading(web, site.url("/slow")) == "server_timeout"
        assert time.monotonic() - began < 5


async def test_a_packed_body_is_unpacked_and_one_that_is_none_or_cut_is_an_error(site: WebServer, web: Web) -> None:
    site.pages["/good"] = Told("words " * 1000, packed=True)
    site.pages["/none"] = Told("words", headers={"content-encoding": "gzip"})
    site.pages["/cut"] = Told(gzip.compress(b"words" * 1000)[:-20], headers={"content-encoding": "gzip"})
    site.pages["/other"] = Told("words", headers={"content-encoding": "br"})
    assert (await fetched(web, site.url("/good"))).data == b"words " * 1000
    assert await code_of_reading(web, site.url("/none")) == "bad_answer"
    assert await code_of_reading(web, site.url("/cut")) == "server_unavailable"
    assert await code_of_reading(web, site.url("/other")) == "bad_answer"


async def test_a_body_that_breaks_off_is_asked_for_again(site: WebServer) -> None:
    answers = iter([Told("words of a page", cut=5), Told("words of a page", 503), Told("words of a page")])
    site.pages["/a"] = lambda _: next(answers)
    async with reading(site.url("/"), http_patience=20) as web:
        assert (await fetched(web, site.url("/a"))).data == b"words of a page"
    assert site.asked("/a") == 3


async def test_retry_after_is_obeyed_and_one_beyond_patience_ends_it(site: WebServer) -> None:
    answers = iter([Told("", 429, headers={"retry-after": "1"}), Told("words")])
    site.pages["/a"] = lambda _: next(answers)
    site.pages["/b"] = Told("", 503, headers={"retry-after": "100000"})
    async with reading(site.url("/"), http_patience=10) as web:
        began = time.monotonic()
        assert (await fetched(web, site.url("/a"))).data == b"words"
        assert time.monotonic() - began >= 1
        with pytest.raises(ServiceError) as caught:
            await pages(web, site.url("/b"))
        assert (caught.value.code, caught.value.retry_after) == ("server_unavailable", 3600)
        assert await code_of_reading(web, site.url("/b")) == "server_unavailable"
        assert time.monotonic() - began < 10
    assert site.asked("/b") == 2


async def test_a_server_that_is_away_is_an_outage_of_discovery_and_an_error_of_a_document(site: WebServer) -> None:
    async with reading(site.url("/")) as web:
        site.stop()
        error = await code_of_discovery(web, site.url("/a"))
        assert (type(error), error.code) == (ServiceError, "server_unavailable")
        assert await code_of_reading(web, site.url("/a")) == "server_unavailable"
        site.start()
        site.pages["/a"] = Told("words")
        assert (await fetched(web, site.url("/a"))).data == b"words"


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"",
    ],
)
async def test_what_is_no_answer_is_an_error_with_a_code(site: WebServer, web: Web, raw: bytes) -> None:
    site.pages["/a"] = Told(raw=raw or b" ")
    assert await code_of_reading(web, site.url("/a")) == "server_unavailable"


async def test_cookies_are_not_kept_and_headers_go_to_their_prefix_alone(site: WebServer) -> None:
    site.pages |= {
        "/in/a": Told("words", headers={"set-cookie": "session=1"}),
        "/in/moved": moved("/out"),
        "/out": Told("words"),
    }
    secret = f'{{"{site.url("/in/")}": {{"Authorization": "Bearer QXZJKV-7-WVBN-8-PLMK"}}}}'
    async with reading(site.url("/"), http_headers=secret) as web:
        for path in ("/in/a", "/in/a", "/in/moved"):
            await read(web, site.url(path))
        assert f"INGEST_HTTP_HEADERS for {site.url('/in/')}" in await web.look(site.url("/in/"))
        assert "no credentials" in await web.look(site.url("/"))
    sent = [(one.path, one.headers.get("authorization")) for one in site.requests[:4]]
    assert sent == [(path, "Bearer QXZJKV-7-WVBN-8-PLMK") for path in ("/in/a", "/in/a", "/in/moved")] + [
        ("/out", None)
    ]
    assert all("cookie" not in one.headers for one in site.requests)


@pytest.mark.parametrize(
    "setting",
    [
        "QXZJKV",
        "[]",
        '{"QXZJKV": {}}',
        '{"http://h/": "QXZJKV"}',
        '{"http://h/": {"Host": "QXZJKV"}}',
        '{"http://h/": {"A": "QXZ\\nJKV"}}',
    ],
)
async def test_wrong_headers_are_a_wrong_setting_that_is_not_repeated(setting: str) -> None:
    with pytest.raises(OperatorError) as caught:
        async with reading("http:", http_headers=setting):
            pass
    assert caught.value.code == "wrong_setting"
    assert "QXZ" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "declared", "kind"),
    [
        ("/a.md", "text/plain; charset=utf-8", "text/markdown; charset=utf-8"),
        ("/a.md", "text/plain", "text/markdown"),
        ("/a", "text/html;charset=ISO-8859-1", "text/html;charset=ISO-8859-1"),
        ("/a.pdf", "application/octet-stream", "application/octet-stream"),
        ("/a", "", None),
    ],
)
async def test_media_types_come_with_their_charset(
    site: WebServer, web: Web, path: str, declared: str, kind: str | None
) -> None:
    site.pages[path] = Told("words", media_type=declared)
    assert (await found(web, site.url(path)))[0].media_type == kind
    assert (await fetched(web, site.url(path))).media_type == kind


async def test_records_are_read_in_pieces_where_the_server_knows_ranges(site: WebServer, web: Web) -> None:
    site.pages["/a.jsonl"] = Told("0123456789", ranges=True, packed=True)
    site.pages["/b.jsonl"] = Told("0123456789")
    (one,) = await found(web, site.url("/a.jsonl"), record={"text": "body"})
    assert one.bytes == 10
    assert await web.read_ranges(one, [(2, 3), (8, 5), (0, 0), (20, 5)]) == [b"234", b"89", b"", b""]
    with pytest.raises(DocumentError) as caught:
        await web.read_ranges(Found(site.url("/b.jsonl")), [(0, 3)])
    assert caught.value.code == "no_records"


async def test_a_host_gets_four_requests_at_a_time_and_no_more_a_second_than_is_set(site: WebServer) -> None:
    def slowly(_: Asked) -> Told:
        return Told("x" * 20, drip=0.01)

    uris = []
    for number in range(12):
        site.pages[f"/{number}"] = slowly
        uris.append(site.url(f"/{number}"))
    async with reading(site.url("/"), http_requests_per_second=50.0) as web:
        began = time.monotonic()
        outcomes = await web.read_all([Wanted(Found(uri), 1000) for uri in uris])
        assert time.monotonic() - began >= 11 / 50
    assert all(isinstance(one, Fetched) for one in outcomes)
    assert site.most_open <= 4


async def test_a_look_says_what_a_root_answers_and_what_robots_txt_says(site: WebServer, web: Web) -> None:
    assert "status 404; robots.txt allows it; no credentials" in await web.look(site.url("/"))
    assert await web.look("http:") == "http: all public hosts"
    site.stop()
    with pytest.raises(ServiceError):
        await web.look(site.url("/"))


async def test_a_certificate_is_checked_against_the_name_in_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")

    async def names(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    pem = tmp_path / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=docs.example"
    command += f" -addext subjectAltName=DNS:docs.example -keyout {pem} -out {tmp_path / 'certificate.pem'}"
    await anyio.run_process(command.split())
    pem.write_text(pem.read_text() + (tmp_path / "certificate.pem").read_text())
    with WebServer(certificate=pem) as site:
        site.pages["/a"] = Told("words")
        right, wrong = (f"https://{host}:{site.port}/" for host in ("docs.example", "other.example"))
        async with reading(right, wrong, scheme="https", resolve=names) as web:
            assert await code_of_reading(web, f"{right}a") == "certificate_refused"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        async with reading(right, wrong, scheme="https", resolve=names) as web:
            assert (await fetched(web, f"{right}a")).data == b"words"
            assert await code_of_reading(web, f"{wrong}a") == "certificate_refused"
    assert set(site.names) == {"docs.example", "other.example"}
    assert [one.headers["host"] for one in site.requests] == [f"docs.example:{site.port}"]


async def test_proxies_are_obeyed_and_what_is_private_is_refused_before(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def names(host: str, port: int) -> Sequence[str]:
        if host == "inside.example":
            return ["10.0.0.1"]
        raise OSError("this host knows no names")

    monkeypatch.setenv("http_proxy", site.origin)
    monkeypatch.setenv("no_proxy", "direct.example")
    site.pages["http://docs.example/a"] = Told("by way of the proxy")
    async with reading("http:", resolve=names) as web:
        assert (await fetched(web, "http://docs.example/a")).data == b"by way of the proxy"
        assert await code_of_reading(web, "http://inside.example/a") == "private_address"
        assert await code_of_reading(web, "http://direct.example/a") == "server_unavailable"
        monkeypatch.setenv("http_proxy", "ftp://nowhere")
        assert await code_of_reading(web, "http://docs.example/a") == "bad_proxy"
    assert [one.path for one in site.requests] == ["http://docs.example/a"]


async def test_without_a_root_of_the_web_nothing_of_it_is_read_nor_imported() -> None:
    program = (
        "import asyncio, sys\n"
        "from types import SimpleNamespace\n"
        "from listener.settings import Settings\n"
        "from listener.sources.http.web_entry import open_https\n"
        "source = open_https(SimpleNamespace(settings=Settings(roots=('/srv', 'http:'))))\n"
        "try:\n    asyncio.run(source.check('https://docs.example.com/', None))\n"
        "except Exception as error:\n    print(error.code, source.roots, 'httpcore2' in sys.modules)\n"
    )
    ended = await anyio.run_process([sys.executable, "-c", program])
    assert ended.stdout.decode().split("\n")[0] == "outside_roots () False"
