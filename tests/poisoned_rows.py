"""Rows of DBOS's tables that say they are pickles, and make a folder when they are read.

As a program, this has a listener's DBOS in it, and asks for such rows in every way that DBOS has (``WAYS``).
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dbos
from dbos import DBOS
from staging import Connection

PICKLE = "py_pickle"


class Marker:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._folder),)


class Pickles:
    """Pickles that leave a trace when they are read, and the traces."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    def of(self, kind: str) -> str:
        return base64.b64encode(pickle.dumps(Marker(self._folder / kind))).decode()

    @property
    def read(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir())


async def workflow(c: Connection, id_: object, text: str | None = None, **columns: Any) -> str:
    """Write a row of a workflow that says it is a pickle: its inputs, output and error."""
    told = {
        "workflow_uuid": str(id_), "status": "ENQUEUED", "name": "ingest_request", "application_name": "ingest",
        "application_version": "2", "serialization": PICKLE, "inputs": text, "output": None, "error": None,
        "created_at": 1, "updated_at": 1, "priority": 0, "recovery_attempts": 0,
    } | columns  # fmt: skip
    places = ", ".join(f"${n}" for n in range(1, len(told) + 1))
    await c.execute(f"insert into dbos.workflow_status ({', '.join(told)}) values ({places})", *told.values())
    return str(id_)


async def poison(c: Connection, pickles: Pickles) -> dict[str, str]:
    """Put a pickle into every table of DBOS that holds values; return the ids of the workflows."""
    queue = await c.fetchval("select name from dbos.queues where name like 'ingest_requests%' limit 1")
    ids = {
        "queued": await workflow(c, uuid.uuid4(), pickles.of("queued"), queue_name=queue),
        "internal": await workflow(c, uuid.uuid4(), pickles.of("internal"), queue_name="_dbos_internal_queue"),
        "unknown": await workflow(c, "unknown", pickles.of("unknown"), name="nobody's", queue_name=queue),
        "no id": await workflow(c, "no id", pickles.of("no-id"), status="PENDING", executor_id="dead"),
        "pending": await workflow(c, uuid.uuid4(), pickles.of("pending"), status="PENDING", executor_id="dead"),
        "delayed": await workflow(
            c, uuid.uuid4(), pickles.of("delayed"), status="DELAYED", delay_until_epoch_ms=1, queue_name=queue
        ),
        "succeeded": await workflow(
            c, uuid.uuid4(), pickles.of("input"), status="SUCCESS", output=pickles.of("output")
        ),
        "failed": await workflow(c, uuid.uuid4(), pickles.of("input"), status="ERROR", error=pickles.of("error")),
        "beside": await workflow(c, uuid.uuid4(), status="SUCCESS"),
    }  # fmt: skip
    beside = ids["beside"]
    values: list[tuple[str, dict[str, Any]]] = [
        ("workflow_input", {"workflow_uuid": beside, "inputs": pickles.of("input-beside"), "retention_timestamp": 1}),
        (
            "workflow_output",
            {"workflow_uuid": beside, "output": pickles.of("output-beside"), "error": None, "retention_timestamp": 1},
        ),
        ("workflow_events", {"workflow_uuid": beside, "key": "event", "value": pickles.of("event")}),
        (
            "workflow_events_history",
            {"workflow_uuid": beside, "key": "event", "value": pickles.of("event-history"), "function_id": 1},
        ),
        (
            "streams",
            {"workflow_uuid": beside, "key": "stream", "value": pickles.of("stream"), "offset": 0, "function_id": 1},
        ),
        ("notifications", {"destination_uuid": beside, "topic": "topic", "message": pickles.of("message")}),
        (
            "operation_outputs",
            {
                "workflow_uuid": beside, "function_id": 1, "function_name": "discover", "output": pickles.of("step"),
                "error": pickles.of("step-error"), "retention_timestamp": 1,
            },
        ),
    ]  # fmt: skip
    for table, columns in values:
        told = columns if table in ("workflow_input", "workflow_output") else columns | {"serialization": PICKLE}
        names = ", ".join(f'"{name}"' for name in told)
        places = ", ".join(f"${n}" for n in range(1, len(told) + 1))
        await c.execute(f"insert into dbos.{table} ({names}) values ({places})", *told.values())
    await c.execute(
        "insert into dbos.workflow_schedules (schedule_id, schedule_name, workflow_name, schedule, context,"
        " application_name, queue_name) values ('s', 's', 'ingest_request', '* * * * * *', $1, 'ingest', $2)",
        pickles.of("schedule"), queue,
    )  # fmt: skip
    return ids


WAYS: dict[str, Callable[[dict[str, str]], Any]] = {
    "list": lambda ids: DBOS.list_workflows(load_input=True, load_output=True),
    "list queued": lambda ids: DBOS.list_queued_workflows(load_input=True),
    "status": lambda ids: [DBOS.get_workflow_status(id_) for id_ in ids.values()],
    "steps": lambda ids: DBOS.list_workflow_steps(ids["beside"]),
    "events": lambda ids: DBOS.get_event(ids["beside"], "event", 1),
    "all events": lambda ids: DBOS.get_all_events(ids["beside"]),
    "stream": lambda ids: list(DBOS.read_stream(ids["beside"], "stream")),
    "schedules": lambda ids: DBOS.list_schedules(),
    "schedule": lambda ids: DBOS.get_schedule("s"),
    "trigger": lambda ids: DBOS.trigger_schedule("s"),
    "output, refused": lambda ids: DBOS.retrieve_workflow(ids["succeeded"]).get_result(),
    "error, refused": lambda ids: DBOS.retrieve_workflow(ids["failed"]).get_result(),
    "output beside, refused": lambda ids: DBOS.retrieve_workflow(ids["beside"]).get_result(),
    "message": lambda ids: received(ids["beside"]),
    "step, refused": lambda ids: replayed(ids["beside"]),
    "fork": lambda ids: DBOS.fork_workflow(ids["succeeded"], 0).get_status(),
    "rewind": lambda ids: DBOS.rewind_workflow(ids["failed"]),
    "resume": lambda ids: DBOS.resume_workflow(ids["pending"]).get_status(),
    "cancel": lambda ids: DBOS.cancel_workflow(ids["no id"]),
}


def received(id_: str) -> Any:
    return dbos._dbos._get_dbos_instance()._sys_db.recv_consume(id_, 7, "topic", 0)


def replayed(id_: str) -> Any:
    sys_db = dbos._dbos._get_dbos_instance()._sys_db
    recorded = sys_db.check_operation_execution(id_, 1, "discover")
    assert recorded
    return sys_db._replay_recorded(recorded, "discover")


def main() -> None:
    """Launch DBOS as a listener does, and print what each way of asking for a row comes to."""
    from listener.engine import durable  # noqa: PLC0415 - the test needs none of it
    from listener.pipeline.identity import PIPELINE, Identity  # noqa: PLC0415
    from listener.pipeline.one_of import OneOf  # noqa: PLC0415
    from listener.settings import Settings  # noqa: PLC0415

    settings = Settings()
    assert settings.database_url
    identity = Identity.of(settings, PIPELINE, ("/nowhere",))
    durable.configure(settings, settings.database_url, identity, OneOf().pools.dbos)
    DBOS.launch()
    ids = json.loads(sys.argv[1])
    for name, ask in WAYS.items():
        try:
            print(f"{name}: {ask(ids)!r}".replace("\n", " ")[:300], flush=True)
        except Exception as error:
            print(f"{name}: {error}".replace("\n", " ")[:300], flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main()
