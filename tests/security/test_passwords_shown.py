"""No verb, log or traceback shows a password of the database, whichever way it was given and however it was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ingest_command import Ingest

SECRET = "QXZ7jkVW"
VERBS = (["listen"], ["status"], ["doctor", "--json"], ["health", "--json"], ["migrate", "--json"], ["psql", "-c", "x"])
SERVICE = f"[docs]\nhost=127.0.0.1\nport=1\npassword={SECRET}[%#\n"
WAYS = {
    "not encoded": {"INGEST_DATABASE_URL": f"postgresql://app:{SECRET}/[?#%@127.0.0.1:1/db"},
    "keywords": {"INGEST_DATABASE_URL": f"host=127.0.0.1 port=1 user=app password='{SECRET}' dbname=db"},
    "misspelt": {"INGEST_DATABASE_URL": f"postgresql://app@127.0.0.1:1/db?passwd={SECRET}"},
    "variable": {"INGEST_DATABASE_URL": "postgresql://app@127.0.0.1:1/db", "PGPASSWORD": f"{SECRET}/@["},
    "service": {"INGEST_DATABASE_URL": "service=docs", "PGSERVICEFILE": "service.conf"},
    "service of the environment": {
        "INGEST_DATABASE_URL": "postgresql:///db", "PGSERVICE": "docs", "PGSERVICEFILE": "service.conf",
    },
    "broken service": {"INGEST_DATABASE_URL": "service=docs", "PGSERVICEFILE": "broken.conf"},
    "bytes": {"INGEST_DATABASE_URL": f"postgresql://app:{SECRET}\udce9@127.0.0.1:1/db"},
    "variable of bytes": {"INGEST_DATABASE_URL": "postgresql://app@127.0.0.1:1/db", "PGPASSWORD": f"{SECRET}\udce9"},
    "encoded": {"INGEST_DATABASE_URL": f"postgresql://app:{SECRET}%2F@127.0.0.1:1/db?sslpassword={SECRET}"},
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_no_verb_shows_a_password(tmp_path: Path, way: str) -> None:
    """All verbs with the first of these ways, some with each of the others: they have one place that reads it."""
    number = [*WAYS].index(way)
    verbs = [*VERBS, *VERBS][number % len(VERBS) :][: len(VERBS) if number == 0 else 2]
    (tmp_path / "service.conf").write_text(SERVICE)
    (tmp_path / "broken.conf").write_text(f"[docs]\n{SERVICE.replace('=', ' ')}")
    ingest = Ingest(tmp_path, INGEST_LOG_FORMAT="json", INGEST_LOG_LEVEL="DEBUG", **WAYS[way])
    for told in await asyncio.gather(*[ingest(*verb) for verb in verbs]):
        assert SECRET.lower() not in (told.out + told.err).lower()
        assert "internal" not in told.out + told.err
        assert told.status in (1, 2, 5)
