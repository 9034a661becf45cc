"""What may be named as the plan of a request."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from roles import refused
from staging import Connection, add

HERE = {"source": "/srv/docs", "collection": "docs"}


@pytest.mark.parametrize(
    ("other", "options"),
    [({}, {}), ({"source": "/srv/others"}, {"plan": True}), ({"collection": "others"}, {"plan": True}), (None, None)],
    ids=["no plan", "another source", "another collection", "nothing"],
)
async def test_what_is_planned_names_a_plan_of_the_same_source_and_collection(
    c: Connection, other: dict[str, Any] | None, options: dict[str, Any] | None
) -> None:
    wrong = uuid.uuid4() if other is None else await add(c, **HERE | other, options=options)
    with refused("IG004", "wrong_option_type"):
        await add(c, **HERE, options={"planned": str(wrong)})
    plan = await add(c, **HERE, options={"plan": True})
    done = await add(c, **HERE, options={"planned": str(plan)})
    assert await c.fetchval("select options ->> 'planned' from ingest_requests where id = $1", done) == str(plan)


async def test_a_plan_of_a_text_is_named_by_a_request_with_a_text(c: Connection) -> None:
    plan = await add(c, content="text", collection="docs", options={"plan": True})
    await add(c, content="text", collection="docs", options={"planned": str(plan)})
    with refused("IG004", "wrong_option_type"):
        await add(c, **HERE, options={"planned": str(plan)})
