"""Who can write to DBOS's tables can't run anything in a listener: no row that says it is a pickle is ever read.

The pickles here make a folder when they are read, one for each kind of row (``poisoned_rows``).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import dbos
import poisoned_rows
import pytest
from dbos import _serialization as serialization
from ingest_command import in_a_project
from listener_process import ListenerProcess
from pipeline import ended, ingested, until
from poisoned_rows import PICKLE, WAYS, Pickles, poison
from staging import Connection, add

import listener
from listener.engine.pickles import refuse_pickles
from listener.errors import OperatorError, RequestError

FAST: dict[str, object] = {"heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600}
WHERE = [str(Path(listener.__file__).parents[1]), str(Path(__file__).parents[1])]


@pytest.fixture
def pickles(tmp_path: Path) -> Pickles:
    return Pickles(tmp_path / "read")


def test_such_a_pickle_is_seen_when_it_is_read(pickles: Pickles) -> None:
    pickle.loads(base64.b64decode(pickles.of("this")))
    assert pickles.read == ["this"]


# A listener


async def test_a_listener_reads_no_pickle_in_any_table_and_goes_on(
    own: Connection, ready: str, tmp_path: Path, pickles: Pickles, listeners: list[ListenerProcess]
) -> None:
    listeners.append(first := ListenerProcess(ready, tmp_path / "first", **FAST).ready())  # type: ignore[arg-type]
    ids = await poison(own, pickles)  # while it runs; those of its queues are the first that it finds
    found = "select workflow_uuid, status from dbos.workflow_status where workflow_uuid = any ($1)"
    taken = {ids[name]: "ERROR" for name in ("queued", "unknown", "delayed")}
    expected = taken | {ids["pending"]: "CANCELLED", ids["no id"]: "PENDING"}  # of no request; of nobody

    async def all_refused() -> bool:
        return expected == {row[0]: row[1] for row in await own.fetch(found, [*expected])}

    await until(all_refused)
    assert (await ingested(own, content="goes on", uri="a"))["status"] == "succeeded"
    assert first.stop() == 0
    listeners.append(second := ListenerProcess(ready, tmp_path / "second", **FAST).ready())  # type: ignore[arg-type]
    assert (await ingested(own, content="begins beside them", uri="b"))["status"] == "succeeded"
    assert second.stop() == 0
    assert pickles.read == []
    for id_ in taken:
        assert re.search(f"ERROR dbos: Error executing workflow {id_}: pickle_refused", first.log())


@pytest.mark.parametrize("column", ["output", pytest.param("error", marks=pytest.mark.long)])
async def test_a_request_whose_steps_became_pickles_fails_alone_and_can_be_forked(
    own: Connection, ready: str, tmp_path: Path, pickles: Pickles, listeners: list[ListenerProcess], column: str
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# A text\n\nIts steps become pickles.")
    settings: dict[str, Any] = FAST | {"file_roots": folder}
    listeners.append(dies := ListenerProcess(ready, tmp_path / "dies", **settings).ready())
    dies.hold("before:own")
    request = await add(own, source=str(folder))
    await asyncio.to_thread(dies.held, "before:own")
    dies.kill()
    poisoned = await own.execute(
        "update dbos.operation_outputs set serialization = $2, output = $3, error = $4 where workflow_uuid = $1",
        str(request), PICKLE, *(pickles.of(column) if column == name else None for name in ("output", "error")),
    )  # fmt: skip
    assert poisoned == "UPDATE 1"
    listeners.append(survives := ListenerProcess(ready, tmp_path / "survives", **settings).ready())
    (row,) = await ended(own, request)
    assert (row["status"], row["error"]["code"], row["error"]["retryable"]) == ("failed", "pickle_refused", False)
    assert (await ingested(own, content="goes on", uri="b"))["status"] == "succeeded"
    forked = await own.fetchval("select ingest_fork($1)", request)
    assert [row["status"] for row in await ended(own, forked)] == ["succeeded"]
    assert survives.stop() == 0
    assert pickles.read == []


@pytest.mark.long
async def test_a_request_whose_workflow_became_a_pickle_ends_and_the_dead_one_s_others_go_on(
    own: Connection, ready: str, tmp_path: Path, pickles: Pickles, listeners: list[ListenerProcess]
) -> None:
    listeners.append(dies := ListenerProcess(ready, tmp_path / "dies", **FAST).ready())  # type: ignore[arg-type]
    dies.hold("before:embed", key="held")
    requests = [await add(own, content=f"held {n}", uri=str(n)) for n in range(3)]
    await asyncio.to_thread(dies.held, "before:embed", "held")
    begun = "select count(*) from dbos.workflow_status where workflow_uuid = any ($1)"

    async def all_begun() -> bool:
        return bool(await own.fetchval(begun, [str(request) for request in requests]) == 3)

    await until(all_begun)
    dies.kill()
    await own.execute(
        "update dbos.workflow_status set serialization = $2, inputs = $3 where workflow_uuid = $1",
        str(requests[1]), PICKLE, pickles.of("inputs"),
    )  # fmt: skip
    await own.execute(
        "update dbos.workflow_input set inputs = $2 where workflow_uuid = $1", str(requests[1]), pickles.of("inputs")
    )
    listeners.append(survives := ListenerProcess(ready, tmp_path / "survives", **FAST).ready())  # type: ignore[arg-type]
    rows = await ended(own, *requests)
    assert [row["status"] for row in rows] == ["succeeded", "failed", "succeeded"]
    assert rows[1]["error"]["code"] == "workflow_ended"
    assert survives.stop() == 0
    assert pickles.read == []


# DBOS in a listener's process, asked for rows in every way


async def test_a_listener_s_dbos_reads_no_pickle_however_it_is_asked(
    own: Connection, ready: str, tmp_path: Path, pickles: Pickles, listeners: list[ListenerProcess]
) -> None:
    listeners.append(makes_queues := ListenerProcess(ready, tmp_path, **FAST).ready())  # type: ignore[arg-type]
    makes_queues.stop()
    ids = await poison(own, pickles)
    asked = await asyncio.to_thread(
        subprocess.run, [sys.executable, poisoned_rows.__file__, json.dumps(ids)],
        cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"INGEST_DATABASE_URL": ready, "PYTHONPATH": os.pathsep.join(WHERE)},
        check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    told = dict(line.split(": ", 1) for line in asked.stdout.splitlines())
    assert len(told) == len(WAYS)
    assert {name: said for name, said in told.items() if "refused" in name and "pickle_refused" not in said} == {}
    assert pickles.read == []


# The commands that are documented


@pytest.mark.long
async def test_the_documented_commands_of_dbos_read_no_pickle(
    own: Connection, ready: str, tmp_path: Path, pickles: Pickles
) -> None:
    await own.execute("insert into dbos.queues (name) values ('ingest_requests_any')")
    await poison(own, pickles)
    environment = in_a_project(tmp_path, ready)
    migrated = await asyncio.to_thread(
        subprocess.run, ["dbos", "migrate"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert migrated.returncode == 0, migrated.stderr
    started = await asyncio.create_subprocess_exec(
        "dbos", "start", cwd=tmp_path, env=environment, start_new_session=True
    )
    try:
        assert (await ingested(own, content="carried by dbos start", uri="a"))["status"] == "succeeded"
    finally:
        os.killpg(started.pid, 15)
        await started.wait()
    assert pickles.read == []


def test_no_other_command_of_dbos_is_documented() -> None:
    """``dbos workflow`` and ``dbos queue`` unpickle in a process that has nothing of ours."""
    docs = Path(__file__).parents[2] / "docs"
    pages = [*docs.rglob("*.md"), docs.parent / "README.md"]
    found = [
        (page.name, command)
        for page in pages
        for command in re.findall(r"`+dbos (?:workflow|queue) [a-z]+", page.read_text(encoding="utf-8"))
    ]
    assert found == []


# The guard itself


@pytest.mark.parametrize("read", ["deserialize_value", "deserialize_args", "deserialize_exception"])
def test_a_dbos_that_reads_pickles_in_another_way_starts_no_listener(
    monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    loads = pickle.loads
    monkeypatch.setattr(serialization, read, lambda text, *_: loads(base64.b64decode(text)))
    with pytest.raises(OperatorError) as raised:
        refuse_pickles()
    assert raised.value.code == "pickles_not_refused"


def test_a_dbos_without_what_is_guarded_starts_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(serialization, "deserialize_args")
    with pytest.raises(OperatorError) as raised:
        refuse_pickles()
    assert raised.value.code == "pickles_not_refused"


@pytest.mark.parametrize("name", ["load", "loads", "Unpickler", "_Unpickler"])
def test_a_module_of_dbos_that_takes_a_reader_has_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    refuse_pickles()
    with pytest.raises(RequestError) as raised:
        getattr(vars(serialization)["pickle"], name)(b"\x80\x04N.")
    assert raised.value.code == "pickle_refused"
    monkeypatch.setattr(dbos, "read_it", pickle.loads, raising=False)
    refuse_pickles()
    with pytest.raises(RequestError):
        dbos.read_it(b"\x80\x04N.")  # type: ignore[attr-defined]


def test_dbos_has_one_place_that_reads_pickles() -> None:
    """Whoever raises the version of dbos: is there another one, and does ``refuse_pickles`` stop it?"""
    reading = re.compile(
        r"pickle\.loads?\(|Unpickler\(|\b(?:dill|cloudpickle|jsonpickle|marshal|shelve)\b|yaml\.(?:unsafe_)?load\("
    )
    package = Path(dbos.__file__).parent
    found = {
        (str(path.relative_to(package)), line.strip())
        for path in package.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if reading.search(line)
    }
    assert found == {("_serialization.py", "return pickle.loads(pickled_data)")}
