"""One request: how far it is, what it went through, its documents, what failed and why, what was done to it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.pages.asked_for import number_of, row_of, row_text
from listener.client import Ingest, Status
from listener.client.anatomy import MOST_SUMMED, STATES, RequestOrder
from listener.client.overview import failure_groups, request_of
from listener.client.permitted import if_permitted
from listener.client.selection import verbs_for
from listener.errors import RequestError

DOCUMENTS, BATCHES = 50, 25


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    request = await request_of(ingest.session, asked.of_path("request"))
    now = await ingest.status(request)
    order = await ingest.request_order(request)
    batches = await ingest.request_batches(request, after=number_of(asked, "batch", 0) - 1, limit=BATCHES + 1)
    fails = bool(now.documents_failed)
    return {
        "now": now, "order": order, "moments": _moments(now, order),
        "batches": batches[:BATCHES], "next_batch": batches[BATCHES].batch if len(batches) > BATCHES else None,
        "spent": await ingest.request_seconds(request), "most_summed": MOST_SUMMED,
        "failures": await failure_groups(ingest.session, {"request": str(request)}, now=False) if fails else [],
        "commands": await if_permitted(ingest.request_commands(request)),
        "controls": await ingest.may_control(), "verbs": verbs_for(now),
        "until": now.finished_at or datetime.now(timezone.utc),
        **await _documents(ingest, asked, now),
    }  # fmt: skip


async def _documents(ingest: Ingest, asked: PageAddress, now: Status) -> dict[str, Any]:
    state = asked.get("state") or None
    if state is not None and state not in STATES:
        raise RequestError("wrong_address", f'there is no state "{state}"', ", ".join(STATES))
    found = await ingest.request_documents(now.id, state=state, after=row_of(asked), limit=DOCUMENTS + 1)
    last = row_text(found[DOCUMENTS - 1].place) if len(found) > DOCUMENTS else None
    return {"documents": found[:DOCUMENTS], "next_document": last, "state": state, "states": STATES}


def _moments(now: Status, order: RequestOrder) -> list[tuple[str, datetime]]:
    """Return what happened when, in the order of time."""
    is_later = now.run_at > now.created_at
    known = [
        ("inserted", now.created_at), ("not before", now.run_at if is_later else None), ("started", now.started_at),
        ("all documents found", order.discovered_at), (now.status.replace("_", " "), now.finished_at),
    ]  # fmt: skip
    # After a retry, documents were found before it started.
    return sorted(((name, at) for name, at in known if at is not None), key=lambda one: one[1])


REQUEST_PAGE = WebPage("/requests/{request}", "request", _read)
