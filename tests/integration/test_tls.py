"""What a URL says of TLS, addresses and passwords holds for both drivers, against a server that has all of them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
import sqlalchemy
from debian_postgres import PASSWORD, Debian, running

from listener.database.connections import dbos_engine, plain_connection
from listener.database.dsn import check_dsn, url_for_dbos
from listener.errors import OperatorError

ENCRYPTED = "select version from pg_stat_ssl where pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def debian() -> Iterator[Debian]:
    with running() as server:
        yield server


def url(server: Debian, parameters: str, host: str = "db.example", password: str = PASSWORD) -> str:
    parameters = parameters.replace("CERTIFICATE", quote(str(server.certificate), safe=""))
    return f"postgresql://postgres:{quote(password, safe='')}@{host}:{server.port}/postgres?{parameters}"


async def encryption(dsn: str) -> list[str | None]:
    """Return how the connections of asyncpg and of DBOS are encrypted."""
    dsn = check_dsn(dsn)
    connection = await plain_connection(dsn)
    try:
        found = [await connection.fetchval(ENCRYPTED)]
    finally:
        await connection.close()
    place = sqlalchemy.make_url(url_for_dbos(dsn)).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(place, **dbos_engine(dsn, "test", 1))
    with engine.connect() as of_dbos:
        found.append(of_dbos.execute(sqlalchemy.text(ENCRYPTED)).scalar())
    engine.dispose()
    return found


@pytest.mark.parametrize(
    "parameters",
    [
        "hostaddr=127.0.0.1",
        "hostaddr=127.0.0.1&sslmode=require",
        "hostaddr=127.0.0.1&sslmode=require&channel_binding=require",
        "hostaddr=127.0.0.1&sslmode=verify-ca&sslrootcert=CERTIFICATE",
        "hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=CERTIFICATE&ssl_min_protocol_version=TLSv1.3",
        "hostaddr=127.0.0.1&connect_timeout=9&keepalives=1&keepalives_idle=20&tcp_user_timeout=9000&gssencmode=disable",
    ],
)
async def test_both_drivers_encrypt_as_the_url_says(debian: Debian, parameters: str) -> None:
    assert await encryption(url(debian, parameters)) == ["TLSv1.3", "TLSv1.3"]


async def test_neither_encrypts_where_the_url_forbids_it(debian: Debian) -> None:
    assert await encryption(url(debian, "hostaddr=127.0.0.1&sslmode=disable")) == [None, None]


@pytest.mark.parametrize(
    ("host", "parameters"),
    [
        ("db.example", "hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=system"),
        ("other.example", "hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=CERTIFICATE"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=CERTIFICATE"),
    ],
)
async def test_a_certificate_of_somebody_else_s_is_refused(debian: Debian, host: str, parameters: str) -> None:
    with pytest.raises(OperatorError, match="certificate verify failed") as raised:
        await plain_connection(check_dsn(url(debian, parameters, host)))
    assert raised.value.code == "database_unreachable"
    assert PASSWORD not in str(raised.value)


async def test_a_wrong_password_is_told_from_others_and_both_ways_out_are_named(debian: Debian) -> None:
    with pytest.raises(OperatorError) as raised:
        await plain_connection(url(debian, "sslmode=require", "127.0.0.1", "of%20somebody"))
    assert "of%20somebody" not in str(raised.value)
    assert "PGPASSWORD" in raised.value.hint


async def test_the_variable_has_the_password_as_it_is(debian: Debian, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert await encryption(f"postgres://postgres@127.0.0.1:{debian.port}/postgres") == ["TLSv1.3", "TLSv1.3"]


async def test_keywords_lead_there_too(debian: Debian) -> None:
    text = f"host=127.0.0.1 port={debian.port} user=postgres dbname=postgres password='{PASSWORD}' sslmode=require"
    assert await encryption(text) == ["TLSv1.3", "TLSv1.3"]
