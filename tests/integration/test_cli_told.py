"""What the command tells people who are new to it: what waits, what fails beside documents, where to look instead."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import sys
from pathlib import Path
from typing import Any

import pytest
import staging
from ingest_command import Ingest

from listener.cli.deletion import confirmed


@pytest.fixture
def ingest(tmp_path: Path, installed: str) -> Ingest:
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


@pytest.fixture
async def c(installed: str) -> Any:
    async with staging.session(installed) as connection:
        yield connection


async def shown(ingest: Ingest, *arguments: str, **settings: str) -> str:
    """Return what the command writes on a terminal of 80 columns, as words with one space between them."""
    out = (await ingest.on_a_terminal(*arguments, columns=80, NO_COLOR="1", **settings)).out
    assert max(map(len, out.splitlines())) <= 80
    return " ".join(out.split())


async def test_a_watch_whose_request_waits_says_so_and_for_what(ingest: Ingest, c: staging.Connection) -> None:
    await staging.add_listener(c, roots=["/srv/other"])
    await c.execute("select ingest_watch('/srv/docs', every => '1 hour', options => '{\"include\": \"*.md\"}')")
    await c.execute("select ingest_fire_watch()")
    told = await shown(ingest, "watches")
    assert "pending" in told
    assert "start one that may read it: INGEST_ROOTS=/srv/docs ingest listen" in told
    assert "running" not in told.replace("no running", "")
    made = await ingest("watch", "/srv/docs", "--every", "1h")
    assert (
        "Listeners may read: /srv/other. To have it read, start one that may read it: INGEST_ROOTS=/srv/d" in made.err
    )
    of_one = (await ingest("watches", "default:/srv/docs")).out
    assert "state               pending\n" in of_one


async def test_options_are_shown_as_json(ingest: Ingest, c: staging.Connection) -> None:
    await c.execute(
        "select ingest_watch('/srv/docs', every => '1 hour', options => '{\"mirror\": true, \"max_bytes\": 9}')"
    )
    out = (await ingest("watches", "default:/srv/docs")).out
    assert 'options             {"mirror": true, "max_bytes": 9}\n' in out


async def test_failures_name_watches_that_fail(ingest: Ingest, c: staging.Connection) -> None:
    await c.execute("select ingest_watch('/srv/docs', collection => 'docs', every => '1 hour')")
    await c.execute(
        "update ingest_watch_store set failures = 1, failing_since = now(), error = $1",
        {"code": "not_found", "message": "/srv/docs can't be opened"},
    )
    told = await ingest("failures")
    assert 'note: watch "docs:/srv/docs" fails: not_found: /srv/docs can\'t be opened' in told.err
    assert "ingest watches" in told.err
    assert (await ingest("failures", "--json")).json == []
    await c.execute("select ingest_collection('other', '{}')")
    assert (await ingest("failures", "-c", "other")).err == ""


async def test_a_search_of_a_collection_without_documents_names_those_that_have_some(
    ingest: Ingest, c: staging.Connection
) -> None:
    await staging.ingest(c, {"file:///a": "The vents open."}, collection="hand book")
    for verb in ("search", "context"):
        told = await ingest(verb, "vents", INGEST_POLL_ONLY="1")
        assert """collection "default" has no documents; there are some in: hand book (-c 'hand book')""" in told.err


async def test_doctor_names_the_roots_of_running_listeners_and_fits_a_terminal(
    ingest: Ingest, c: staging.Connection
) -> None:
    await staging.add_listener(c, roots=["/srv/docs", "https://docs.example.com/", "table:"])
    told = await shown(ingest, "doctor")
    assert "roots: /srv/docs, https://docs.example.com/ ok" in told
    assert "INGEST_ROOTS is not set in this shell" in told


async def test_a_listener_warns_of_a_root_that_is_not_there(ingest: Ingest, tmp_path: Path) -> None:
    process = await ingest.start("listen", INGEST_ROOTS=str(tmp_path / "nowhere"))
    assert process.stderr
    line = (await process.stderr.readline()).decode()
    process.terminate()
    await process.communicate()
    assert f"WARNING listener.cli.listen: the root {tmp_path}/nowhere is not there: mount it" in line


@pytest.mark.parametrize(("typed", "answer"), [(b"\x04", False), (b"\n", False), (b"n\n", False), (b"y\n", True)])
async def test_no_answer_to_a_question_is_no(typed: bytes, answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, its = pty.openpty()
    with os.fdopen(its) as terminal, io.StringIO() as written:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys, "stderr", written)
        asking = asyncio.create_task(confirmed("Delete it?"))
        os.write(ours, typed)
        assert await asyncio.wait_for(asking, 30) is answer
    os.close(ours)
