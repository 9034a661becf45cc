"""Plans and caps beside a listener of the former release, which knows nothing of them: it gets none."""

from __future__ import annotations

from pathlib import Path

import pytest
from embedding_service import EmbeddingService
from former_listener import Release, present, with_service
from pipeline import cloned, ended
from staging import add, session

from listener import embedded


@pytest.mark.long
async def test_a_former_listener_leaves_plans_and_capped_requests_to_new_ones(
    server: embedded.Server, former: Release, former_template: str, tmp_path: Path
) -> None:
    async with (
        cloned(server, former_template) as dsn,
        EmbeddingService(dimensions=8) as service,
        session(dsn) as c,
    ):
        old = with_service(former, dsn, tmp_path, service, "former")
        try:
            await old.ready()
            migrated = await present().command(tmp_path, dsn)("migrate")
            assert migrated.status == 0, migrated.err
            capped = await add(c, content="A capped text.", options={"max_texts": 5})
            plan = await add(c, content="A planned text.", options={"plan": True})
            for n in range(3):  # inserted later: it has looked at the others
                (row,) = await ended(c, await add(c, content=f"Plain text {n}."), within=90)
                assert row["status"] == "succeeded"
            waiting = await c.fetch("select status, waiting_for from ingest_status where id = any ($1)", [capped, plan])
            assert {row["status"] for row in waiting} == {"pending"}
            assert all(row["waiting_for"].endswith("start one of this release: ingest listen") for row in waiting)
            new = with_service(present(), dsn, tmp_path, service, "new")
            try:
                await new.ready()
                rows = await ended(c, capped, plan, within=90)
            finally:
                await new.stop()
        finally:
            await old.stop()
        assert [row["status"] for row in rows] == ["succeeded", "succeeded"]
        assert rows[1]["plan"]["new_texts"] == 1
        senders = {text: call.headers["authorization"] for call in service.requests for text in call.texts}
        assert senders["A capped text."] == "Bearer new"
        assert "A planned text." not in senders
