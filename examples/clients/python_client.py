"""Insert a document, wait until it is searchable, search it. Needs psycopg 3 and a listener on the same database.

Run it as ``INGEST_DATABASE_URL=postgresql://… python examples/clients/python_client.py [FILE]``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

COLLECTION = "clients"
NOTE = "# Frost\n\nBelow 3 °C the heating starts by itself.\n\n# Heat\n\nAbove 24 °C the vents open.\n"

Connection = psycopg.Connection[dict[str, object]]


def main() -> int:
    uri, content = read_document()
    with psycopg.connect(os.environ["INGEST_DATABASE_URL"], autocommit=True, row_factory=dict_row) as connection:
        connection.execute("listen ingest_finished")  # before the insert, so that the answer can't be missed
        request = add(connection, uri, content)
        status = wait(connection, request)
        print(json.dumps(status, indent=2, default=str))
        for failure in failures(connection, request):
            print(f"{failure['uri']}: {failure['code']} at {failure['step']}: {failure['message']} ({failure['hint']})")
        for hit in search(connection, "when does the heating start"):
            print(f"{hit['score']:.3f}  {hit['uri']} #{hit['ordinal']}\n       {hit['text']}")
    return 0 if status["status"] == "succeeded" else 1


def read_document() -> tuple[str, bytes]:
    if len(sys.argv) > 1:
        path = Path(sys.argv[1]).resolve()
        return path.as_uri(), path.read_bytes()
    return "note://frost-and-heat.md", NOTE.encode()


def add(connection: Connection, uri: str, content: bytes) -> object:
    row = connection.execute(
        "insert into ingest_requests (content_bytes, uri, collection, metadata) values (%s, %s, %s, %s) returning id",
        [content, uri, COLLECTION, Jsonb({"author": "python"})],
    ).fetchone()
    assert row is not None
    return row["id"]


def wait(connection: Connection, request: object, seconds: float = 60.0) -> dict[str, object]:
    """Return the request's status when it has ended. The notification is a hint, the row is the truth."""
    deadline = time.monotonic() + seconds
    while True:
        row = connection.execute("select * from ingest_status where id = %s", [request]).fetchone()
        assert row is not None
        if row["status"] not in ("pending", "running"):
            return row
        if time.monotonic() > deadline:
            raise TimeoutError(f"request {request} is {row['status']}: {row['waiting_for'] or row['current_step']}")
        for _ in connection.notifies(timeout=2.0, stop_after=1):
            pass  # some request has ended: look whether it is this one


def failures(connection: Connection, request: object) -> list[dict[str, object]]:
    return connection.execute(
        "select uri, step, code, message, hint from ingest_failures where request_id = %s order by uri", [request]
    ).fetchall()


def search(connection: Connection, text: str) -> list[dict[str, object]]:
    return connection.execute(
        "select score, uri, ordinal, text from ingest_search(%s, %s, 5)", [text, COLLECTION]
    ).fetchall()


if __name__ == "__main__":
    raise SystemExit(main())
