"""What ``ingest ui`` answers to whom: hosts, origins, tokens, headers, verbs that are not offered, and prefixes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from browsing import Pages, pages_of
from roles import new_roles
from staging import Connection, add

from listener import embedded

pytest.importorskip("starlette")
pytest.importorskip("jinja2")

TOKEN = re.compile(r'name="token" value="([^"]+)"')


@asynccontextmanager
async def asking(pages: Pages) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client that comes from the pages themselves."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(pages.address))
    async with httpx2.AsyncClient(base_url=pages.address, headers={"origin": origin}, timeout=60) as client:
        yield client


async def token_of(client: httpx2.AsyncClient, path: str) -> str:
    found = TOKEN.search((await client.get(path)).text)
    assert found
    return found[1]


async def status(client: httpx2.AsyncClient, method: str, path: str, **headers: str) -> int:
    answer = await client.request(method, path, headers=headers)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers.get("cache-control") in ("no-store", "no-cache") or answer.status_code == 403
    return answer.status_code


async def test_who_comes_by_another_name_or_from_another_page_is_refused(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    request = await add(c)
    cancel = f"/requests/{request}/cancel"
    async with (
        pages_of(installed, tmp_path, "--control", "--allow-host", "docs.example.com") as pages,
        asking(pages) as client,
    ):
        for path in ("/", "/requests", f"/requests/{request}", f"/requests/{str(request)[:8]}", "/failures", cancel):
            assert await status(client, "GET", path) == 200, path
        for host in ("evil.example.com", "127.0.0.1.evil.com", "", "[::1", "evil@127.0.0.1:x"):
            assert (await client.get("/", headers={"host": host})).status_code in (400, 403), host
        assert await status(client, "GET", "/", host="docs.example.com") == 200
        for path, expected in {
            "/nothing": 404, "/requests/00000000-0000-0000-0000-000000000000": 404, "/requests/zz": 400,
            "/requests?after=x": 400, "/requests?status=late": 404, "/requests?age=8y": 400, "/?period=year": 400,
            f"/requests/{request}?after=1.x": 400, f"/requests/{request}/destroy": 404, "/requests/all/destroy": 404,
            "/runs/none": 404,
        }.items():  # fmt: skip
            assert await status(client, "GET", path) == expected, path
        token = await token_of(client, cancel)
        for origin in (
            "https://evil.example.com",
            "null",
            "",
            "http://docs.example.com:3000",
            "http://docs.example.com#.e",
        ):
            headers = {"origin": origin}
            answer = await client.post(cancel, data={"token": token}, headers=headers)
            assert answer.status_code == 403, headers
        for form in ({"token": ""}, {"token": "x" * 43}, {"token": "ü"}):
            answer = await client.post(cancel, data=form)
            assert answer.status_code == 403, form
            assert "stale_form" in answer.text
        for body, kind in ((b"x" * 20_000, "application/x-www-form-urlencoded"), (b"{}", "application/json"),
                           (b"\xff=1&token=2", "application/x-www-form-urlencoded"),
                           (b"&".join(b"a=1" for _ in range(99)), "application/x-www-form-urlencoded")):  # fmt: skip
            answer = await client.post(cancel, content=body, headers={"content-type": kind})
            assert (answer.status_code, "wrong_form" in answer.text) == (400, True), body[:9]
        assert await c.fetchval("select status from ingest_requests where id = $1", request) == "pending"
        answer = await client.post(cancel, data={"token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/requests/{request}")
        assert await c.fetchval("select status from ingest_requests where id = $1", request) == "cancelled"
        again = await client.post(cancel, data={"token": token})
        assert (again.status_code, "wrong_state" in again.text) == (400, True)
        priority = await client.post(f"/requests/{request}/priority", data={"token": token, "priority": "1; drop"})
        assert (priority.status_code, "wrong_form" in priority.text) == (400, True)
        every = {"token": token, "expected": "9" * 5000}
        assert (await client.post("/requests/all/retry", data=every)).status_code == 303
        answer = await client.post(cancel, data={"token": token}, headers={"origin": "https://docs.example.com"})
        assert "wrong_state" in answer.text  # a proxy's name is ours, too


async def test_without_control_nothing_is_offered_and_nothing_is_done(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    request = await add(c)
    async with pages_of(installed, tmp_path) as pages, asking(pages) as client:
        for path in ("/requests", f"/requests/{request}"):
            text = (await client.get(path)).text
            assert 'method="post"' not in text
            assert "cancel" not in text.lower().replace("cancelled", "")
        for path in (f"/requests/{request}/cancel", "/requests/all/cancel", "/requests", "/", "/runs/x/stop"):
            assert (await client.post(path, data={"token": "x"})).status_code in (404, 405), path
        for path in (f"/requests/{request}/cancel", "/requests/all/cancel"):
            assert (await client.get(path)).status_code == 404, path
    assert await c.fetchval("select status from ingest_requests where id = $1", request) == "pending"


async def test_a_role_sees_what_it_may_and_is_told_what_it_may_not(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    """Never a traceback; and no verbs for who may not control."""
    request = await add(c)
    async with new_roles(c, 3) as roles:
        for role, right in zip(roles, ("operator", "submitter", "searcher"), strict=True):
            await c.execute("select ingest_grant($1, $2)", role, right)
        seen: dict[str, Mapping[str, int]] = {}
        for role, right in zip(roles, ("operator", "submitter", "searcher"), strict=True):
            dsn = installed.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")
            async with pages_of(dsn, tmp_path, "--control") as pages, asking(pages) as client:
                paths = ("/", "/requests", f"/requests/{request}", "/failures")
                answers = [await client.get(path) for path in paths]
                seen[right] = {path: answer.status_code for path, answer in zip(paths, answers, strict=True)}
                assert ("All that match" in answers[1].text) == (right == "operator")
                assert not any("Traceback" in answer.text for answer in answers)
    mine = f"/requests/{request}"
    assert seen["operator"] == {"/": 200, "/requests": 200, mine: 200, "/failures": 200}
    assert seen["submitter"] == {"/": 200, "/requests": 200, mine: 404, "/failures": 200}
    assert seen["searcher"] == {"/": 200, "/requests": 403, mine: 403, "/failures": 403}


async def test_behind_a_proxy_addresses_have_its_prefix(installed: str, c: Connection, tmp_path: Path) -> None:
    request = await add(c, collection='a"b/c?d')
    arguments = ("--control", "--prefix", "/tools/ingest", "--allow-host", "docs.example.com")
    async with pages_of(installed, tmp_path, *arguments) as pages:
        own = pages.address.removesuffix("/tools/ingest")
        async with httpx2.AsyncClient(base_url=own, timeout=60) as client:  # the proxy has taken the prefix away
            assert (await client.get("/requests/")).status_code == 404  # and not led away from the prefix
            texts = [(await client.get(path)).text for path in ("/", "/requests", f"/requests/{request}")]
            addresses = {one for text in texts for one in re.findall(r'(?:href|src|action)="([^"]*)"', text)}
            assert {one for one in addresses if not one.startswith(("/tools/ingest/", "#"))} == set()
            assert "/tools/ingest/collections/a%22b%2Fc%3Fd" in addresses
            form = {"token": await token_of(client, f"/requests/{request}/cancel")}
            headers = {"host": "docs.example.com", "origin": "https://docs.example.com"}
            answer = await client.post(f"/requests/{request}/cancel", data=form, headers=headers)
            assert answer.headers["location"] == f"/tools/ingest/requests/{request}"


async def test_one_that_reads_nothing_keeps_nobody_from_leaving(installed: str, tmp_path: Path) -> None:
    """Sockets that never read, and requests that never end, hold up neither others nor the end."""
    async with pages_of(installed, tmp_path) as pages:
        place = urlsplit(pages.address)
        writers = []
        for _ in range(8):
            _, writer = await asyncio.open_connection(place.hostname, place.port)
            writer.write(
                f"GET / HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {pages.address}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
            )  # fmt: skip
            writers.append(writer)
        _, slow = await asyncio.open_connection(place.hostname, place.port)
        slow.write(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
        async with asking(pages) as client:
            assert (await client.get("/requests")).status_code == 200
        assert await pages.stop() == 143
        for writer in (*writers, slow):
            writer.close()


async def test_pages_that_take_long_hold_up_no_others(installed: str, c: Connection, tmp_path: Path) -> None:
    slow = ["/documents", "/documents?failed=1", "/documents?under=a", "/documents?under=b", "/documents?under=c"]
    async with pages_of(installed, tmp_path) as pages, asking(pages) as client:
        async with c.transaction():
            await c.execute("lock table ingest_documents in access exclusive mode")
            waiting = [asyncio.create_task(client.get(path)) for path in slow]
            done, _ = await asyncio.wait(waiting, timeout=2)
            assert not done
            assert await asyncio.wait_for(status(client, "GET", "/watches"), 20) == 200
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
