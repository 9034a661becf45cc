"""``collections``, ``documents``, ``show``: the inventory and the history of documents."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.holding_lines import became, embedder, of_attempts, of_collections, of_documents, size
from listener.cli.output import Output, field
from listener.cli.running import open_ingest, run
from listener.logs.visible import as_read

if TYPE_CHECKING:
    from listener.cli.fitting import Line
    from listener.client.inventory import Attempt, Holding, Listed, Shown

UNSEEN = "not visible to this role"


def collections(
    collection: Annotated[str | None, typer.Argument(metavar="[COLLECTION]", help="Only this one, in detail.")] = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Show what each collection holds, how many documents' last attempt failed, and when one changed last.

    Those in which the role has no right are not shown; what it may not see stays empty. In SQL: ingest_inventory().

    \b
    ingest collections
    ingest collections handbook       its space and settings too
    """
    run(_collections(collection, show_sql, Output(as_json)))


async def _collections(collection: str | None, show_sql: bool, output: Output) -> None:
    from listener.errors import RequestError

    async with open_ingest(output, show_sql) as ingest:
        held = await ingest.collections(collection)
    if collection is not None and not held:
        raise RequestError(
            "unknown_collection", f'there is no collection "{collection}" that this role may see', "ingest collections"
        )
    output.value(held if collection is None else held[0])
    if collection is not None:
        _write_holding(held[0], output)
    elif output.terminal:
        _write_lines(of_collections(held, output.width), output)
    else:
        output.table(_HEADINGS, map(_cells, held))


def _write_lines(lines: Sequence[Line], output: Output) -> None:
    for line in lines:
        output.pieces(line)


_HEADINGS = ("collection", "documents", "chunks", "size", "failing", "changed", "embedder", "chunk size", "index")


def _cells(held: Holding) -> tuple[object, ...]:
    counts = held.documents, held.chunks, size(held.bytes), held.failing
    return held.collection, *counts, held.changed_at, embedder(held), held.settings["chunk_size"], held.index


def _write_holding(held: Holding, output: Output) -> None:
    for name in ("collection", "documents", "chunks"):
        _pair(name, getattr(held, name), output)
    for name, value in (("size", size(held.bytes)), ("failing", held.failing), ("changed_at", held.changed_at)):
        _pair(name, value, output)
    for name in ("tenant", "embedder", "endpoint", "model", "dimensions", "index", "created_at"):
        if value := getattr(held, name):
            _pair(name, value, output)
    for name, value in held.settings.items():
        if value not in (None, ""):
            _pair(name, value, output)


def _pair(name: str, value: object, output: Output) -> None:
    output.line(f"{name:19} {field(value)}")


def documents(
    collection: Annotated[
        str | None, typer.Argument(metavar="[COLLECTION]", help="Only this one; by default all.")
    ] = None,
    under: Annotated[
        str,
        typer.Option(
            "--under", metavar="PREFIX", help="Only URIs that begin with this; an absolute path means a file."
        ),
    ] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only those whose last attempt failed, and why.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most to list.")] = 100,
    after: Annotated[
        str | None, typer.Option(metavar="URI", help="Continue after this document of COLLECTION: the next page.")
    ] = None,
    named: Annotated[
        str | None, typer.Option("--collection", "-c", help="COLLECTION, as other commands have it.")
    ] = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """List documents by their URIs: live, outdated (live, but the last attempt failed) or failed (never went live).

    Failures are shown to operators of the collection. In SQL: ingest_list_documents(collection, under, failed).

    \b
    ingest documents handbook --under /srv/docs/
    ingest documents --failed --json | jq -r '.[].uri'
    """
    collection = collection if named is None else named
    run(_documents(collection, arguments.document_uri(under), failed, limit, after, show_sql, Output(as_json)))


async def _documents(
    collection: str | None, under: str, failed: bool, limit: int, after: str | None, show_sql: bool, output: Output
) -> None:
    from listener.cli.problems import UsageProblem

    if after is not None and collection is None:
        raise UsageProblem("usage", "--after goes with a COLLECTION", "ingest documents COLLECTION --after URI")
    found: list[Listed] = []
    async with open_ingest(output, show_sql) as ingest:
        last = (collection, arguments.document_uri(after)) if collection and after is not None else None
        while len(found) < limit:
            wanted = min(limit - len(found), PAGE)
            page = await ingest.documents(collection, under=under, failed=failed, limit=wanted, after=last)
            found += page
            if len(page) < wanted:
                break
            last = (page[-1].collection, page[-1].uri)
    output.value(found)
    _write_list(found, collection, output)
    if len(found) == limit and not output.json:
        more = f"ingest documents {shlex.quote(found[-1].collection)} --after {shlex.quote(found[-1].uri)}"
        output.note(f"note: the first {limit}; more: --limit, or {more}")


PAGE = 1000  # rows per query


def _write_list(found: list[Listed], collection: str | None, output: Output) -> None:
    if not found:
        if output.terminal:
            output.line("no documents")
        return
    if output.terminal:
        _write_lines(of_documents(found, collection is None, output.width), output)
        return
    headings: tuple[str, ...] = ("state", "chunks", "size", "changed", "document", "error")
    rows: list[tuple[object, ...]] = [
        (
            one.state,
            one.chunks,
            size(one.bytes),
            one.changed_at,
            one.uri,
            one.code and f"{one.code}: {one.message}",
        )
        for one in found
    ]
    if collection is None:
        headings = ("collection", *headings)
        rows = [(one.collection, *row) for one, row in zip(found, rows, strict=True)]
    output.table(headings, rows)


def show(
    uri: Annotated[str, typer.Argument(metavar="URI", help="URI of a document; an absolute path means a file.")],
    collection: arguments.Collection = "default",
    text: Annotated[bool, typer.Option("--text", help="Print only its text.")] = False,
    attempts: Annotated[int, typer.Option(min=1, help="Most attempts to list.")] = 20,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Show one document: what is live, its chunks and text, and what each request made of it: why it was skipped.

    Text and chunks are shown to those who may find it in a search, attempts to operators and their submitters.

    \b
    ingest show /srv/docs/faq.md -c handbook
    ingest show notes/frost.md --text
    """
    run(_show(arguments.document_uri(uri), collection, text, attempts, show_sql, Output(as_json)))


async def _show(uri: str, collection: str, text: bool, attempts: int, show_sql: bool, output: Output) -> None:
    async with open_ingest(output, show_sql) as ingest:
        shown = await ingest.show(uri, collection, attempts=attempts)
    output.value(shown)
    if not text:
        _write_document(shown, output)
        _write_attempts(shown.attempts, output)
        _write_pieces(shown, output)
    elif shown.text is not None:
        _write_text(shown.text, output)
    else:
        output.note(f"note: the text is {UNSEEN}, or none is live")


def _write_document(shown: Shown, output: Output) -> None:
    for name in ("uri", "collection", "state", "title", "media_type"):
        _pair(name, getattr(shown, name), output)
    _pair("size", size(shown.bytes), output)
    for name in ("chunks", "created_at", "changed_at"):
        _pair(name, getattr(shown, name), output)
    if shown.principals is not None:
        _pair("principals", ", ".join(shown.principals) or "nobody", output)
    for name, value in (shown.metadata or {}).items():
        _pair(name, value, output)


def _write_attempts(attempts: Sequence[Attempt], output: Output) -> None:
    if not attempts:
        return
    output.line()
    if output.terminal:
        _write_lines(of_attempts(attempts, output.width), output)
        return
    rows = [(one.created_at, became(one), one.chunks, one.request_id, one.hint) for one in attempts]
    output.table(("attempt", "became", "chunks", "request", "hint"), rows)


def _write_pieces(shown: Shown, output: Output) -> None:
    output.line()
    if shown.text is None and shown.revision_id is not None:
        output.line(f"text and chunks: {UNSEEN}")
    for piece in shown.pieces:
        path = " > ".join(map(str, piece.metadata.get("heading_path") or ()))
        output.line(f"chunk {piece.ordinal}, characters {piece.start_char} to {piece.end_char}  {path}", "bold")
        for line in as_read(piece.text).split("\n"):
            output.line(f"    {line}")


def _write_text(text: str, output: Output) -> None:
    for line in as_read(text).split("\n"):
        output.line(line)
