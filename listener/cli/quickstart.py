"""``quickstart``: from a folder of documents to search results with one command, by SQL that it shows.

Top to bottom: the path is looked at before anything starts; then Postgres, the schema, a listener in this process, an
INSERT, progress, what came of it, a search, and how to go on in psql.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from listener import logs
from listener.cli import arguments, search
from listener.cli.follow import UNFINISHED, counted, error_lines, follow, outcome_line
from listener.cli.listen import running
from listener.cli.next_steps import next_steps
from listener.cli.output import Output, Row
from listener.cli.problems import OK, outcome
from listener.cli.session import Session, Statement, find_dsn, load_settings, masked, open_session, run
from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.service import Listener
    from listener.settings import Settings

T = TypeVar("T")

SHOWN_DOCUMENTS = 8
SHOWN_FAILURES = 10
GRACE_SECONDS = 2.0  # whoever stops it wants it to end; the next run goes on


def quickstart(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A folder of documents, or one document.")],
    collection: arguments.Collection = "default",
    query: Annotated[
        str | None, typer.Option("--search", metavar="TEXT", help="What to search for at the end; by default a title.")
    ] = None,
    as_json: arguments.Json = False,
) -> int:
    """Ingest PATH into Postgres and search it, showing the SQL that does it.

    Uses the Postgres that INGEST_DATABASE_URL names, or starts the embedded one, which stays running; installs the
    tables, runs a listener for as long as it takes, inserts a request and follows it. Run it again as often as you
    like: what did not change is skipped, and what a run that was killed left unfinished is finished first.

    The exit status is 0 also when some documents failed: it shows which, and why.

    \b
    ingest quickstart docs/
    ingest quickstart docs/ -c manuals --search "how do I resume?"
    """
    source = arguments.absolute_source(path)
    settings = _settings_for(source)
    logs.to_stderr("WARNING", "json" if as_json else "text")
    return run(_quickstart(settings, source, collection, query, Output(as_json)))


def _settings_for(source: str) -> Settings:
    """Return the settings with ``source`` below a root; raises RequestError if there is nothing to ingest."""
    from listener.options import RequestOptions
    from listener.sources.folder_roots import FolderRoots
    from listener.sources.walk import Walk

    settings = load_settings()
    root = Path(source).parent if Path(source).is_file() else Path(source)
    roots = (*settings.file_roots, root)
    next(Walk(FolderRoots(roots), source, RequestOptions()).found())
    grace = min(settings.grace_seconds, GRACE_SECONDS)
    return settings.model_copy(update={"file_roots": roots, "log_level": "WARNING", "grace_seconds": grace})


async def _quickstart(settings: Settings, source: str, collection: str, query: str | None, output: Output) -> int:
    from listener import service

    began = time.monotonic()
    output.line(f"Postgres: {masked(settings.database_url) if settings.database_url else 'the embedded one'}", "dim")
    dsn = await find_dsn(settings, output)
    applied = await service.migrate(settings, dsn)
    output.line(
        f"Schema {settings.schema_}: " + (f"{len(applied)} SQL files applied" if applied else "up to date"), "dim"
    )
    listener = service.Listener(settings, dsn)
    async with running(listener), open_session(settings, dsn, output) as session:
        row = await _while_it_listens(listener, _ingest(session, source, collection, settings.lease_seconds))
        told = await _tell_documents(session, row)
        query = query or await _title(session, collection)
        found = await _tell_search(session, query, collection) if query else []
    steps = await next_steps(settings, query, collection, source, settings.file_roots[-1])
    for line in steps.lines:
        output.line(line)
    searched = {"query": query, "results": found}
    seconds = round(time.monotonic() - began, 2)
    output.value({"request": row, **told, "search": searched, "psql": steps.psql, "seconds": seconds})
    # It has shown what failed; that some files of a folder are of no known format is no failure of a first run.
    return OK if row["status"] == "partially_succeeded" else outcome([row["status"]])


async def _while_it_listens(listener: Listener, work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; raise instead what ended ``listener`` before."""
    task = asyncio.ensure_future(work)
    listening = asyncio.ensure_future(listener.wait())
    try:
        await asyncio.wait([task, listening], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            listening.result()
            raise OperatorError("listener_ended", "the listener ended before the request did", "Run it again.")
        return task.result()
    finally:
        for each in (task, listening):
            each.cancel()
        await asyncio.gather(task, listening, return_exceptions=True)


async def _ingest(session: Session, source: str, collection: str, lease: float) -> Row:
    if earlier := await _unfinished(session, source, collection):
        session.output.line(_goes_on(earlier, lease))
        await follow(session, [earlier["id"]], session.output)
    row = (await follow(session, [await _insert(session, source, collection)], session.output))[0]
    session.output.line(f"{row['id']} {outcome_line(row)}", "bold")
    for line in error_lines(row):
        session.output.line(f"  {line}")
    return row


def _goes_on(earlier: Row, lease: float) -> str:
    when = (
        f", once the lease of the listener that had it is over (at most {lease:g} s)" if earlier["started_at"] else ""
    )
    return f"Request {earlier['id']} of an earlier run is unfinished: this listener goes on with it first{when}."


async def _insert(session: Session, source: str, collection: str) -> UUID:
    """Insert the request, or return the unfinished one that another quickstart inserted at the same time."""
    statement = Statement(_INSERT, (source, collection, f"quickstart:{source}"))
    session.output.line()
    for line in statement.shown().splitlines():
        session.output.line(f"  {line}", "cyan")
    session.output.line()
    while True:
        request = await session.value(statement.text, *statement.values)
        row = None if request else await _unfinished(session, source, collection)
        if request or row:
            return UUID(str(request or (row and row["id"])))


_INSERT = """insert into ingest_requests (source, collection, dedupe_key)
values ($1, $2, $3)
on conflict do nothing
returning id"""


async def _unfinished(session: Session, source: str, collection: str) -> Row | None:
    return await session.row(
        "select id, status, started_at from ingest_requests where collection = $1 and status = any($2)"
        " and (dedupe_key = $3 or (source = $4 and run_at <= now())) order by created_at limit 1",
        collection,
        list(UNFINISHED),
        f"quickstart:{source}",
        source,
    )


async def _tell_documents(session: Session, request: Row) -> dict[str, list[Row]]:
    """Show some of what was ingested, and what failed; return that."""
    documents = await session.rows(_DOCUMENTS, request["id"], SHOWN_DOCUMENTS)
    failed = await session.rows(_FAILURES, request["id"], SHOWN_FAILURES)
    for row in documents:
        session.output.line(
            f"  {row['uri']}  {counted(row['chunks'], 'chunk')}" + (f"  {row['title']}" if row["title"] else "")
        )
    _tell_more((request["documents_done"] or 0) - len(documents), "select uri, chunks from ingest_documents", session)
    for row in failed:
        session.output.line(f"  failed: {row['uri']}", "red")
        for line in error_lines(row, "code", "message"):
            session.output.line(f"    {line}")
    _tell_more((request["documents_failed"] or 0) - len(failed), f"ingest failures {request['id']}", session)
    return {"documents": documents, "failures": failed}


def _tell_more(number: int, where: str, session: Session) -> None:
    if number > 0:
        session.output.line(f"  … and {number} more: {where}")


_DOCUMENTS = """select d.uri, d.title, d.chunks, d.bytes
from ingest_revisions v join ingest_documents d on d.revision_id = v.id
where v.request_id = $1 order by d.uri limit $2"""
_FAILURES = """select uri, step, code, message, hint from ingest_failures where request_id = $1 order by uri limit $2"""


async def _title(session: Session, collection: str) -> str | None:
    """Return something that a search should find: a title, or the first words of a chunk."""
    title = await session.value(
        "select title from ingest_documents where collection = $1 and revision_id is not null"
        " and title ~ '[[:alpha:]]{3}' order by uri limit 1",
        collection,
    )
    words = "select substring(text from '(?:[[:alpha:]]+[ ,.-]+){2,6}') from ingest_chunks"
    found = title or await session.value(f"{words} where collection = $1 limit 1", collection)
    return str(found).strip() if found else None


async def _tell_search(session: Session, query: str, collection: str) -> list[Row]:
    rows, _ = await search.find(session, query, collection, 3)
    session.output.line()
    session.output.line(f'Search for "{query}":', "bold")
    search.tell(rows, session.output)
    return rows
