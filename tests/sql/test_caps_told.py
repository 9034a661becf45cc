"""Whom a reached cap tells what: a batch has different submitters, and a tenant's cap other collections."""

from __future__ import annotations

import uuid

import pytest
from roles import login, new_roles
from staging import Connection, add, add_listener, claim, collection, one

RESERVE = "select granted, reservation, reached from ingest_reserve($1::ingest_fence_v1, $2::bigint[])"
RIGHTS = (("submitter", "shared"), ("operator", "shared"), ("operator", None))


async def asked_for(c: Connection, installed: str, roles: list[str]) -> list[uuid.UUID]:
    """Have each role submit a request; return their ids."""
    requests = []
    for role, (right, where) in zip(roles, RIGHTS, strict=True):
        await c.execute("select ingest_grant($1::name, $2, $3)", role, right, where)
        await c.execute("select ingest_grant($1::name, 'submitter', 'shared')", role)
        async with login(installed, role) as theirs:
            requests.append(await add(theirs, content=role, uri=role, collection="shared"))
    return requests


@pytest.mark.parametrize("scope", ["collection", "tenant"])
async def test_each_request_of_a_batch_is_told_of_a_cap_what_its_submitter_may_know(
    c: Connection, installed: str, scope: str
) -> None:
    await add_listener(c)
    await c.execute("update ingest_listeners set knows_caps = true")
    await collection(c, "shared", tenant="acme", monthly_texts=987 if scope == "collection" else None)
    if scope == "tenant":
        await c.execute("select ingest_cap_tenant('acme', $1)", {"monthly_texts": 987})
    async with new_roles(c, 3) as roles:
        requests, owner = await asked_for(c, installed, roles), uuid.uuid4()
        await claim(c, 10)
        assert len(await c.fetchval("select ingest_begin_shared($1, 'L1', $2)", requests, owner)) == 3
        fence = (requests, 1, owner)
        assert (await one(c, RESERVE, fence, [1]))["granted"] == 1
        await c.execute("update ingest_spent set texts = 987")
        reached = (await one(c, RESERVE, fence, [1]))["reached"]
    said = [reached[str(request)] for request in requests]
    for request, told in zip(requests, said, strict=True):
        assert told["hint"].endswith(f"select ingest_retry('{request}')")
        assert not any(str(other) in str(told) for other in requests if other != request)
    in_full = {"collection": [False, True, True], "tenant": [False, False, True]}[scope]
    assert ["987" in told["message"] for told in said] == in_full
    assert ["monthly_texts" in told["hint"] for told in said] == in_full
    assert ["acme" in str(told) for told in said] == [full and scope == "tenant" for full in in_full]
