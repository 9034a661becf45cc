"""What the log looks like, what each line concerns, and that no secret gets into it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy

from listener import logs
from listener.logs.masking import HIDDEN, Secrets

PASSWORD = "p@ss:w0rd"  # in a URL: p%40ss%3Aw0rd
KEY = "sk-proj-AbCdEf0123456789-xyz"
SECRETS = {
    "INGEST_DATABASE_URL": "postgresql://app:p%40ss%3Aw0rd@db.example/app",
    "PGPASSWORD": "other'pass\\word",
    "OPENAI_API_KEY": KEY,
    "MISTRAL_API_KEY": "a1b2c3d4",
    "HTTPS_PROXY": "http://me:hunter22@proxy:3128",
    "SHORT_API_KEY": "ab",
}

Told = Callable[[], list[str]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Told]]:
    """Start logging in a form; what that returns gives the lines so far. Logging is as before afterwards."""
    root, dbos = logging.getLogger(), logging.getLogger("dbos")
    before = root.handlers[:], root.level, dbos.handlers[:], dbos.propagate, threading.excepthook
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def start(form: str, level: str = "INFO") -> Told:
        written = io.StringIO()
        monkeypatch.setattr(sys, "stderr", written)
        root.handlers = []  # pytest's, which would be closed
        logs.to_stderr(level, form)
        return lambda: written.getvalue().splitlines()

    yield start
    logging.captureWarnings(False)
    root.handlers, level, dbos.handlers, dbos.propagate, threading.excepthook = before
    root.setLevel(level)
    for name in logs.CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET)


WRITER = """
import logging, sys
from listener import logs
logs.to_stderr("INFO", sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
print(flush=True)
sys.stdin.readline()
for _ in range(5):
    logging.getLogger("writer").info(sys.argv[2] * 100_000)
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_of_several_processes_do_not_mix_and_each_says_whose_it_is(form: str) -> None:
    turns, (reading, writing) = logs.turns(), os.pipe()
    assert turns >= 0
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, form, str(n), str(turns)],
            pass_fds=[turns],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=writing,
        )
        for n in (1, 2, 3)
    ]
    os.close(writing)
    os.close(turns)
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == b"\n"  # all are there before one begins
    for writer in writers:
        assert writer.stdin
        writer.stdin.close()
    with os.fdopen(reading) as written:
        told = written.read().splitlines()
    for writer in writers:
        assert writer.wait(30) == 0
        assert writer.stdout
        writer.stdout.close()
    whose = [
        re.fullmatch(r"\S+ INFO writer: (\d)\1{99999} \[process=\1\]", line)
        if form == "text"
        else re.fullmatch(r'.* "message": "(\d)\1{99999}", "process": \1}', line)
        for line in told
    ]
    assert Counter(match and match[1] for match in whose) == {"1": 5, "2": 5, "3": 5}


def test_a_line_of_text_says_when_what_who_and_what_it_concerns(lines: Callable[[str], Told]) -> None:
    told = lines("text")
    with logs.bound(request="r1", batch=3), logs.bound(step="embed"):
        logging.getLogger("listener.pipeline.workflows").warning("failed: %s", "why", extra={"code": "no_text"})
    (line,) = told()
    assert line[10] == "T"
    assert line[24:] == " WARNING listener.pipeline.workflows: failed: why [request=r1 batch=3 step=embed code=no_text]"


def test_a_line_of_json_has_bound_and_extra_fields_beside_the_usual_ones(lines: Callable[[str], Told]) -> None:
    told = lines("json")
    with logs.bound(request="r1", batch=3):
        logging.getLogger("listener.pipeline.workflows").info(
            "ended %d",
            7,
            extra={"seconds": 1.5, "counts": {"done": 2}, "none": None, "time": "never", "nan": float("nan")},
        )
    record = json.loads(told()[0])
    assert list(record)[:4] == ["time", "level", "logger", "message"]
    assert record.pop("time") > "2020"
    assert record == {
        "level": "INFO", "logger": "listener.pipeline.workflows", "message": "ended 7",
        "request": "r1", "batch": 3, "seconds": 1.5, "counts": {"done": 2}, "nan": "nan",
    }  # fmt: skip


def test_what_was_bound_is_unbound_after_the_block_also_after_an_error(lines: Callable[[str], Told]) -> None:
    told = lines("json")
    with pytest.raises(ZeroDivisionError), logs.bound(request="r1"):
        _ = 1 / 0
    logging.getLogger("x").info("later")
    assert "request" not in json.loads(told()[0])


async def test_tasks_keep_apart_what_is_bound_and_their_own_tasks_and_threads_inherit_it(
    lines: Callable[[str], Told],
) -> None:
    told = lines("json")
    log = logging.getLogger("x")

    async def request(name: str) -> None:
        with logs.bound(request=name):
            await asyncio.gather(step(name), asyncio.to_thread(log.info, name))

    async def step(name: str) -> None:
        with logs.bound(step="load"):
            await asyncio.sleep(0)
            log.info(name)

    await asyncio.gather(*(request(f"r{n}") for n in range(20)))
    records = [json.loads(line) for line in told()]
    assert len(records) == 40
    assert all(record["request"] == record["message"] for record in records)
    assert sum("step" in record for record in records) == 20


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_third_parties_and_python_itself_report_has_the_same_form(lines: Callable[[str], Told], form: str) -> None:
    told = lines(form)
    for name in ("dbos", "asyncpg", "sqlalchemy.pool", "httpx"):
        logging.getLogger(name).warning("from %s", name)
    logging.getLogger("httpx").info("HTTP Request: POST …")  # one for each call
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    thread = threading.Thread(target=lambda: 1 / 0, name="reader")
    thread.start()
    thread.join()
    starts = [line for line in told() if form == "json" or line.startswith("20")]
    messages = [json.loads(line)["message"] if form == "json" else line for line in starts]
    assert len(messages) == 6
    for message, expected in zip(
        messages,
        ["from dbos", "from asyncpg", "from sqlalchemy.pool", "from httpx", "careful", "a thread failed"],
        strict=True,
    ):
        assert expected in message
    assert "ZeroDivisionError" in "\n".join(told())


def test_text_from_outside_can_not_forge_a_line(lines: Callable[[str], Told]) -> None:
    told = lines("text")
    name = "a.md\n2025-06-01T12:00:00.000Z ERROR listener: forged\x1b[2J"
    logging.getLogger("x").info("found %s", name, extra={"uri": name})
    (line,) = told()
    assert "\x1b" not in line
    assert "a.md\\n2025" in line


def leaking_errors() -> list[BaseException]:
    """Return errors as drivers and services make them, with a secret in their text."""
    url = SECRETS["INGEST_DATABASE_URL"]
    errors: list[BaseException] = [
        asyncpg.InvalidPasswordError(f'password authentication failed: {url}'),
        RuntimeError(f"Incorrect API key provided: {KEY}."),
        RuntimeError("refused: " + SECRETS["MISTRAL_API_KEY"]),
        ValueError(repr({"headers": {"Authorization": f"Bearer {KEY}"}, "password": PASSWORD})),
        ValueError(f"connection failed: host=db password='{SECRETS['PGPASSWORD']}' user=app"),
        ValueError(json.dumps({"env": SECRETS})),
        ValueError("http://someone:s3cret-of-another@proxy.example:3128 refused"),
        ValueError("https://api.example/v1?api_key=query-parameter-key&x=1, x-api-key: header-key-value"),
    ]  # fmt: skip
    try:
        sqlalchemy.create_engine(
            f"postgresql+psycopg://app:p%40ss%3Aw0rd@/app?host=/nowhere&password={PASSWORD}"
        ).connect()
    except sqlalchemy.exc.SQLAlchemyError as error:
        errors.append(error)
    engine = sqlalchemy.create_engine("postgresql+psycopg://app:p%40ss%3Aw0rd@db/app")
    errors.append(RuntimeError(engine.url.render_as_string(hide_password=False)))
    return errors


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_and_no_key_gets_into_the_log(lines: Callable[[str], Told], form: str) -> None:
    told = lines(form)
    log = logging.getLogger("listener")
    for error in leaking_errors():
        try:
            raise error
        except BaseException as caught:
            log.exception("failed: %s", caught, extra={"url": str(caught), "nested": [{"key": str(caught)}]})
    text = "\n".join(told())
    assert text.count("Traceback") > len(leaking_errors())  # SQLAlchemy's has another one as its cause
    assert HIDDEN in text
    plain: set[str] = {PASSWORD, "p%40ss%3Aw0rd", KEY, *(SECRETS[name] for name in ("PGPASSWORD", "MISTRAL_API_KEY"))}
    written = plain | {json.dumps(secret)[1:-1] for secret in plain} | {repr(secret)[1:-1] for secret in plain}
    others = {"hunter22", "s3cret-of-another", "query-parameter-key", "header-key-value"}
    assert [secret for secret in written | others if secret in text] == []


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://app@db/app", "postgresql://app@db/app"),
        ("postgresql://app:x@db/app", "postgresql://app:***@db/app"),
        ("postgresql://:x@db/app", "postgresql://:***@db/app"),
        ("redis://u:a@b@db/0", "redis://u:***@db/0"),
        ("http://host:8080/path@2", "http://host:8080/path@2"),
        ("password authentication failed", "password authentication failed"),
        ("dbname=app password=x user=y", "dbname=app password=*** user=y"),
        ('{"password": "x"}', '{"password": ***}'),
        ("no file manual.md in ingest_manual", "no file ***.md in ingest_manual"),
        ("task-management-for-everybody.md", "task-management-for-everybody.md"),
    ],
)
def test_only_secrets_are_hidden(text: str, hidden: str) -> None:
    secrets = Secrets({"PGPASSWORD": "manual", "A_API_KEY": "ab"})
    assert secrets.hide(text) == hidden


def test_a_value_of_any_type_can_be_told(lines: Callable[[str], Told]) -> None:
    told = lines("json")

    class Odd:
        def __str__(self) -> str:
            return f"odd {KEY}"

    values: dict[str, Any] = {"odd": Odd(), "set": {1}, "bytes": b"\xff", "text": "\ud800"}
    logging.getLogger("x").info("values", extra=values)
    assert json.loads(told()[0])["odd"] == "odd ***"


def test_what_is_ordinary_to_dbos_is_no_warning_of_ours(lines: Callable[[str], Told]) -> None:
    told = lines("text")
    dbos = logging.getLogger("dbos")
    before = dbos.filters[:], dbos.level
    try:
        logs.quiet_dbos("INFO")
        dbos.warning(
            "Workflow already exists in queue: a, but the provided queue name is: None. The queue is not updated."
        )
        dbos.warning("Something that nobody expects")
    finally:
        dbos.filters, dbos.level = before
    assert [line.rpartition(": ")[2] for line in told()] == ["Something that nobody expects"]
