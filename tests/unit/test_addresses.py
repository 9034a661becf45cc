"""Where a database is: what psql takes is taken, for each driver; what nobody takes is refused by its name."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from listener import settings
from listener.database.certificates import context
from listener.database.dsn import address, as_role, check_dsn, shown, url_for_dbos, without_password
from listener.database.parameters import OBEYED, REPLACED, UNUSED
from listener.database.reaching import NO_FILE, arguments
from listener.errors import OperatorError

SECRET = "QXZ7jk"


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGPASSWORD", "PGPASSFILE", "PGUSER", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def refused(text: str) -> OperatorError:
    with pytest.raises(OperatorError) as raised:
        check_dsn(text)
    assert raised.value.code == "bad_database_url"
    assert raised.value.hint
    return raised.value


def told(text: str) -> dict[str, Any]:
    return arguments(address(check_dsn(text)))


PROVIDERS = {
    "Neon": "postgresql://o:npg_x@ep-a-b-123-pooler.eu.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
    "Neon without SNI": "postgres://o:x@ep-a.neon.tech/db?sslmode=require&options=endpoint%3Dep-a",
    "Supabase": "postgresql://postgres.abc:x@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
    "RDS": "postgres://app:x@db.abc.eu-central-1.rds.amazonaws.com:5432/app?sslmode=verify-full",
    "Heroku": "postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1?sslmode=require",
    "Render": "postgresql://u:p@dpg-abc-a.frankfurt-postgres.render.com/db?ssl=true",
    "Azure": "host=srv.postgres.database.azure.com port=5432 dbname=postgres user=adm@srv password=x sslmode=require",
    "DigitalOcean": "postgresql://doadmin:x@db-do-user-1-0.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require",
    "CrunchyBridge": "postgres://application:x@p.abc.db.postgresbridge.com:5432/postgres?gssencmode=disable",
    "a careful one": "postgresql://u:p@h/db?connect_timeout=5&keepalives=1&keepalives_idle=30&keepalives_interval=10"
    "&keepalives_count=3&tcp_user_timeout=9000&application_name=me&target_session_attrs=read-write&sslnegotiation=direct"
    "&sslmode=verify-full&sslrootcert=system&gssencmode=disable&client_encoding=UTF8&load_balance_hosts=random",
}


@pytest.mark.parametrize("url", PROVIDERS.values(), ids=PROVIDERS)
def test_a_provider_s_url_is_taken_and_means_to_each_driver_what_it_means_to_psql(url: str) -> None:
    meant = conninfo_to_dict(url)
    for name in ("application_name", "client_encoding"):
        meant.pop(name, None)
    of_dbos = conninfo_to_dict(url_for_dbos(check_dsn(url)))
    if str(of_dbos.get("sslrootcert", "")).startswith("/"):
        of_dbos["sslrootcert"] = "system"
    assert of_dbos == meant
    of_asyncpg = told(url)
    assert (of_asyncpg["host"], of_asyncpg["user"]) == ([meant["host"]], meant["user"])
    assert (of_asyncpg["password"], of_asyncpg["database"]) == (meant["password"], meant["dbname"])
    assert of_asyncpg.get("port", [5432]) == [int(str(meant.get("port", 5432)))]
    assert of_asyncpg["server_settings"] == ({"options": meant["options"]} if "options" in meant else {})


def test_each_parameter_of_libpq_is_taken() -> None:
    values = {"port": "1", "sslmode": "require", "target_session_attrs": "any", "sslnegotiation": "postgres",
              "load_balance_hosts": "random", "channel_binding": "prefer", "gssencmode": "prefer", "replication": "no",
              "gsslib": "gssapi", "ssl_min_protocol_version": "TLSv1.2", "ssl_max_protocol_version": "TLSv1.3",
              "hostaddr": "127.0.0.1"}  # fmt: skip
    for name in (OBEYED | set(UNUSED) | REPLACED) - {"service"}:
        check_dsn(f"postgresql://h/db?{name}={values.get(name, '7')}")
    from psycopg import pq  # noqa: PLC0415

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    assert known - OBEYED - set(UNUSED) - REPLACED <= {"authtype", "requiressl", "tty", "servicefile"}


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("sslmod=require", "sslmod; is sslmode meant?"),
        ("conect_timeout=5", "conect_timeout; is connect_timeout meant?"),
        ("pgbouncer=true", "pgbouncer"),
        ("statement_timeout=5", "statement_timeout"),
        ("sslmode=on", "sslmode is none of disable, allow, prefer"),
        ("connect_timeout=soon", "connect_timeout is no whole number"),
        ("target_session_attrs=master", "target_session_attrs is none of any"),
        ("sslrootcert=system&sslmode=require", "sslrootcert=system goes with sslmode=verify-full"),
        ("sslnegotiation=direct", "sslnegotiation=direct needs sslmode=require"),
        ("gssencmode=require", "gssencmode is none of disable, prefer"),
        ("port=1,2", "2 ports for 1 hosts"),
        ("hostaddr=127.0.0.1,127.0.0.2", "2 addresses for 1 hosts"),
        ("port=70000", "a port is no number"),
    ],
)
def test_a_misspelt_parameter_or_value_is_named(parameter: str, said: str) -> None:
    error = refused(f"postgresql://u:p@h/db?{parameter}")
    assert said in error.message
    assert "psql" in error.hint or "port" in error.message or "hosts" in error.message


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://h/db?user=u&password={SECRET}&{SECRET}=1&sslmode=require",
        f"postgresql://h/db?pwd={SECRET}",
        f"postgresql://h/db?passwd={SECRET}&x=1",
        f"host=h password={SECRET} {SECRET} dbname=x",
        f"host=h password='{SECRET}",
        f"host=h password={SECRET} {SECRET}=x",
        f"postgresql+psycopg://u:{SECRET}@h/db",
        f"u:{SECRET}@h/db",
        f"postgresql://u:{SECRET}\udce9@h/db",
        f"postgresql://u:{SECRET}[@h/db",
        f"postgresql://u:{SECRET}@{SECRET}@h/db",
        f"'postgresql://u:{SECRET}@h/db'",
    ],
)
def test_what_may_be_of_a_password_is_not_repeated(text: str) -> None:
    error = refused(text)
    assert SECRET not in f"{error!r} {error.hint} {shown(text)}"


def test_the_hint_of_a_password_that_is_not_encoded_names_both_ways_out() -> None:
    hint = refused("postgresql://u:a/b@h/db").hint
    assert "Percent-encode" in hint
    assert "PGPASSWORD" in hint


SIGNS = st.characters(min_codepoint=32, max_codepoint=0x2FFF, categories=("L", "M", "N", "P", "S")) | st.just(" ")
VALUES = st.text(SIGNS, min_size=1)
HOSTS = st.sampled_from(["a", "db.example", "127.0.0.1", "::1", "/run/x", "fe80::1%eth0"])


@given(
    st.dictionaries(st.sampled_from(["user", "password", "dbname", "options", "sslcert"]), VALUES),
    st.lists(HOSTS, min_size=1, max_size=3),
)
def test_keywords_and_urls_say_the_same_to_us_as_to_libpq(values: dict[str, str], hosts: list[str]) -> None:
    text = make_conninfo(**values, host=",".join(hosts), port="6000")
    ours = address(text)
    assert conninfo_to_dict(ours.url()) == {**values, "host": ",".join(hosts), "port": ",".join(["6000"] * len(hosts))}
    assert address(ours.url()) == ours
    assert sqlalchemy.make_url(url_for_dbos(text)).password == values.get("password")


def test_a_plus_is_a_plus_in_the_query_too() -> None:
    assert told("postgresql://h/db?user=u&password=a+b%2Bc")["password"] == "a+b+c"
    assert conninfo_to_dict(url_for_dbos("postgresql://h/db?user=u&password=a+b%2Bc"))["password"] == "a+b+c"


def test_a_url_without_a_database_means_the_user_s() -> None:
    assert conninfo_to_dict(url_for_dbos("postgresql://me@h"))["dbname"] == "me"


def test_options_of_the_url_stay_and_ours_come_behind_them() -> None:
    assert conninfo_to_dict(as_role("postgresql://h/db?options=-c%20a.b%3D1", "my role"))["options"] == (
        "-c a.b=1 -c role=my\\ role"
    )


def test_a_command_line_has_no_secret() -> None:
    public, password = without_password(f"postgresql://u:{SECRET}@h/db?sslpassword={SECRET}&sslmode=require")
    assert password == SECRET
    assert SECRET not in public
    assert "sslmode=require" in public


def test_a_connection_takes_as_long_as_the_url_says_else_ten_seconds() -> None:
    seconds = {text: told(f"postgresql://h/db?connect_timeout={text}")["timeout"] for text in ("30", "1", "0", "-1")}
    assert seconds == {"30": 30, "1": 2, "0": 10, "-1": 10}
    assert told("postgresql://h/db")["timeout"] == 10


def test_a_host_that_is_reached_by_its_address_is_checked_by_its_name() -> None:
    given_ = told("postgresql://db.example/db?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=system")
    assert given_["host"] == ["127.0.0.1"]
    made = given_["ssl"].wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="127.0.0.1")
    assert made.server_hostname == "db.example"
    assert made.context.check_hostname


def test_the_authorities_of_the_system_are_trusted_where_the_url_says_so() -> None:
    trusted = context({"sslrootcert": "system", "sslmode": "verify-full"}, {})
    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert trusted.check_hostname


@pytest.mark.parametrize("name", ["sslcert", "sslkey", "sslrootcert", "sslcrl"])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(OperatorError, match=f"{name}: there is no /nowhere/x.pem") as raised:
        told(f"postgresql://h/db?sslmode=verify-full&{name}=/nowhere/x.pem")
    assert raised.value.code == "bad_database_url"


# Services


SERVICES = f"""
# by us
[other]
host=elsewhere
[docs]
host=db.example
port=5433
dbname=docs
user=app
password={SECRET}=[%
"""


def services(tmp_path: Path, text: str = SERVICES) -> Path:
    file = tmp_path / ".pg_service.conf"
    file.write_text(text)
    return file


def test_a_service_fills_in_what_the_url_leaves_open(tmp_path: Path) -> None:
    services(tmp_path)
    found = told("postgresql:///mine?service=docs")
    assert (found["host"], found["port"], found["database"]) == (["db.example"], [5433], "mine")
    assert found["password"] == f"{SECRET}=[%"
    assert told("service=docs user=me")["user"] == "me"
    assert "service" not in check_dsn("service=docs")


def test_the_variable_names_a_service_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services(tmp_path)
    monkeypatch.setenv("PGSERVICE", "docs")
    assert told("postgresql://other.example")["database"] == "docs"
    assert told("postgresql://other.example")["host"] == ["other.example"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x]\n", "not in"),
        (f"[docs]\n{SECRET}\n", "line 2"),
        (f"[docs]\nhost=a\npassword {SECRET}", "line 3"),
        (f"[docs]\nservice={SECRET}\n", "line 2"),
        (f"[docs]\n{SECRET}=1\n", "unknown parameter"),
        (f"[docs]\nsslmode={SECRET}\n", "sslmode"),
    ],
)
def test_what_is_wrong_in_a_service_file_is_told_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    services(tmp_path, text)
    error = refused("postgresql:///?service=docs")
    assert said in error.message
    assert SECRET not in f"{error!r} {error.hint}"


def test_a_service_file_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".pg_service.conf").mkdir()
    assert ".pg_service.conf can't be read" in refused("service=docs").message


# Password files


def password_in(tmp_path: Path, text: str, url: str, mode: int = 0o600) -> str | None:
    file = tmp_path / ".pgpass"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    file.chmod(mode)
    given_ = told(url)
    assert given_["passfile"] == NO_FILE
    password: str | None = given_.get("password")
    return password


@pytest.mark.parametrize(
    ("line", "password"),
    [
        ("h:5432:db:u:simple", "simple"),
        ("*:*:*:*:with\\:colon\\\\and back", "with:colon\\and back"),
        ("*:*:*:*:with:colons", "with:colons"),
        ("h:5433:db:u:port", None),
        ("h:*:db:other:user", None),
        ("broken line\n\n# h:*:*:*:no\nh:*:*:*:second", "second"),
        ("*:*:*", None),
        ("h:*:*:*:\udce9", "\udce9"),
    ],
)
def test_a_password_file_is_read_as_psql_reads_it(tmp_path: Path, line: str, password: str | None) -> None:
    assert password_in(tmp_path, f"{line}\n", "postgresql://u@h/db") == password


def test_a_socket_s_password_is_that_of_localhost(tmp_path: Path) -> None:
    assert password_in(tmp_path, "localhost:5432:db:u:x", "postgresql://u@/db?host=/tmp") == "x"


def test_a_password_file_that_others_can_read_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert password_in(tmp_path, f"*:*:*:*:{SECRET}", "postgresql://u@h/db", mode=0o644) is None
    assert "only its owner may be able to read it" in caplog.text
    assert SECRET not in caplog.text


# Settings


def test_a_url_that_is_no_text_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_DATABASE_URL", f"postgresql://u:{SECRET}\udce9@h/db")
    try:
        error = refused(str(settings.load().database_url))
    except OperatorError as wrong:
        error = wrong
    assert SECRET not in f"{error!r} {error.hint}"


@pytest.mark.parametrize(
    "name", ["a'b", "a\\b", "a%b", "a$$b", " ", "x" * 64, "é" * 30, "pg_docs", "a\tb", "x" * 60, "information_schema"]
)
def test_a_name_that_no_schema_can_have_is_refused_when_settings_are_read(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("INGEST_SCHEMA", name)
    with pytest.raises(OperatorError) as raised:
        settings.load()
    assert raised.value.code == "bad_schema_name"


def test_the_name_of_dbos_s_schema_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_SCHEMA", "x" * 60)
    monkeypatch.setenv("INGEST_DBOS_SCHEMA", "Engine Room")
    assert settings.load().schema_of_dbos == "Engine Room"
    monkeypatch.setenv("INGEST_DBOS_SCHEMA", "it's")
    with pytest.raises(OperatorError):
        settings.load()


def test_a_password_file_is_asked_for_the_server_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pgpass"
    file.write_text("localhost:5432:*:*:here\ndb.example:6432:*:*:there\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    monkeypatch.setenv("PGHOST", "db.example")
    monkeypatch.setenv("PGPORT", "6432")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    assert arguments(address("postgresql:///d"))["password"] == "there"
    assert arguments(address("postgresql://u@db.example/d"))["password"] == "there"
    assert arguments(address("postgresql://u:@localhost:5432/d"))["password"] == "here"  # an empty one is none


@pytest.mark.parametrize("name", ["host", "user", "dbname", "application_name"])
def test_a_keyword_without_a_value_does_not_take_the_password_for_one(name: str) -> None:
    """libpq would: then the password is shown wherever the host or the user is."""
    for text in (f"{name}= password='{SECRET}'", f"{name}= password={SECRET} port=1"):
        assert SECRET not in shown(text)
        with pytest.raises(OperatorError) as refused:
            check_dsn(text)
        assert SECRET not in f"{refused.value} {refused.value.hint}"
    assert address(f"host=h password={SECRET}==").password == f"{SECRET}=="
