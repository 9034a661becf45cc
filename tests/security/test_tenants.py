"""What one tenant holds, another does not learn from what is shared."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from pipeline import counted, ended
from roles import new_roles, refused
from staging import SPACE, Connection, add, add_listener, blocked, claim, collection, digest, ingest, start

from listener.embedding import text_hash

TEXT = "The vents of the old house open at noon, every day but Sunday."


@pytest.fixture
async def names(c: Connection) -> AsyncIterator[list[str]]:
    """Three roles without rights."""
    async with new_roles(c, 3) as made:
        yield made


# texts that are known


async def test_a_text_that_another_tenant_has_embedded_is_sent_again(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    for name, tenant in (("a", "acme"), ("b", "acme"), ("c", "other"), ("d", "")):
        await collection(own, name, {"tenant": tenant})
    listeners.append(ListenerProcess(ready, tmp_path).ready())
    sent = {}
    for name in ("d", "a", "c", "b"):
        request = await add(own, content=TEXT, uri="a", collection=name, options={"publish": "request"})  # alone
        assert (await ended(own, request))[0]["status"] == "succeeded"
        sent[name] = (await counted(own, request, "embed"))["sent"]
    assert sent == {"a": 1, "b": 0, "c": 1, "d": 1}  # b is of a's tenant
    assert await own.fetchval("select count(distinct hash) from ingest_chunk_store") == 3


async def test_a_fork_into_another_tenant_s_collection_takes_no_vectors_along(c: Connection) -> None:
    request = await ingest(c, {"a": TEXT}, collection="mine")
    await collection(c, "theirs", SPACE, tenant="acme")
    fork = await c.fetchval("select ingest_fork($1, 'save', collection => 'theirs')", request)
    assert fork in await claim(c)
    with refused("IG023", "other_settings"):
        await c.execute("select ingest_copy_manifest($1, 'L1')", fork)
    fork = await c.fetchval("select ingest_fork($1, 'embed', collection => 'theirs')", request)
    await claim(c)
    await c.execute("select ingest_copy_manifest($1, 'L1')", fork)
    assert await c.fetchval("select state from ingest_revisions where request_id = $1", fork) == "chunked"
    assert await c.fetchval("select count(*) from ingest_chunk_store where collection = 'theirs'") == 0


async def test_a_listener_of_the_former_release_shares_nothing_across_tenants(c: Connection) -> None:
    """It knows the digests without a tenant, and asks for these."""
    await ingest(c, {"a": TEXT}, collection="mine")
    await collection(c, "theirs", SPACE, tenant="acme")
    request = await start(c, ["a"], collection="theirs")
    owner = uuid.uuid4()
    assert await c.fetchval("select ingest_own_batch($1, 0, 'L1', $2)", request, owner)
    revision = await c.fetchval("select id from ingest_revisions where request_id = $1", request)
    arrays = (
        "$1::uuid[], 0, $2::uuid, array[$3::bigint], array[0], array[0], array[1], array['t'], array[$4::bytea],"
        " array['{}'::jsonb]"
    )
    values = ([request], owner, revision, digest(TEXT))
    assert await c.fetch(f"select ingest_copy_known({arrays})", *values) != []
    await c.execute(f"select ingest_save_chunks({arrays}, array['[1,0,0]'::vector])", *values)
    known = "select ingest_known_hashes(1, array[$1::bytea])"
    assert await c.fetchval("select count(distinct hash) from ingest_chunk_store") == 2
    assert await c.fetchval(known, text_hash(TEXT, "acme")) is None


async def test_without_a_tenant_digests_and_settings_are_what_they_were(c: Connection) -> None:
    assert text_hash(TEXT) == hashlib.sha256(TEXT.encode()).digest()
    assert await c.fetchval("select ingest_text_hash('', $1)", TEXT) == text_hash(TEXT)
    assert await c.fetchval("select ingest_text_hash('acme', $1)", TEXT) == text_hash(TEXT, "acme") != text_hash(TEXT)
    assert len({text_hash("b", "a"), text_hash("ab"), text_hash("", "ab")}) == 3
    request = await start(c, ["a"])
    assert await c.fetchval("select settings ? 'tenant' from ingest_requests where id = $1", request) is False


async def test_a_query_that_another_tenant_has_asked_is_not_known(c: Connection) -> None:
    await add_listener(c)
    for name, tenant in (("a", "acme"), ("b", "acme"), ("c", "other"), ("d", "")):
        await collection(c, name, {"tenant": tenant, **SPACE})
    for name in ("a", "d"):
        await c.execute(
            "select ingest_answer_queries(space_id, array[hash], array['[1,0,0]'::vector])"
            " from ingest_query_key('how?', $1)", name,
        )  # fmt: skip
    known = "select ingest_query_embedding('how?', $1) is not null"
    assert [await c.fetchval(known, name) for name in "abcd"] == [True, True, False, True]
    await c.execute("select from ingest_ask('how?', 'c', '1 minute')")  # open: it has to be embedded
    assert await c.fetchval("select count(*) from ingest_questions where text = 'how?'") == 1


# whose a collection is


async def test_only_the_owner_says_whose_a_collection_is(c: Connection, names: Sequence[str]) -> None:
    operator, everywhere, _ = names
    await collection(c, "a", tenant="acme")
    await c.execute("select ingest_grant($1, 'operator', 'a'), ingest_grant($2, 'operator')", operator, everywhere)
    for role in (operator, everywhere):
        await c.execute(f"set role {role}")
        for tenant in ("other", "", None):
            with refused("IG040", "not_granted"):
                await collection(c, "a", tenant=tenant)
        await collection(c, "a", tenant="acme", chunk_size=500)  # as it is
    with refused("IG040", "not_granted"):
        await collection(c, "new", tenant="acme")
    await c.execute("reset role")
    rows = await c.fetch("select name, tenant from ingest_collections where name <> 'default'")
    assert [tuple(row) for row in rows] == [("a", "acme")]


async def test_a_collection_that_holds_something_stays_with_its_tenant(c: Connection) -> None:
    await add(c, collection="a")
    await collection(c, "a")
    with refused("IG013", "tenant_in_use"):  # pending
        await collection(c, "a", tenant="acme")
    request = await start(c, ["a"], collection="b")
    with refused("IG013", "tenant_in_use"):  # running
        await collection(c, "b", tenant="acme")
    await c.execute("select ingest_cancel($1)", request)
    await ingest(c, {"a": TEXT}, collection="b")
    with refused("IG013", "tenant_in_use"):
        await collection(c, "b", tenant="acme")
    await c.execute("delete from ingest_documents")
    await collection(c, "b", tenant="acme")
    with refused("IG012", "wrong_tenant_name"):
        await collection(c, "b", tenant="a\nb")
    with refused("IG012", "wrong_tenant_name"):
        await collection(c, "b", tenant="x" * 49)


async def test_a_request_that_was_stopped_goes_on_as_its_collection_s_new_tenant(c: Connection) -> None:
    request = await start(c, ["a"], collection="a")
    await c.execute("select ingest_cancel($1)", request)
    await collection(c, "a", tenant="acme")
    await c.execute("select ingest_resume($1)", request)
    await claim(c)
    assert await c.fetchval("select settings ->> 'tenant' from ingest_requests where id = $1", request) == "acme"


async def test_a_claim_never_starts_a_request_for_the_tenant_of_before(
    c: Connection, other: Connection, third: Connection
) -> None:
    await add_listener(c)
    await collection(c, "a", SPACE)
    async with c.transaction():
        await collection(c, "a", tenant="acme")
        insert = asyncio.create_task(add(other, collection="a"))
        await blocked(third, other)
        assert await claim(third) == []
    request = await insert
    assert await claim(third) == [request]
    assert await c.fetchval("select settings ->> 'tenant' from ingest_requests") == "acme"
