"""The URL of Postgres in the form that each driver takes."""

from __future__ import annotations

import pytest
import sqlalchemy
from psycopg.conninfo import conninfo_to_dict

from listener.database.dsn import url_for_dbos


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
