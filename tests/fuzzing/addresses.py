"""URLs of databases and of embedding services: taken or refused by a code, and no part of a secret is shown."""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import quote

from hypothesis import strategies as st

from fuzzing.targets import TAKEN, Place, Target, Trial, code_of
from fuzzing.values import WORD
from listener.database.dsn import address, check_dsn, shown, url_for_dbos, without_password
from listener.embedding.openai_space import normalized
from listener.errors import IngestError, OperatorError, SettingsError

SECRET = "QXZJKV"  # in none of our words
SIGNS = st.text(":/?#[]@!$&'()*+,;=%\\ \t\n\"<>^`{|}~é℀a1.-", max_size=6)
PASSWORD = st.tuples(SIGNS, SIGNS).map(SECRET.join)
HOST = st.sampled_from(
    ["h", "127.0.0.1", "[::1]", "h:1", "h:99999", "h:x", "a,b", "a:1,b:2", "", "H.example", "h:0", "[", "::1"]
)
URL = st.sampled_from([
    "postgresql://u:{0}@{1}/db", "postgres://:{0}@{1}", "postgresql://u:{0}@{1}?sslmode=disable", "POSTGRESQL://u:{0}@{1}/",
    "postgresql://{1}/db?user=u&password={0}", "postgresql:///db?host={1}&password={0}&application_name=x",
    "postgresql://u@{1}/db?sslpassword={0}", "postgresql://{1}/db?password={0}&password={0}", "http://u:{0}@{1}/v1",
    "host={1} user=u password={0} dbname=db", "host={1} password='{0}'", "postgresql://{1}/db?pwd={0}",
    "https://{1}/v1?key={0}", "https://{1}/v1#{0}", "https://u:{0}@{1}:443", " https://{0}@{1}/", "postgresql:u:{0}@{1}",
])  # fmt: skip


class Address(NamedTuple):
    """A URL with a password in it, percent-encoded or not; ``text``: anything instead."""

    form: str
    password: str
    host: str
    encoded: bool
    text: str | None

    @property
    def url(self) -> str:
        return self.text if self.text is not None else self.form.format(
            quote(self.password, safe="") if self.encoded else self.password, self.host
        )  # fmt: skip


INPUTS = st.builds(Address, URL, PASSWORD, HOST, st.booleans(), st.none() | st.none() | WORD)


@asynccontextmanager
async def opened(_: Place) -> AsyncIterator[Trial]:
    yield Trial(_case)


def _case(given: Address) -> str:
    url = given.url
    if not url.lower().lstrip().startswith("http"):  # it shows databases' URLs
        assert SECRET not in shown(url), f"shown: {shown(url)}"
    outcome = TAKEN
    try:
        check_dsn(url)
        public, _ = without_password(url)
        assert SECRET not in public, f"on a command line: {public}"
        assert address(url_for_dbos(url)).places == address(url).places
    except IngestError as error:
        outcome = _checked(error, OperatorError)
    try:
        endpoint = normalized(url)
        assert SECRET not in endpoint, f"kept in a table: {endpoint}"
        assert normalized(endpoint) == endpoint, f"what is kept is not what is compared: {endpoint}"
    except IngestError as error:
        _checked(error, SettingsError)
    return outcome


def _checked(error: IngestError, kind: type[IngestError]) -> str:
    assert SECRET not in f"{error.message} {error.hint}", f"said: {error}"
    return code_of(error, kind)


TARGET = Target("addresses", INPUTS, opened, few=300, round=2000)
