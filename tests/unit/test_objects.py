"""Objects in buckets: what is found under which URI, what is read, and what each fault of a service becomes."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from object_service import Answer, Asked, Counted, Holdings, Kept, ObjectService, Stored, kept, refused, running

from listener.documents.pool import Workers
from listener.errors import DocumentError, IngestError, OperatorError, RequestError, ServiceError, TransientError
from listener.settings import Settings
from listener.sources.base import UNCHANGED, Fetched, Found, Known, Page, Refused, SourceTools, Wanted
from listener.sources.objects import bodies, object_listing, providers
from listener.sources.objects.object_source import Objects, open_az, open_gs, open_s3
from listener.sources.options import RequestOptions

pytest.importorskip("obstore")

OPTIONS = RequestOptions()
BIG = 1_000_000
KEYS = ("docs/a.md", "docs/b.txt", "docs/deep/c.md", "docs/deep/x/d.md", "docs/.git/e.md", "docs/.f.md", "other/g.md")
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials of this host's, none of an instance's, and no long pauses."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(providers, "RETRIES", 1)
    monkeypatch.setattr(providers, "RETRY_SECONDS", 2.0)
    monkeypatch.setattr(bodies, "PAUSE", 0.01)
    monkeypatch.setattr(object_listing, "PAUSE", 0.01)


Opener = Callable[..., Any]


@pytest.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opener]:
    """Starts a service with some objects, and opens a source of it."""
    async with AsyncExitStack() as stack:

        async def open_one(
            holdings: Holdings | Sequence[str], *roots: str, scheme: str = "s3"
        ) -> tuple[Objects, ObjectService]:
            own = kept(holdings) if isinstance(holdings, Sequence) else holdings
            service = await stack.enter_async_context(running(ObjectService(own, azure=scheme == "az")))
            for name, value in _address_of(service, scheme).items():
                monkeypatch.setenv(name, value)
            source = open_source(*(roots or (f"{scheme}://bucket/",)))
            stack.push_async_callback(source.close)
            return source, service

        yield open_one


def _address_of(service: ObjectService, scheme: str) -> dict[str, str]:
    if scheme == "gs":
        return {"GOOGLE_BASE_URL": service.url, "GOOGLE_SKIP_SIGNATURE": "true"}
    if scheme == "az":
        account = {"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}
        return {"AZURE_STORAGE_ENDPOINT": f"{service.url}/account", **account}
    return {"AWS_ENDPOINT_URL": service.url}


def tools(*roots: str) -> SourceTools:
    return SourceTools(Settings(roots=roots), ThreadPoolExecutor(2), Workers(1, 10, 500))


def open_source(*roots: str) -> Objects:
    opener = {"s3": open_s3, "gs": open_gs, "az": open_az}[roots[0].partition(":")[0]]
    source = opener(tools(*roots))
    assert source is not None
    return source


async def pages(source: Objects, url: str, after: str | None = None, **options: Any) -> list[Page]:
    return [page async for page in source.discover(url, RequestOptions(**options), after=after)]


def only(page: Page) -> Found:
    (item,) = page.items
    assert isinstance(item, Found)
    return item


async def found(source: Objects, url: str, after: str | None = None, **options: Any) -> list[str]:
    """Return the URIs that are found, refused ones with their code."""
    items = [item for page in await pages(source, url, after, **options) for item in page.items]
    return [f"{item.uri} {item.code}" if isinstance(item, Refused) else item.uri for item in items]


async def below(source: Objects, url: str, **options: Any) -> list[str]:
    return [uri.partition("bucket/")[2] for uri in await found(source, url, **options)]


async def read(source: Objects, uri: str, limit: int = BIG, **known: Any) -> Any:
    return await source.read(Wanted(Found(uri), limit, Known(**known) if known else None))


async def error_of(doing: Any) -> IngestError:
    with pytest.raises(IngestError) as caught:
        await doing
    assert caught.value.hint
    assert SECRET not in str(caught.value)
    assert "X-Amz" not in caught.value.message
    return caught.value


async def code_of(doing: Any) -> str:
    return (await error_of(doing)).code


# What is found.


async def test_a_folder_stands_for_all_objects_below_it_without_hidden_ones(opened: Opener) -> None:
    source, _ = await opened(KEYS)
    assert await below(source, "s3://bucket/docs/") == ["docs/a.md", "docs/b.txt", "docs/deep/c.md", "docs/deep/x/d.md"]
    assert await below(source, "s3://bucket/") == [*await below(source, "s3://bucket/docs/"), "other/g.md"]
    assert await below(source, "S3://BUCKET/docs") == await below(source, "s3://bucket/docs/")


async def test_an_object_is_one_document_with_its_state(opened: Opener) -> None:
    source, service = await opened(KEYS)
    [page] = await pages(source, "s3://bucket/docs/a.md")
    stored = service.holdings.get("docs/a.md")
    assert page.items == [
        Found("s3://bucket/docs/a.md", bytes=10, version=stored.etag.strip('"'), modified_at=stored.made_at)
    ]
    [listed] = await pages(source, "s3://bucket/docs/a*")
    assert listed.items == page.items


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        ("docs/*.md", {}, ["docs/a.md"]),
        ("docs/**/*.md", {}, ["docs/a.md", "docs/deep/c.md", "docs/deep/x/d.md"]),
        ("docs/?.md", {}, ["docs/a.md"]),
        ("docs/[bc].*", {}, ["docs/b.txt"]),
        ("*/g.md", {}, ["other/g.md"]),
        ("docs/**/.*/*.md", {}, ["docs/.git/e.md"]),
        ("docs/", {"include": "*.md"}, ["docs/a.md", "docs/deep/c.md", "docs/deep/x/d.md"]),
        ("docs/", {"include": ".f.md"}, ["docs/.f.md"]),
        ("docs/", {"include": "deep/"}, ["docs/deep/c.md", "docs/deep/x/d.md"]),
        ("docs/", {"exclude": ["x", "*.txt"]}, ["docs/a.md", "docs/deep/c.md"]),
        ("docs/", {"exclude": "deep/**"}, ["docs/a.md", "docs/b.txt"]),
        ("", {"exclude": "docs"}, ["other/g.md"]),
    ],
)
async def test_globs_and_patterns_choose_as_among_files(
    opened: Opener, url: str, options: dict[str, Any], expected: list[str]
) -> None:
    source, _ = await opened(KEYS)
    assert await below(source, f"s3://bucket/{url}", **options) == expected


async def test_what_is_percent_encoded_in_a_glob_stands_for_itself(opened: Opener) -> None:
    source, _ = await opened(["d/a*b.md", "d/aab.md", "d/50%25.md", "d/a b#c?.md"])
    assert await below(source, "s3://bucket/d/a%2Ab.*") == ["d/a%2Ab.md"]
    assert await below(source, "s3://bucket/d/a%20b%23c%3F.md") == ["d/a%20b%23c%3F.md"]
    assert await below(source, "s3://bucket/d/a*b.md") == ["d/a%2Ab.md", "d/aab.md"]


async def test_names_that_can_not_be_asked_for_are_refused_one_by_one(opened: Opener) -> None:
    keys = ["d/a.md", "d/b//c.md", "d/../e.md", "d/./f.md", "d/g\nh.md", "d/z.md", "/lead.md", "a.md"]
    source, service = await opened(keys)
    assert sorted(await below(source, "s3://bucket/")) == sorted(
        ["%2Flead.md odd_name", "a.md", "d/a.md", "d/b%2F%2Fc.md odd_name", "d/g%0Ah.md odd_name", "d/z.md"]
    )  # fmt: skip
    signed = [one.query for one in service.asked if "X-Amz-Signature" in one.query]
    assert len(signed) == 1
    assert "prefix" not in signed[0]
    assert await below(source, "s3://bucket/d/", include="a.md") == ["d/a.md"]
    hidden = await below(source, "s3://bucket/d/", include=[".*/**"])
    assert sorted(hidden) == ["d/%2E%2E/e.md odd_name", "d/%2E/f.md odd_name"]
    for odd in ("d/b%2F%2Fc.md", "d/%2E%2E/e.md", "d/g%0Ah.md"):
        assert await code_of(read(source, f"s3://bucket/{odd}")) == "odd_name"


async def test_a_list_goes_on_behind_a_page_with_an_odd_name_last(opened: Opener) -> None:
    keys = [f"d/{number:04}.md" for number in range(2500)] + ["d/0998//x", "d/0999.md/"]
    source, service = await opened(keys)
    names = await below(source, "s3://bucket/d/")
    assert len(names) == 2502
    assert [name for name in names if " " in name] == ["d/0998%2F%2Fx odd_name", "d/0999.md%2F odd_name"]
    assert len(set(names)) == len(names)
    assert sum("X-Amz-Signature" in one.query for one in service.asked) == 2  # the first ends with an odd one


async def test_markers_of_folders_are_no_documents_but_empty_objects_are(opened: Opener) -> None:
    holdings = Kept()
    for key in ("docs/", "docs/deep/", "docs/empty.md", "docs/both/", "docs/typed"):
        holdings.put(key, b"", "application/x-directory" if key == "docs/typed" else None)
    for key in ("docs/a.md", "docs/both", "docs/deep/b.md"):
        holdings.put(key, b"words")
    source, _ = await opened(holdings)
    assert await below(source, "s3://bucket/docs/") == ["docs/a.md", "docs/both", "docs/deep/b.md", "docs/empty.md"]
    assert await code_of(read(source, "s3://bucket/docs/empty.md")) == "empty_document"


async def test_nothing_is_said_as_nothing(opened: Opener) -> None:
    source, _ = await opened(KEYS)
    assert await code_of(pages(source, "s3://bucket/none/")) == "empty_source"
    assert await code_of(pages(source, "s3://bucket/docs/*.pdf")) == "empty_source"
    assert await code_of(pages(source, "s3://bucket/docs/none.md")) == "not_found"
    assert await code_of(pages(source, "s3://bucket/docs/", include="[z-a]")) == "invalid_option"


async def test_what_is_no_url_of_objects_is_refused_before_anybody_is_asked(opened: Opener) -> None:
    source, service = await opened(KEYS, "s3://bucket/", "s3://other")
    for wrong in (
        "s3:/bucket/a", "s3:///a", "s3://us er/a", "s3://bucket/a#b", "s3://bucket/%ff", "s3://bucket/a//b.md",
        "s3://bucket/../a", "s3://bucket/a%2F..%2Fb", "s3://bucket/%00", "s3://bucket//", "s3://bucket/%2F", "s3://bucket/a%2F",
        "s3://bucket//*.md",
    ):  # fmt: skip
        assert await code_of(source.check(wrong, OPTIONS)) == "invalid_source", wrong
        assert await code_of(pages(source, wrong)) == "invalid_source", wrong
    error = await error_of(source.check("s3://user:pass@bucket/a", OPTIONS))
    assert error.code == "invalid_source"
    assert "pass" not in error.message
    assert await code_of(source.check("s3://another/a", OPTIONS)) == "outside_roots"
    assert await code_of(source.check("s3://bucket/[z-a]", OPTIONS)) == "invalid_option"
    await source.check("s3://bucket/docs/**/*.md", OPTIONS)
    assert service.asked == []


async def test_nothing_outside_of_the_roots_is_asked_for(opened: Opener) -> None:
    source, service = await opened(["my docs/a.md", "my docs2/a.md", "secret.md"], "s3://bucket/my docs")
    assert source.roots == ("s3://bucket/my docs", "s3://bucket/my%20docs/")
    assert await below(source, "s3://bucket/my docs/") == ["my%20docs/a.md"]
    asked = len(service.asked)
    for outside in ("s3://bucket/", "s3://bucket/**", "s3://bucket/my%20docs2/", "s3://bucket/secret.md", "s3://b/a"):
        assert await code_of(pages(source, outside)) == "outside_roots"
        assert await code_of(read(source, outside)) == "outside_roots"
    assert await code_of(read(source, "s3://bucket/my docs/../secret.md")) == "odd_name"
    assert len(service.asked) == asked


# Pages.


async def test_a_list_goes_on_behind_a_cursor(opened: Opener) -> None:
    source, service = await opened(Counted(2500))
    all_pages = await pages(source, "s3://bucket/data/")
    assert [len(page.items) for page in all_pages] == [1000, 1000, 500]
    assert all(page.complete for page in all_pages)
    service.asked.clear()
    rest = await pages(source, "s3://bucket/data/", all_pages[1].cursor)
    assert [page.items for page in rest] == [all_pages[2].items]
    assert len(service.asked) == 1
    assert await pages(source, "s3://bucket/data/", all_pages[2].cursor) == []
    assert await pages(source, "s3://bucket/data/0000000.md", "data/0000000.md") == []


async def test_a_list_that_fails_on_the_way_goes_on_where_it_was(opened: Opener) -> None:
    source, service = await opened(Counted(3500))
    cut = Answer(200, b"<ListBucketResult>" + b"x" * 5000, cut=3000)
    service.fail(cut, cut, when=lambda asked: "data/0001999.md" in asked.query.values())
    uris = await found(source, "s3://bucket/data/")
    assert len(uris) == len(set(uris)) == 3500
    assert sum("data/0000999.md" in one.query.values() for one in service.asked) == 1


async def test_a_list_that_changes_meanwhile_is_read_to_its_end(opened: Opener) -> None:
    holdings = kept([f"d/{number:04}" for number in range(2000)])
    source, _ = await opened(holdings)
    names: list[str] = []
    async for page in source.discover("s3://bucket/d/", OPTIONS):
        names += [item.uri[-4:] for item in page.items]
        if len(names) == 1000:
            for number in range(900, 1100):  # on both sides of what was read
                del holdings.objects[f"d/{number:04}"]
            holdings.put("d/0000a", b"too late")
            holdings.put("d/1500a", b"in time")
    assert names == [*(f"{n:04}" for n in range(1000)), *(f"{n:04}" for n in range(1100, 1501)), "500a",
                     *(f"{n:04}" for n in range(1501, 2000))]  # fmt: skip


async def test_the_event_loop_turns_while_a_list_is_read(opened: Opener) -> None:
    source, _ = await opened(Counted(4_000))
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    assert len(await found(source, "s3://bucket/data/", include=["*.txt", "**/*.md"])) == 4_000
    turning.cancel()
    assert turns > 100


# Reading.


async def test_an_object_is_read_with_type_state_and_time(opened: Opener) -> None:
    holdings = Kept()
    holdings.put("a.html", b"<p>words", "text/html; charset=latin-1")
    holdings.put("b.md", b"words", "binary/octet-stream")
    holdings.put("c.md", b"words", None)
    source, _ = await opened(holdings)
    outcome = await read(source, "s3://bucket/a.html")
    stored = holdings.objects["a.html"]
    assert outcome == Fetched(b"<p>words", "text/html; charset=latin-1", stored.etag.strip('"'), stored.made_at)
    assert (await read(source, "s3://bucket/b.md")).media_type is None
    assert (await read(source, "s3://bucket/c.md")).media_type is None


async def test_what_has_not_changed_is_not_sent_again(opened: Opener) -> None:
    holdings = kept(["a.md"])
    source, service = await opened(holdings)
    version = (await read(source, "s3://bucket/a.md")).version
    assert await read(source, "s3://bucket/a.md", version=version) is UNCHANGED
    assert service.asked[-1].headers["if-none-match"] == f'"{version}"'
    # Whoever does not know that header is understood too.
    service.fail(
        Answer(200, b"some words", {"ETag": f'W/"{version}"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"})
    )
    assert await read(source, "s3://bucket/a.md", version=version) is UNCHANGED
    holdings.put("a.md", b"other words")
    assert (await read(source, "s3://bucket/a.md", version=version)).data == b"other words"


async def test_what_is_too_large_is_refused_before_its_bytes_come(opened: Opener) -> None:
    source, service = await opened(["a.md"])
    headers = {"Content-Length": "50000000", "ETag": '"x"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    service.fail(Answer(200, b"never ends", headers))
    with anyio.fail_after(5):
        assert await code_of(read(source, "s3://bucket/a.md", limit=1000)) == "too_large"
    assert (await read(source, "s3://bucket/a.md", limit=10)).data == b"some words"
    assert await code_of(read(source, "s3://bucket/a.md", limit=9)) == "too_large"


async def test_what_is_stored_packed_is_unpacked_up_to_the_limit(opened: Opener) -> None:
    source, service = await opened(["a.md"])
    packed = gzip.compress(b"word " * 10_000)
    headers = {"Content-Encoding": "gzip", "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT", "ETag": '"x"'}
    answer = Answer(200, packed, headers)
    service.fail(answer, answer, Answer(200, b"not packed", headers))
    assert (await read(source, "s3://bucket/a.md")).data == b"word " * 10_000
    assert await code_of(read(source, "s3://bucket/a.md", limit=10_000)) == "too_large"
    assert (await read(source, "s3://bucket/a.md")).data == b"not packed"


async def test_a_body_that_was_cut_off_is_asked_for_again(opened: Opener) -> None:
    source, service = await opened(kept({"a.md": b"words " * 1000}))
    headers = {"ETag": '"x"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    cut = Answer(200, b"words " * 1000, headers, cut=3000)
    service.fail(cut, cut, when=lambda asked: "range" not in asked.headers)
    assert (await read(source, "s3://bucket/a.md")).data == b"words " * 1000
    service.fail(*[cut] * 50)
    error = await error_of(read(source, "s3://bucket/a.md"))
    assert isinstance(error, TransientError)
    assert error.as_json()["retryable"]
    assert len(service.asked) < 40


async def test_ranges_are_of_one_state_of_an_object(opened: Opener) -> None:
    holdings = kept({"a.jsonl": b"0123456789"})
    source, service = await opened(holdings)
    [page] = await pages(source, "s3://bucket/a.jsonl")
    item = only(page)
    assert await source.read_ranges(item, [(0, 3), (8, 10), (20, 5), (4, 0)]) == [b"012", b"89", b"", b""]
    assert all(one.headers["if-match"] == f'"{item.version}"' for one in service.asked[1:])
    assert [one.headers["range"] for one in service.asked[1:]] == ["bytes=0-2", "bytes=8-17", "bytes=20-24"]
    holdings.put("a.jsonl", b"abcdefghij")
    assert await code_of(source.read_ranges(item, [(0, 3)])) == "source_changed"
    # Without a known state, all pieces are of the one that the first was of.
    unknown = Found("s3://bucket/a.jsonl")
    assert await source.read_ranges(unknown, [(0, 3), (3, 3)]) == [b"abc", b"def"]
    assert "if-match" not in service.asked[-2].headers
    assert "if-match" in service.asked[-1].headers


async def test_many_are_read_side_by_side_each_with_its_own_outcome(opened: Opener) -> None:
    source, service = await opened([f"d/{number}.md" for number in range(100)])
    at_once, most = 0, 0

    async def slow(asked: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.005)
        at_once -= 1

    service.fault = slow
    wanted = [Wanted(Found(f"s3://bucket/d/{number}.md"), BIG) for number in range(103)]
    outcomes = await asyncio.gather(*(source.read_all(wanted[start : start + 35]) for start in (0, 35, 70)))
    flat = [outcome for some in outcomes for outcome in some]
    assert sum(isinstance(one, Fetched) for one in flat) == 100
    assert [one.code for one in flat if isinstance(one, DocumentError)] == ["not_found"] * 3
    assert 8 < most <= 32


# Faults of services.

FAULTS = [
    (refused(503, "SlowDown"), "store_away"),
    (Answer(500), "store_away"),
    (Answer(429), "store_away"),
    (refused(403, "AccessDenied"), "access_denied"),
    (Answer(403), "access_denied"),
    (refused(403, "InvalidAccessKeyId"), "credentials_refused"),
    (refused(403, "SignatureDoesNotMatch"), "credentials_refused"),
    (refused(400, "ExpiredToken"), "credentials_refused"),
    (Answer(401), "credentials_refused"),
    (refused(403, "RequestTimeTooSkewed"), "clock_skew"),
    (refused(301, "PermanentRedirect"), "wrong_region"),
    (refused(400, "AuthorizationHeaderMalformed"), "wrong_region"),
    (refused(404, "NoSuchBucket"), "no_such_bucket"),
    (refused(403, "InvalidObjectState"), "archived_object"),
    (refused(400, "Whatever"), "store_refused"),
]


@pytest.mark.parametrize(("answer", "code"), FAULTS)
async def test_each_answer_of_a_service_has_a_code(opened: Opener, answer: Answer, code: str) -> None:
    source, service = await opened(KEYS)
    service.fail(*[answer] * 50)
    listed = await error_of(pages(source, "s3://bucket/docs/"))
    one = await error_of(pages(source, "s3://bucket/docs/a.md"))
    error = await error_of(read(source, "s3://bucket/docs/a.md"))
    assert [listed.code, one.code, error.code] == [code] * 3
    passing = code == "store_away" or b"ExpiredToken" in answer.body
    assert isinstance(listed, ServiceError if passing else RequestError)
    assert isinstance(one, ServiceError if passing else RequestError)
    assert isinstance(error, TransientError) is passing
    assert isinstance(error, DocumentError)
    if code in ("access_denied", "credentials_refused"):
        assert "AWS_ACCESS_KEY_ID" in error.hint


async def test_a_service_that_is_slow_for_a_moment_is_borne_with(opened: Opener) -> None:
    source, service = await opened(KEYS)
    service.fail(refused(503, "SlowDown"))
    assert len(await found(source, "s3://bucket/docs/")) == 4
    service.fail(refused(503, "SlowDown"))
    assert (await read(source, "s3://bucket/docs/a.md")).data == b"some words"
    stored = Stored(b"some words")
    headers = {"ETag": stored.etag, "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    service.fail(Answer(200, stored.data, headers, wait=0.3))
    assert (await read(source, "s3://bucket/docs/a.md")).data == b"some words"


async def test_a_service_that_is_not_there_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for address, words in (("http://127.0.0.1:9", "refused"), ("http://no-such-host.invalid", "lookup")):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        source = open_source("s3://bucket/")
        error = await error_of(pages(source, "s3://bucket/docs/"))
        assert (error.code, isinstance(error, ServiceError)) == ("store_away", True)
        assert words in error.message
        assert await code_of(read(source, "s3://bucket/a.md")) == "store_away"


async def test_an_object_that_changed_since_it_was_listed_is_read_as_it_is(opened: Opener) -> None:
    holdings = kept(["a.md"])
    source, _ = await opened(holdings)
    [page] = await pages(source, "s3://bucket/")
    holdings.put("a.md", b"new words")
    outcome = await source.read(Wanted(only(page), BIG))
    assert isinstance(outcome, Fetched)
    assert outcome.data == b"new words"
    assert outcome.version != only(page).version
    del holdings.objects["a.md"]
    assert await code_of(source.read(Wanted(only(page), BIG))) == "not_found"


# Credentials and providers.


async def test_without_credentials_it_is_said_where_they_were_looked_for(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    source, _ = await opened(KEYS)
    error = await error_of(pages(source, "s3://bucket/docs/"))
    assert error.code == "no_credentials"
    assert error.hint.endswith("of the instance")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    source, service = await opened([*KEYS, "docs//odd"])
    assert len(await found(source, "s3://bucket/docs/")) == 5
    assert all("authorization" not in one.headers for one in service.asked)


async def test_keys_come_from_a_profile_and_are_looked_at_anew(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[profile other]\nregion = eu-west-1\n[default]\nregion = eu-west-2\n")
    (tmp_path / ".aws/credentials").write_text(
        f"[default]\naws_access_key_id = FIRST\naws_secret_access_key = {SECRET}%x\n"
        f"[other]\naws_access_key_id = SECOND\naws_secret_access_key = {SECRET}\naws_session_token = t\n"
    )
    source, service = await opened(KEYS)
    assert await found(source, "s3://bucket/docs/")
    assert "Credential=FIRST/" in service.asked[-1].headers["authorization"]
    assert "/eu-west-2/" in service.asked[-1].headers["authorization"]
    monkeypatch.setenv("AWS_PROFILE", "other")
    source, service = await opened(KEYS)
    assert await found(source, "s3://bucket/docs/")
    assert "Credential=SECOND/" in service.asked[-1].headers["authorization"]
    assert service.asked[-1].headers["x-amz-security-token"] == "t"
    assert "profile 'other'" in await source.look("s3://bucket/")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(OperatorError, match="missing"):
        open_source("s3://bucket/")


@pytest.mark.parametrize("scheme", ["gs", "az"])
async def test_other_providers_are_listed_and_read_alike(opened: Opener, scheme: str) -> None:
    source, _ = await opened([*KEYS, "docs/h i#.md"], scheme=scheme)
    uris = await found(source, f"{scheme}://bucket/docs/", include="*.md")
    assert [uri.partition("bucket/")[2] for uri in uris] == [
        "docs/a.md", "docs/deep/c.md", "docs/deep/x/d.md", "docs/h%20i%23.md"
    ]  # fmt: skip
    outcome = await read(source, uris[-1])
    assert (outcome.data, outcome.media_type) == (b"some words", "text/markdown")
    [page] = await pages(source, f"{scheme}://bucket/docs/a.md")
    assert only(page).version == outcome.version
    assert await read(source, uris[0], version=outcome.version) is UNCHANGED
    assert await source.read_ranges(only(page), [(5, 5)]) == [b"words"]
    assert await code_of(read(source, f"{scheme}://bucket/none.md")) == "not_found"
    assert source._provider.endpoint in await source.look(f"{scheme}://bucket/")


@pytest.mark.parametrize("scheme", ["gs", "az"])
async def test_others_lists_with_an_odd_name_end_and_name_it(opened: Opener, scheme: str) -> None:
    source, _ = await opened(["d/a.md", "d/b//c.md"], scheme=scheme)
    error = await error_of(pages(source, f"{scheme}://bucket/d/"))
    assert error.code == "odd_name"
    assert "d/b%2F%2Fc.md" in error.message


async def test_other_lists_go_on_behind_a_cursor(opened: Opener) -> None:
    for scheme in ("gs", "az"):
        source, _ = await opened(Counted(1500), scheme=scheme)
        first, second = await pages(source, f"{scheme}://bucket/data/")
        assert await pages(source, f"{scheme}://bucket/data/", first.cursor) == [second]


async def test_a_look_says_where_and_whose_and_how_quickly(opened: Opener) -> None:
    source, service = await opened(KEYS, "s3://bucket/docs/", "s3://bucket/none/", "s3://missing", "s3:")
    seen = await source.look("s3://bucket/docs/")
    assert service.url in seen
    assert "of AWS_ACCESS_KEY_ID; listed in" in seen
    assert (await source.look("s3://bucket/none/")).endswith("nothing is in it")
    assert await code_of(source.look("s3://missing")) == "no_such_bucket"
    assert "all buckets" in await source.look("s3:")
    service.fail(*[refused(403, "AccessDenied")] * 9)
    assert await code_of(source.look("s3://bucket/docs/")) == "access_denied"


async def test_the_url_of_a_page_that_is_read_by_hand_is_signed_as_s3_wants_it(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a/token+=")
    source, service = await opened([*(f"ü b&c/d+e/{number:04}" for number in range(1500)), "ü b&c/d+e/1200//odd"])
    assert len(await found(source, "s3://bucket/ü b%26c/d%2Be/")) == 1501
    assert len(await found(source, "s3://bucket/")) == 1501
    signed = [one for one in service.asked if "X-Amz-Signature" in one.query]
    assert [one.query.get("prefix") for one in signed] == ["ü b&c/d+e/", None]
    for one in signed:
        assert one.query["X-Amz-Security-Token"] == "a/token+="
        assert one.query["start-after"] == "ü b&c/d+e/0999"
        assert one.query["X-Amz-Signature"] == _signature(one)


def _signature(asked: Asked) -> str:
    """Return what AWS would expect (Signature Version 4, in the query)."""

    def of(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    fields = {name: value for name, value in asked.query.items() if name != "X-Amz-Signature"}
    query = "&".join(f"{quote(name, safe='')}={quote(fields[name], safe='')}" for name in sorted(fields))
    canonical = f"GET\n{asked.path}\n{query}\nhost:{asked.headers['host']}\n\nhost\nUNSIGNED-PAYLOAD"
    scope = fields["X-Amz-Credential"].partition("/")[2]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = of(key, part)
    return of(key, f"AWS4-HMAC-SHA256\n{fields['X-Amz-Date']}\n{scope}\n{digest}").hex()


async def test_an_own_authority_is_trusted_if_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    context, authority = _certified(tmp_path)
    async with running(ObjectService(kept(["d/a.md", "d//odd"])), context) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url.replace("http:", "https:"))
        source = open_source("s3://bucket/")
        assert await code_of(pages(source, "s3://bucket/d/")) == "untrusted_certificate"
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
        source = open_source("s3://bucket/")
        assert len(await found(source, "s3://bucket/d/")) == 2
        await source.close()
        monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere")
        assert await code_of(pages(open_source("s3://bucket/"), "s3://bucket/d/")) == "wrong_setting"


def _certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return what a server at 127.0.0.1 shows, and the certificate of who vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "our authority")])
    now = datetime.now(timezone.utc)

    def issued(name: x509.Name, extension: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(authority, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        return builder.add_extension(extension, critical=True).sign(key, SHA256()).public_bytes(Encoding.PEM)

    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    host = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    (folder / "authority.pem").write_bytes(issued(authority, x509.BasicConstraints(ca=True, path_length=None)))
    (folder / "server.pem").write_bytes(
        issued(host, names) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "authority.pem"


def test_without_a_root_there_is_no_source_and_without_the_package_a_root_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [opener(tools("/srv/docs", "s3://bucket/")) for opener in (open_gs, open_az)] == [None, None]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert open_s3(tools("/srv/docs")) is None
    with pytest.raises(OperatorError) as caught:
        open_s3(tools("s3://bucket/docs/"))
    assert caught.value.code == "wrong_setting"
    assert "ingest-listener[objects]" in caught.value.hint


@pytest.mark.parametrize("root", ["s3://bucket/a/%2E%2E/b", "s3://bucket/a//b", "s3:/a", "s3://B_/%ff"])
def test_a_root_that_is_none_is_a_wrong_setting(root: str) -> None:
    with pytest.raises(OperatorError, match="root") as caught:
        open_source(root)
    assert caught.value.code == "wrong_setting"


def test_azure_needs_an_account() -> None:
    with pytest.raises(OperatorError, match="account"):
        open_source("az://container/")


async def test_signed_urls_are_not_logged(opened: Opener, caplog: pytest.LogCaptureFixture) -> None:
    source, _ = await opened(["d//a", "d/b"])
    with caplog.at_level(logging.DEBUG):
        assert len(await found(source, "s3://bucket/d/")) == 2
    assert "Signature" not in caplog.text
