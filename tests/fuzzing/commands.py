"""The command line with whatever words: what it prints is its own, its end has a status that is explained, nothing is a bug.

And the SQL that it shows: psql would read the same values in it as are sent.
"""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import asyncpg
import staging
from hypothesis import strategies as st

from fuzzing.rows import OPTIONS
from fuzzing.targets import KNOWN, TAKEN, Place, Target, Trial
from fuzzing.values import COLLECTION, ID, INTEGER_TEXT, JSON_TEXT, NUMBER, STEP, STORABLE, TIME, WORD
from listener import cli
from listener.client.session import as_psql
from listener.logs.visible import in_lines

STATUSES = {0, 1, 2, 3, 4, 5}
ARGUMENT = (WORD | st.text("\udc80\udcffab=/", max_size=5)).filter(lambda word: "\0" not in word)  # what argv can hold
PAIR = st.tuples(
    st.sampled_from(["include", "force", "record", "team", "", "a b"]) | ARGUMENT, OPTIONS | JSON_TEXT | NUMBER.map(str)
).map("=".join)
SOURCE = st.sampled_from(["/srv/docs", "docs/", "..", "*.md", "-", "s3://b/k", "file:x", "C:\\x", "~"]) | ARGUMENT


def _option(name: str, value: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return value.map(lambda word: [name, word]) | value.map(lambda word: [f"{name}={word}"])


OF_COLLECTION = _option("--collection", COLLECTION | ARGUMENT)
FLAG = st.sampled_from([["--json"], ["--show-sql"]])
ADD = FLAG | OF_COLLECTION | _option("-o", PAIR) | _option("-m", PAIR) | _option("--priority", INTEGER_TEXT) | (
    _option("--run-at", TIME) | _option("--dedupe-key", ARGUMENT) | _option("--uri", ARGUMENT) | _option("--media-type", ARGUMENT)
)  # fmt: skip
SEARCH = FLAG | OF_COLLECTION | _option("-k", INTEGER_TEXT) | _option("--filter", JSON_TEXT)
LIST = (
    FLAG
    | OF_COLLECTION
    | _option("--status", st.sampled_from(["pending", "nothing"]) | ARGUMENT)
    | _option("--limit", INTEGER_TEXT)
)
FORK = FLAG | OF_COLLECTION | _option("--from", STEP) | _option("-o", PAIR)
GRANT = FLAG | OF_COLLECTION | _option("--as", st.sampled_from(["submitter", "owner"]) | ARGUMENT)
INVENTORY = FLAG | OF_COLLECTION | _option("--under", SOURCE) | _option("--limit", INTEGER_TEXT) | _option("--since", TIME | ARGUMENT) | (
    st.just(["--failed"]) | _option("--after", SOURCE) | _option("--by", st.sampled_from(["day", "all"]) | ARGUMENT)
)  # fmt: skip
ANY = st.lists(ARGUMENT, min_size=1, max_size=2)


def _command(
    verb: str, words: st.SearchStrategy[str], options: st.SearchStrategy[list[str]]
) -> st.SearchStrategy[list[str]]:
    parts = st.lists(options | options | options | ANY, max_size=4)
    return st.tuples(st.lists(words, max_size=2), parts).map(
        lambda both: [verb, *(word for part in both[1] for word in part), *both[0]]
    )


COMMAND = st.one_of(
    _command("add", SOURCE, ADD), _command("add", SOURCE, ADD), _command("status", ID, LIST), _command("failures", ID, LIST),
    _command("search", ARGUMENT, SEARCH), _command("fork", ID, FORK), _command("grant", ARGUMENT, GRANT), _command("revoke", ARGUMENT, GRANT),
    *(_command(verb, SOURCE, INVENTORY) for verb in ("collections", "documents", "show", "delete", "usage")),
    _command("retry", ID, INVENTORY),
    *(_command(verb, ID, FLAG) for verb in ("cancel", "resume", "retry", "stop", "health")),
    ANY.filter(lambda words: words[0] not in cli_verbs()),
)  # fmt: skip


def cli_verbs() -> set[str]:
    """Return all verbs: some would go on for good, or drop everything."""
    return {str(command.name) for command in cli.app.registered_commands}


class Line(NamedTuple):
    """Words behind ``ingest``, and what comes on stdin."""

    words: list[str]
    stdin: bytes


class Literals(NamedTuple):
    """Values of a statement that is shown as psql takes it."""

    text: str | None
    number: int
    data: bytes
    texts: list[str]
    flag: bool | None


WORDS = st.text(STORABLE, max_size=20) | WORD
LITERALS = st.builds(
    Literals,
    st.none() | WORDS,
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=20),
    st.lists(WORDS),
    st.none() | st.booleans(),
)
INPUTS = st.builds(Line, COMMAND, st.binary(max_size=50)) | st.builds(Line, COMMAND, st.binary(max_size=50)) | LITERALS
DANGEROUS = {"--wait", "--watch", "-w", "--yes", "-y", "--help", "-h"}  # that would not end, or are of no interest


class _Commands:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    def case(self, given: Line | Literals) -> str | Awaitable[str]:
        return self._shown(given) if isinstance(given, Literals) else _run(given)

    async def _shown(self, given: Literals) -> str:
        text = as_psql("select $1::text, $2::int8, $3::bytea, $4::text[], $5::boolean", *given)
        row = await self._connection.fetchrow(text)
        assert tuple(row or ()) == tuple(given), f"psql reads {tuple(row or ())} in {text}"
        return TAKEN


def _run(given: Line) -> str:
    words = [word for word in given.words if word not in DANGEROUS]
    with _streams(words, given.stdin) as (out, err):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code
    printed, told = (stream.buffer.getvalue().decode("utf-8") for stream in (out, err))
    assert "Traceback" not in printed + told, told
    assert status in STATUSES, f"exit status {status}: {told}"
    return _code(status, told, words)


def _code(status: int, told: str, words: list[str]) -> str:
    if status == 0:
        return TAKEN
    if status == 1 and words[0] == "health":
        return "no listener"
    if "--json" in words and told.startswith("{"):
        code = json.loads(told.splitlines()[-1])["error"]["code"]
    else:
        found = re.findall(r"^error: (\w+): ", told, re.MULTILINE)
        if not found and status == 2 and told == "":
            return "help"
        assert found, f"exit status {status} without an error: {told}"
        code = found[-1]
        if "--show-sql" not in words:
            assert in_lines(told) == told, f"the terminal obeys {told!r}"
    assert code in KNOWN or re.fullmatch(r"name_\w+|ingest_requests_\w+|\w+_is_\w+", code), (
        f"docs/errors.md does not explain {code}"
    )
    assert code not in ("database_error", "database_lost", "schema_not_migrated"), told
    return str(code)


@contextmanager
def _streams(words: list[str], stdin: bytes) -> Iterator[tuple[Any, Any]]:
    """Have the program in this process see its own arguments and streams."""
    before = sys.argv, sys.stdin, sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    sys.argv, sys.stdin, sys.stdout, sys.stderr = ["ingest", *words], io.TextIOWrapper(io.BytesIO(stdin)), out, err
    try:
        yield out, err
    finally:
        sys.argv, sys.stdin, sys.stdout, sys.stderr = before


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Trial]:
    connection = await asyncpg.connect(place.dsn)
    if not await connection.fetchval("select exists (select from ingest_documents)"):
        async with staging.session(place.dsn) as owner:
            await staging.ingest(owner, {"doc": "The valves open."})
    before = dict(os.environ)
    os.environ.update(INGEST_DATABASE_URL=place.dsn)
    try:
        yield Trial(_Commands(connection).case)
    finally:
        os.environ.clear()
        os.environ.update(before)
        await connection.close()


TARGET = Target("commands", INPUTS, opened, few=30, round=300, seconds=20, database=True)
