"""The URL of Postgres in the form that each driver takes, and errors that are worth another try."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import asyncpg
import psycopg
import pytest
import sqlalchemy
from psycopg.conninfo import conninfo_to_dict

from listener.database.dsn import url_for_dbos
from listener.database.outages import _mark_as_disconnect, retry_on_outage
from listener.database.translation import translated


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("a:1,b:2", "a,b", "1,2"),
        ("a,b:2", "a,b", "5432,2"),
        ("[::1]:1,[fe80::2]", "::1,fe80::2", "1,5432"),
    ],
)
def test_of_several_hosts_dbos_gets_the_same_as_libpq(hosts: str, host: str, port: str) -> None:
    url = url_for_dbos(f"postgresql://me:s%2Ccret@{hosts}/app?sslmode=require")
    assert conninfo_to_dict(url) == {
        "user": "me", "password": "s,cret", "dbname": "app", "host": host, "port": port, "sslmode": "require",
        "target_session_attrs": "read-write",
    }  # fmt: skip
    known = sqlalchemy.make_url(url)
    assert (known.password, known.database, known.host) == ("s,cret", "app", None)
    assert (known.query["host"], known.query["port"]) == (host, port)


def test_hosts_in_the_query_are_asked_for_the_one_that_takes_writes() -> None:
    url = "postgresql:///app?host=a,b&port=1,2"
    assert conninfo_to_dict(url_for_dbos(url)) == {**conninfo_to_dict(url), "target_session_attrs": "read-write"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@a:1/app",
        "postgresql://me:s,cret@a/app",
        "postgresql:///app?host=%2Ftmp&port=5432",
        "postgresql:///app?host=a,b&target_session_attrs=any",
    ],
)
def test_any_other_url_means_the_same(url: str) -> None:
    assert conninfo_to_dict(url_for_dbos(url)) == conninfo_to_dict(url)


@pytest.mark.parametrize("error", [asyncpg.SerializationError, asyncpg.DeadlockDetectedError])
async def test_a_call_that_was_in_another_s_way_is_made_again(error: type[asyncpg.PostgresError]) -> None:
    tries = 0

    async def call() -> int:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise error("in the way")
        return tries

    assert await retry_on_outage(call) == 3


@pytest.mark.parametrize("error", [psycopg.errors.SerializationFailure, psycopg.errors.ReadOnlySqlTransaction])
def test_dbos_tries_again_what_was_in_another_s_way_or_read_only(error: type[psycopg.Error]) -> None:
    context: Any = SimpleNamespace(original_exception=error(), connection=object(), is_disconnect=False)
    _mark_as_disconnect(context)
    assert context.is_disconnect


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncpg.SerializationError, "try_again"),
        (asyncpg.DeadlockDetectedError, "try_again"),
        (asyncpg.ReadOnlySQLTransactionError, "database_read_only"),
        (asyncpg.TargetServerAttributeNotMatched, "database_read_only"),
    ],
)
def test_what_was_internal_or_a_number_has_a_code(error: type[Exception], code: str) -> None:
    known = translated(error("its words"))
    assert known is not None
    assert known.code == code
    assert known.hint
