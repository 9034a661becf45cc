"""A hostile document has its parser do anything: others' documents, the listener and its secrets are not touched."""

from __future__ import annotations

import asyncio
import operator
import os
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import taken_over
from taken_over import RAISED

from listener.documents.failures import WorkerCrashed, WorkerFailed, WorkerMemory
from listener.documents.formats import Formats
from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.documents.reading import DocumentFormat, Read
from listener.errors import DocumentError

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="confinement of Linux")
KIND = "application/x-hostile"


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(1, timeout_seconds=20, memory_mb=400) as pool:
        yield pool


def parsers(workers: Workers, read: Read, **about: Any) -> Parsers:
    return Parsers(workers, formats=Formats([DocumentFormat(read, {KIND: "bad"}, **about)]))


def stat_of(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name: the state; [11] and [12] are the CPU ticks used."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def outcome(parsers: Parsers, data: bytes, **named: Any) -> Parsed | DocumentError:
    try:
        return await parsers.parse(data, uri="a.bad", media_type=KIND, **named)
    except DocumentError as error:
        return error


async def failed(parsers: Parsers, data: bytes, **named: Any) -> DocumentError:
    error = await outcome(parsers, data, **named)
    assert isinstance(error, DocumentError), error
    return error


# what a worker that was taken over can do


async def test_a_worker_s_environment_is_empty(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("INGEST_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("HARMLESS", "yes")
    found = await workers.run(taken_over.environment)
    assert set(found) - {"LC_CTYPE"} <= {"/proc", "LD_LIBRARY_PATH"}  # Python sets the first by itself
    assert "secret" not in str(found)
    assert "HARMLESS" not in str(found)


@LINUX
async def test_it_reaches_starts_ends_reads_and_writes_nothing(workers: Workers, tmp_path: Path) -> None:
    secret = tmp_path / "other.txt"
    secret.write_text("of another tenant")
    tried = await workers.run(taken_over.attempts, str(tmp_path), str(secret))
    assert not workers.missing, "this system lacks what the test needs"
    assert {name for name, how in tried.items() if how == "done"} == set()
    assert len(tried) > 20
    assert secret.read_text() == "of another tenant"
    assert names(tmp_path) == ["other.txt"]
    assert await workers.run(taken_over.threads) == 4


@LINUX
async def test_it_has_no_descriptor_of_the_listener_s_and_leaves_no_core(workers: Workers) -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    assert await workers.run(taken_over.descriptors) == ["socket"]
    assert await workers.run(taken_over.limits) == (0, 0)
    os.close(read)
    os.close(write)


@LINUX
@pytest.mark.parametrize(
    "what",
    [
        "pickle", "pickle in a header", "object", "noise", "no header", "deep", "long number", "large header",
        "many frames", "large frame", "frame twice", "no such frame", "no result", "no error", "no kind",
        "error of another class",
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_fails_its_call_and_runs_nothing(
    workers: Workers, tmp_path: Path, what: str
) -> None:
    made = tmp_path / "made"
    with pytest.raises(WorkerFailed) as raised:
        await workers.run(taken_over.answer, what, str(made), timeout=5)
    assert isinstance(raised.value, WorkerCrashed)
    assert not made.exists()
    assert await workers.run(operator.add, 1, 2) == 3


@LINUX
async def test_texts_of_a_forged_answer_can_be_stored(workers: Workers) -> None:
    forged = b'["error","document","no_text","a\\u0000b\\ud800","' + b"h" * 100_000 + b'"]'
    with pytest.raises(DocumentError) as raised:
        await workers.run(taken_over.answer_with, forged)
    assert raised.value.message == "ab\ufffd"
    assert len(raised.value.hint) == 1000


async def test_a_worker_that_grows_while_it_answers_is_ended(workers: Workers) -> None:
    with pytest.raises(WorkerMemory):
        await workers.run(taken_over.answer_slowly)
    assert await workers.run(operator.add, 1, 2) == 3


@LINUX
async def test_between_two_calls_a_worker_stands_still(workers: Workers) -> None:
    pid = await workers.run(taken_over.go_on_in_the_background)
    while stat_of(pid)[0] != "T":  # noqa: ASYNC110 - the signal takes its way
        await asyncio.sleep(0.001)
    before = stat_of(pid)[11:13]
    await asyncio.sleep(0.2)  # the time that is measured
    assert stat_of(pid)[11:13] == before
    assert await workers.run(os.getpid) == pid


# what a parser raises


@pytest.mark.parametrize("name", sorted(RAISED))
async def test_whatever_a_parser_raises_is_its_document_s_error(workers: Workers, name: str) -> None:
    error = await failed(parsers(workers, taken_over.raises), name.encode())
    assert error.code == ("no_text" if name == "DocumentError" else "parser_failed")
    assert len(error.message) < 2500
    assert len(error.hint) < 1500
    assert "\0" not in error.message
    (error.message + error.hint).encode()
    assert await workers.run(operator.add, 1, 2) == 3


async def test_endless_recursion_is_its_document_s_error(workers: Workers) -> None:
    assert (await failed(parsers(workers, taken_over.recurses), b"x")).code == "parser_failed"


@pytest.mark.parametrize(
    "what",
    [
        "nothing", "a number", "an object", "a class", "a text", "no utf-8", "pages behind", "pages back",
        "pages of text", "deep notes", "infinite notes", "long number", "large notes", "objects in notes", "a kind",
        "parts", "more parts",
    ],
)  # fmt: skip
async def test_a_result_that_is_no_reading_is_its_document_s_error(workers: Workers, what: str) -> None:
    error = await failed(parsers(workers, taken_over.returns), what.encode())
    assert error.code in ("parser_failed", "parser_crashed")


async def test_a_text_beyond_what_is_allowed_is_refused_in_the_worker(workers: Workers) -> None:
    hostile = parsers(workers, taken_over.returns)
    await failed(hostile, b"nothing")
    [pid] = workers.pids()
    error = await failed(hostile, b"huge text", most=50_000_000)
    assert (error.code, "50000000" in error.message) == ("too_large", True)
    assert workers.pids() == [pid]
    assert isinstance(await outcome(hostile, b"huge text", most=60_100_000), Parsed)


async def test_odd_characters_of_a_result_are_put_right(workers: Workers) -> None:
    found = await outcome(parsers(workers, taken_over.odd), b"x")
    assert isinstance(found, Parsed)
    assert (found.text, found.title, found.metadata["list"]) == ("ab", "one two", ["x", 1, None])
    assert [part.name for part in found.parts] == ["../x?"]
    (str(found.metadata) + str(found.parts)).encode()


NESTED = b"Content-Type: message/rfc822\r\n\r\n"
BRACKETS = 200_000
DEPTH = range(3000)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.eml", NESTED * 5000 + b"Subject: x\r\n\r\nbody\r\n"),
        ("a.eml", NESTED * 300 + b"Subject: x\r\n\r\nbody\r\n"),
        ("a.eml", b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in DEPTH)),
        ("a.eml", b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\r\n\r\nbody"),
        ("a.eml", b"To: " + b"(" * 100_000 + b"\r\n\r\nbody"),
        ("a.html", b"<div>" * 100_000 + b"x"),
        ("a.rtf", b"{\\rtf1 " + b"{" * 100_000 + b"x"),
        ("a.json", b"[" * BRACKETS),
        ("a.ipynb", b'{"a":' * BRACKETS),
        ("a.pdf", b"%PDF-1.7\n1 0 obj\n" + b"<<" * BRACKETS),
        ("a.pdf", b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]>>\nendobj\ntrailer<</Root 1 0 R>>"),
    ],
)  # fmt: skip
async def test_what_is_nested_deeply_is_read_or_fails_alone(name: str, data: bytes) -> None:
    async with Workers(1, timeout_seconds=30, memory_mb=1024) as workers:
        own = Parsers(workers)
        try:
            await own.parse(data, uri=name)
        except DocumentError as error:
            assert error.code in ("parser_failed", "parser_crashed", "no_text")  # noqa: PT017 - either is right
        assert (await own.parse(b"<p>good</p>", uri="good.html")).text == "good\n"


async def test_messages_within_messages_end_at_a_level() -> None:
    inner = EmailMessage()
    inner.set_content("the innermost")
    for number in range(30):
        outer = EmailMessage()
        outer["Subject"] = f"message {number}"
        outer.set_content(f"around {number}")
        outer.add_attachment(inner)
        inner = outer
    async with Workers(1, timeout_seconds=30, memory_mb=512) as workers:
        parsed = await Parsers(workers).parse(inner.as_bytes(), uri="a.eml")
    assert [part.name for part in parsed.parts] == ["message 28.eml"]


# how long it takes, and whose turn it is


class Watched(Workers):
    """Writes down how much time each call was given."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.given: list[float] = []

    async def run(
        self,
        function: Any,
        *args: Any,
        timeout: float | None = None,
        most: int | None = None,
        asides: list[Any] | None = None,
    ) -> Any:
        self.given.append(self.timeout_seconds if timeout is None else timeout)
        return await super().run(function, *args, timeout=timeout, most=most, asides=asides)


@pytest.mark.parametrize(("share", "tries"), [(1 / 3, 2), (1.0, 1)])
async def test_all_tries_of_a_document_together_have_the_time_of_one(share: float, tries: int) -> None:
    workers = Watched(1, 0.6, 400)
    async with workers:
        hostile = parsers(workers, taken_over.spins, attempts=lambda *_: [(taken_over.spins, share)])
        error = await failed(hostile, b"x")
        assert (error.code, "0.6 seconds" in error.message) == ("parser_timeout", True)
        assert len(workers.given) == tries
        assert sum(workers.given) <= 0.6
