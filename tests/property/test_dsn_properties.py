"""Whatever a password consists of, no part of it is in what is shown or raised."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from listener.cli.problems import explain
from listener.database.connections import plain_connection
from listener.database.dsn import check_dsn, shown, url_for_dbos, without_password
from listener.errors import OperatorError

RARE = "QXZJ"  # in none of our messages
PASSWORDS = st.text(f"/?[]@#:& %=+,;'\"\\<>{{}}|^~!$*().-_\n\té℀0123{RARE}", min_size=1, max_size=24)
URLS = [
    "postgresql://app:{}@127.0.0.1:1/db?sslmode=disable",
    "postgres://app:{}@127.0.0.1:1,[::1]:1/db?passfile=/home/app/.pgpass",
    "postgresql://:{}@127.0.0.1:1",
    "postgresql://127.0.0.1:1/db?user=app&password={}&sslmode=disable",
    "postgresql:///db?host=127.0.0.1&port=1&password={}",
    "postgresql://app@127.0.0.1:1/db?sslmode=disable&sslpassword={}",
]
OTHERS = [
    "postgresql://app@127.0.0.1:1/db?sslmode=disable&pwd={}",
    "postgresql+psycopg://app:{}@127.0.0.1:1/db",
    "app:{}@127.0.0.1:1/db",
    "host=127.0.0.1 port=1 user=app dbname=db password={}",
    "host=127.0.0.1 port=1 user=app dbname=db password='{}' sslmode=disable",
]


def parts(password: str, url: str) -> set[str]:
    """The parts of a password that are longer than 2 characters, and elsewhere neither in its URL nor in our words."""
    found = {password[at : at + 3] for at in range(len(password) - 2)}
    return {part for part in found if part not in url and set(part) & set(RARE)}


async def raised(url: str) -> str:
    """What is said about a URL that leads nowhere."""
    with pytest.raises(OperatorError) as failed:
        await plain_connection(url)
    problem = explain(failed.value)
    assert problem.code in ("bad_database_url", "database_unreachable")
    return f"{failed.value!r} {problem.message} {problem.hint}"


@given(PASSWORDS, st.sampled_from(URLS + OTHERS))
@example("QXZ/JQX@ZJQ", "postgresql://app:{}@127.0.0.1:1/db?sslmode=disable")
@example("1/QXZJ", "postgresql://127.0.0.1:{}@127.0.0.1:1/db")
@example("QX[ZJQ]X", "postgresql://app:{}@127.0.0.1:1/db?sslmode=disable")
@example("Q&XZJ=X", "postgresql:///db?host=127.0.0.1&port=1&password={}")
@example("QX%ZJQ%00X", "postgresql://app:{}@127.0.0.1:1/db?sslmode=disable")
@example("0QXZ:", "postgresql://app:{}")
@example("0QXZ", "postgresql://app:{}/db")
@example(",", "postgresql://app:{}")
@example("QXZ℀JQX", "postgresql://app:{}@127.0.0.1:1/db?sslmode=disable")
async def test_no_part_of_a_password_that_is_not_encoded_is_shown_or_raised(password: str, url: str) -> None:
    said = shown(url.format(password)) + await raised(url.format(password))
    assert {part for part in parts(password, url) if part in said} == set()


@given(PASSWORDS.filter(lambda password: "\0" not in password), st.sampled_from(URLS))
async def test_a_password_that_is_encoded_is_taken_and_is_not_shown(password: str, url: str) -> None:
    written = quote(password, safe="")
    dsn = check_dsn(url.format(written))
    said = shown(dsn) + await raised(dsn)
    assert {part for part in parts(password, url) | parts(written, url) if part in said} == set()
    if "sslpassword" not in url:
        assert without_password(dsn)[1] == password
        assert {part for part in parts(written, url) if part in without_password(dsn)[0]} == set()
    assert written in url_for_dbos(dsn)
