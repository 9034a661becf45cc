"""When an archive need not be opened: all that it held is live as it was read, and it is in that state still."""

from __future__ import annotations

import uuid

import pytest
from staging import Connection, add, claim, ingest, start

ZIP = "file:///srv/a.zip"
NOTE = """insert into ingest_archives (key, request_id, uri, state, options, members)
select ingest_archive_key(r, $2), r.id, $2, 'v1', ingest_archive_options(r), 2 from ingest_requests r where r.id = $1"""
SAME = "select cardinality(ingest_same_archive(r, $2, $3)) from ingest_requests r where r.id = $1"
SEE = "select ingest_see_archive($1, 'L1', 1, 1, $2, 'v1', $3)"


async def read_once(c: Connection) -> uuid.UUID:
    """Have an archive of two documents read, beside another one."""
    texts = {f"{ZIP}#a.md": "Ants.", f"{ZIP}#b/c.md": "Bees.", "file:///srv/a.zip.md": "It lies beside it."}
    request = await ingest(c, texts, source="/srv")
    await c.execute(NOTE, request, ZIP)
    return request


async def looking(c: Connection, **given: object) -> uuid.UUID:
    """Have a request run that looks at the folder."""
    request = await add(c, **({"source": "/srv"} | given))
    assert request in await claim(c)
    return request


async def test_an_archive_is_the_same_in_its_state_for_its_source_and_options(c: Connection) -> None:
    await read_once(c)
    again = await looking(c, source="/srv/")
    assert await c.fetchval(SAME, again, ZIP, "v1") == 2
    assert await c.fetchval(SAME, again, ZIP, "v2") is None
    assert await c.fetchval(SAME, again, "file:///srv/b.zip", "v1") is None
    for given in ({"source": "/srv/a.zip"}, {"options": {"include": "*.md"}}, {"metadata": {"team": "a"}},
                  {"collection": "other"}):  # fmt: skip
        assert await c.fetchval(SAME, await looking(c, **given), ZIP, "v1") is None


@pytest.mark.parametrize(
    "change",
    [
        "delete from ingest_documents where uri like '%a.md'",
        "update ingest_revisions set published_at = now() + interval '1 hour' where uri like '%c.md'",
        "update ingest_documents set settings_hash = 'other' where uri like '%c.md'",
        "delete from ingest_document_origins g using ingest_documents d where d.id = document_id and uri like '%c.md'",
        "delete from ingest_requests where id = $1",
    ],
)
async def test_whatever_happened_to_its_documents_opens_it(c: Connection, change: str) -> None:
    request = await read_once(c)
    again = await looking(c)
    assert await c.fetchval(SAME, again, ZIP, "v1") == 2
    await c.execute(change.replace("$1", f"'{request}'"))
    assert await c.fetchval(SAME, again, ZIP, "v1") is None
    kept = await c.fetchval("select count(*) from ingest_archives")
    assert kept == (0 if change.startswith("delete from ingest_requests") else 1)


async def test_its_documents_are_counted_and_win_over_older_readings(c: Connection) -> None:
    await read_once(c)
    other = await start(c, ["file:///srv/other.md"], source="/srv")
    again = await looking(c)
    listing = {"read_seq": 10_000, "page": 1, "complete": True}
    see = SEE.replace("1, 1,", "1, 10000,")
    assert await c.fetchval(see, again, ZIP, listing)
    assert await c.fetchval("select documents_unchanged from ingest_requests where id = $1", again) == 2
    assert await c.fetchval("select cardinality(documents) from ingest_seen where request_id = $1", again) == 2
    seqs = await c.fetch("select live_seq from ingest_documents where uri like '%a.zip#%'")
    assert [row["live_seq"] for row in seqs] == [10_000, 10_000]
    assert other != again
    await c.execute("delete from ingest_documents where uri like '%a.md'")
    assert not await c.fetchval(see, again, ZIP, listing | {"page": 2})
    assert await c.fetchval("select documents_unchanged from ingest_requests where id = $1", again) == 2
