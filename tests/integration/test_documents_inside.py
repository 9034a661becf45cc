"""Documents that lie inside of others: the records of a file, the attachments of an e-mail."""

from __future__ import annotations

import asyncio
import json
import uuid
from email.message import EmailMessage
from pathlib import Path

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import chunks, counted, ended, ingested, one, uris
from staging import Connection, add

SPEC = {"text": ["subject", "body"], "id": "id", "title": "subject", "metadata": ["team"]}


def tickets(count: int, **changed: str) -> str:
    lines = [
        json.dumps({"id": n, "subject": f"Ticket {n}", "body": changed.get(f"_{n}", f"Body {n}."), "team": "red"})
        for n in range(count)
    ]
    return "\n".join(lines) + "\n"


async def test_each_line_of_a_json_lines_file_is_a_document(c: Connection, name: str, folder: Path) -> None:
    (folder / "tickets.jsonl").write_text(tickets(3))
    row = await ingested(c, source=str(folder / "tickets.jsonl"), collection=name, options={"record": SPEC})
    assert (row["status"], row["documents_done"]) == ("succeeded", 3), row["error"]
    found = await chunks(c, name)
    assert [chunk["uri"] for chunk in found] == [f"file://{folder}/tickets.jsonl#{n}" for n in range(3)]
    assert [chunk["text"] for chunk in found] == [f"Ticket {n}\n\nBody {n}." for n in range(3)]
    assert found[0]["title"] == "Ticket 0"
    assert found[0]["metadata"].items() >= {"team": "red"}.items()


async def test_a_bad_line_fails_alone_with_its_number(c: Connection, name: str, folder: Path) -> None:
    (folder / "bad.jsonl").write_text(tickets(2) + "{broken\n" + tickets(4).split("\n", 2)[2])
    row = await ingested(c, source=str(folder / "bad.jsonl"), collection=name, options={"record": SPEC})
    assert (row["status"], row["documents_done"], row["documents_failed"]) == ("partially_succeeded", 4, 1)
    failure = await one(c, "select code, message from ingest_failures where request_id = $1", row["id"])
    assert failure["code"] == "bad_json"
    assert "line 3" in failure["message"]


async def test_only_changed_records_are_read_and_embedded_again(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    file, options = folder / "tickets.jsonl", {"record": SPEC}
    file.write_text(tickets(20))
    await ingested(c, source=str(file), collection=name, options=options)
    sent = len(process.embedded(""))
    file.write_text(tickets(21, _7="Another body."))
    row = await ingested(c, source=str(file), collection=name, options=options)
    assert (row["documents_skipped"], row["documents_done"]) == (19, 2)
    assert len(process.embedded("")) - sent == 2
    assert await counted(c, row["id"], "load") == {"loaded": 2, "skipped": 0, "failed": 0, "open": 2}
    assert row["documents_unchanged"] == 19
    other = await ingested(c, source=str(file), collection=name, options={"record": SPEC | {"text": "body"}})
    assert other["documents_done"] == 21  # other fields make other documents


async def test_records_of_inline_content_are_documents_too(c: Connection, name: str) -> None:
    table = 'id;body\n1;Größe\n2;"two\nlines"\n3\n'
    row = await ingested(
        c, content=table, media_type="text/csv", uri="table", collection=name,
        options={"record": {"text": "body", "id": "id"}},
    )  # fmt: skip
    assert (row["status"], row["documents_done"], row["documents_failed"]) == ("partially_succeeded", 2, 1)
    assert {chunk["uri"]: chunk["text"] for chunk in await chunks(c, name)} == {
        "table#1": "Größe",
        "table#2": "two\nlines",
    }


async def test_a_file_that_changes_between_discovery_and_load_is_not_mixed_up(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    file = folder / "moving.jsonl"
    file.write_text(tickets(3))
    process.hold("before:to_load")
    request = await add(c, source=str(file), collection=name, options={"record": SPEC})
    await asyncio.to_thread(process.held, "before:to_load")
    file.write_text("\n\n\n" + tickets(3))
    process.go()
    (row,) = await ended(c, request)
    assert row["status"] == "failed"
    codes = await c.fetch("select distinct code from ingest_failures where request_id = $1", request)
    assert [one["code"] for one in codes] == ["source_changed"]
    assert await uris(c, name) == set()


@pytest.mark.parametrize(
    ("record", "said"),
    [({}, "names no text"), ({"text": 1}, 'wrong "text"'), ({"text": "a", "di": "b"}, 'wrong "di"'), ([], "takes")],
)
async def test_the_insert_refuses_an_option_that_does_not_say_what_a_record_is(
    c: Connection, record: object, said: str
) -> None:
    with pytest.raises(asyncpg.PostgresError, match=said) as refused:
        await add(c, source="/srv/a.jsonl", options={"record": record})
    assert refused.value.sqlstate == "IG004"
    assert refused.value.hint


async def test_a_file_that_holds_no_records_says_so(c: Connection, name: str, folder: Path) -> None:
    (folder / "page.md").write_text("# No records\n")
    row = await ingested(c, source=str(folder / "page.md"), collection=name, options={"record": SPEC})
    assert (row["status"], row["error"]["code"]) == ("failed", "no_records")


def mail(name: str, *attachments: tuple[str, bytes, str]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = f"About {name}", "Ann <ann@example.org>", "bob@example.org"
    message.set_content(f"Hello, see the attachments of {name}.")
    for filename, data, kind in attachments:
        maintype, subtype = kind.split("/")
        message.add_attachment(data, maintype=maintype, subtype=subtype, filename=filename)
    return message


async def test_attachments_of_an_e_mail_are_documents_of_their_own(c: Connection, name: str, folder: Path) -> None:
    inner = mail("the inner one", ("deep.txt", b"Deep inside.", "text/plain"))
    outer = mail(
        name,
        ("notes.txt", b"Some notes.", "text/plain"),
        ("notes.txt", b"Other notes.", "text/plain"),
        ("notes.txt~2", b"Named like the second.", "text/plain"),
        ("logo.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "image/png"),
        ("empty.txt", b"", "text/plain"),
    )
    outer.add_attachment(inner)
    (folder / "mail.eml").write_bytes(outer.as_bytes())
    row = await ingested(c, source=str(folder / "mail.eml"), collection=name)
    base = f"file://{folder}/mail.eml"
    texts = {chunk["uri"].removeprefix(base): chunk["text"] for chunk in await chunks(c, name)}
    assert "Hello, see the attachments" in texts.pop("")
    assert texts.pop("#notes.txt") == "Some notes."
    assert texts.pop("#notes.txt~2") == "Other notes."
    assert texts.pop("#notes.txt~2~2") == "Named like the second."
    assert "Deep inside." in {text for uri, text in texts.items() if uri.endswith("/deep.txt")}
    query = "select uri, coalesce(reason, state) as how from ingest_revisions where request_id = $1"
    rows = await c.fetch(query, row["id"])
    how = {one["uri"].removeprefix(base): one["how"] for one in rows}
    assert how["#logo.png"] == "unsupported"
    assert how["#empty.txt"] == "failed"
    assert (row["status"], row["documents_failed"]) == ("partially_succeeded", 1)
    assert row["documents_total"] == len(rows)


async def test_a_failed_attachment_is_read_again_by_a_retry_and_by_the_next_request(
    c: Connection, name: str, folder: Path
) -> None:
    (folder / "mail.eml").write_bytes(mail(name, ("empty.txt", b"", "text/plain")).as_bytes())
    row = await ingested(c, source=str(folder / "mail.eml"), collection=name)
    assert row["documents_failed"] == 1
    again = await ingested(c, source=str(folder / "mail.eml"), collection=name)
    assert (again["documents_skipped"], again["documents_failed"]) == (0, 1)
    await c.execute("select ingest_retry($1)", row["id"])
    (retried,) = await ended(c, row["id"])
    assert (retried["status"], retried["documents_total"], retried["documents_failed"]) == ("partially_succeeded", 2, 1)
    assert retried["attempt"] == 2


async def test_an_unchanged_e_mail_is_skipped_with_its_attachments(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    (folder / "mail.eml").write_bytes(mail(name, ("a.txt", f"Text {uuid.uuid4()}".encode(), "text/plain")).as_bytes())
    await ingested(c, source=str(folder / "mail.eml"), collection=name)
    again = await ingested(c, source=str(folder / "mail.eml"), collection=name)
    assert (again["status"], again["documents_skipped"], again["documents_total"]) == ("succeeded", 1, 1)
    assert len(await uris(c, name)) == 2
