"""What forms ask for: verbs on one request, or on all that match, each after a page that says what would be done.

::

    GET  /requests/all/<verb>?…     how many, by status      GET  /requests/<id>/<verb>      what it means
    POST /requests/all/<verb>       begins a run             POST /requests/<id>/<verb>      does it
    GET  /runs/<run>                how far it is            POST /runs/<run>/stop           ends it there
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.routing import BaseRoute

from listener.cli.webui.batch_run import NO_LONGER, Runs
from listener.cli.webui.forms import FormDesk
from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.pages.asked_for import filters_of, request_filter, time_of
from listener.cli.webui.pages.requests_page import REQUESTS_PAGE
from listener.client import Ingest
from listener.client.overview import request_of
from listener.client.selection import MOST_COUNTED, VERBS, Verb, verbs_for
from listener.errors import RequestError

DIGITS = 9  # of a number that a form brings back
STEPS = ("discover", "load", "chunk", "embed", "save")
ALL: dict[str, Verb] = {verb: verb for verb in VERBS}
ONE = (*VERBS, "fork", "priority")


class Verbs:
    """Pages that ask, and the routes of their forms; only where ``--control`` was given."""

    def __init__(self, desk: FormDesk) -> None:
        self._way = desk.way
        self._link = desk.renderer.link
        self._desk = desk
        self.runs = Runs(desk.way, desk.live)

    def pages(self) -> tuple[WebPage, ...]:
        """Return the pages that ask first, and the one that tells what became of it."""
        return (
            WebPage("/requests/all/{verb}", "verb_all", _preview, is_live=False),
            WebPage("/requests/{request}/{verb}", "verb_one", _ask, is_live=False),
            WebPage("/runs/{run}", "run", self._run),
        )

    def with_runs(self, page: WebPage) -> WebPage:
        """Return the page of the requests with the runs that go on; any other as it is."""

        async def read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
            return {**await page.read(ingest, asked), "under_way": self.runs.under_way()}

        return replace(page, read=read) if page is REQUESTS_PAGE else page

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the forms."""
        return [
            self._desk.route("/requests/all/{verb}", self._act_on_all),
            self._desk.route("/requests/{request}/{verb}", self._act_on_one),
            self._desk.route("/runs/{run}/stop", self._stop),
        ]

    async def _act_on_all(self, request: Request, form: Mapping[str, str]) -> str:
        verb = _verb_on_all(request.path_params["verb"])
        asked = PageAddress((), tuple(form.items()))
        sought = replace(request_filter(asked), since=_time(form, "since"), until=_time(form, "until"))
        given = form.get("expected", "")[:DIGITS]
        expected = int(given) if given.isascii() and given.isdecimal() else 0
        return self._link("/runs", self.runs.begin(verb, sought, filters_of(asked), expected).id)

    async def _act_on_one(self, request: Request, form: Mapping[str, str]) -> str:
        verb = request.path_params["verb"]
        if verb not in ONE:
            raise _no_verb(verb)
        id_ = await self._way.use(
            lambda ingest: _carry_out(ingest, verb, request.path_params["request"], form), changes=True
        )
        return self._link("/requests", str(id_))

    async def _stop(self, request: Request, _: Mapping[str, str]) -> str:
        return self._link("/runs", (await self.runs.stop(request.path_params["run"])).id)

    async def _run(self, _: Ingest, asked: PageAddress) -> dict[str, Any]:
        run = self.runs.of(asked.of_path("run"))
        return {"run": run, "no_longer": NO_LONGER, "until": datetime.now(timezone.utc)}


async def _preview(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    """Say how many requests match, and how many of them the verb takes."""
    verb = _verb_on_all(asked.of_path("verb"))
    until = await ingest.session.value("select {schema}.ingest_now()")
    sought = replace(request_filter(asked), until=until)
    return {
        "verb": verb, "matches": await ingest.count_matches(sought, verb), "filters": filters_of(asked),
        "since": sought.since, "until": until, "most": MOST_COUNTED,
    }  # fmt: skip


async def _ask(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    """Say what a verb would do to one request, and ask whether it shall."""
    verb = asked.of_path("verb")
    if verb not in ONE:
        raise _no_verb(verb)
    now = await ingest.status(await request_of(ingest.session, asked.of_path("request")))
    fits = now.status == "pending" if verb == "priority" else verb in verbs_for(now)
    return {"verb": verb, "now": now, "fits": fits, "steps": STEPS, "verbs": verbs_for(now)}


async def _carry_out(ingest: Ingest, verb: str, text: str, form: Mapping[str, str]) -> UUID:
    """Do it; return the request to look at then."""
    request = await request_of(ingest.session, text)
    if verb == "fork":
        return await ingest.fork(
            request, form.get("from_step") or "discover", collection=form.get("collection") or None
        )
    if verb == "priority":
        await ingest.set_priority(request, _priority(form.get("priority", "")))
    elif verb == "cancel":
        await ingest.cancel(request)
    elif verb == "resume":
        await ingest.resume(request)
    else:
        await ingest.retry(request)
    return request


def _priority(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        raise RequestError(
            "wrong_form", f'"{text[:40]}" is no priority', "A whole number: lower is sooner, 0 is usual."
        )
    return int(text)


def _verb_on_all(verb: str) -> Verb:
    if verb not in ALL:
        raise _no_verb(verb)
    return ALL[verb]


def _no_verb(verb: str) -> RequestError:
    return RequestError("unknown_page", f'there is no verb "{verb[:40]}"', f"Take one of: {', '.join(ONE)}")


def _time(form: Mapping[str, str], name: str) -> datetime | None:
    try:
        return time_of(form[name]) if form.get(name) else None
    except ValueError:
        raise RequestError("wrong_form", f"{name} is no time", "Open the page again, and send it from there.") from None
