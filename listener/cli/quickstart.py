"""``quickstart``: from a folder of documents to search results with one command, by SQL that it shows.

Top to bottom: the path is looked at before anything starts; then Postgres, the schema, a listener in this process, an
INSERT, progress, outcome, a search, and how to continue in psql.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from listener import logs
from listener.cli import arguments, search
from listener.cli.follow import error_lines, follow, note_lines, outcome_line
from listener.cli.listen import running
from listener.cli.next_steps import next_steps
from listener.cli.output import Output
from listener.cli.problems import OK, outcome
from listener.cli.running import importing, load_settings, run
from listener.cli.summary import SHOWN_DOCUMENTS, Summary
from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.client import Hit, Ingest, Status
    from listener.client.first_run import Earlier
    from listener.service import Listener
    from listener.settings import Settings

T = TypeVar("T")

SHOWN_HITS = 3
JSON_FAILURES = 10
GRACE_SECONDS = 2.0  # a user who stops it wants it to end; the next run continues


def quickstart(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A folder of documents, or one document.")],
    collection: arguments.Collection = "default",
    query: Annotated[
        str | None, typer.Option("--search", metavar="TEXT", help="What to search for at the end; by default a title.")
    ] = None,
    embedder: Annotated[
        str | None, typer.Option("--embedder", metavar="NAME", help="Of a new collection: local, neural, openai.")
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
    ingest quickstart docs/ -c better --embedder neural      a model of sentence-transformers: the extra neural
    """
    source = arguments.absolute_source(path)
    settings = _settings_for(source, embedder)
    logs.to_stderr("WARNING", "json" if as_json else "text")
    return run(_quickstart(settings, source, collection, query, Output(as_json)))


def _settings_for(source: str, embedder: str | None) -> Settings:
    """Return the settings with ``source`` below a root; raises RequestError if there is nothing to ingest."""
    from listener.errors import RequestError
    from listener.settings.roots import folders_among
    from listener.sources.folder_roots import FolderRoots
    from listener.sources.options import RequestOptions
    from listener.sources.walk import Walk

    settings = load_settings()
    if Path(source).exists() and not (Path(source).is_file() or Path(source).is_dir()):
        raise RequestError("not_a_file", f"{source} is neither a file nor a folder", "Give a file or a folder.")
    root = Path(source).parent if Path(source).is_file() else Path(source)
    roots = (*settings.file_roots, root)
    next(Walk(FolderRoots((*folders_among(settings.roots), *roots)), source, RequestOptions()).found())
    grace = min(settings.grace_seconds, GRACE_SECONDS)
    update = {
        "file_roots": roots,
        "log_level": "WARNING",
        "grace_seconds": grace,
        "embedder": embedder or settings.embedder,
    }
    return settings.model_copy(update=update)


async def _quickstart(settings: Settings, source: str, collection: str, query: str | None, output: Output) -> int:
    with importing():
        from listener import service
    from listener.client import Ingest, first_run, open_session
    from listener.database.dsn import find_dsn, shown
    from listener.database.holdups import Patience

    began = time.monotonic()
    output.line(f"Postgres: {shown(settings.database_url) if settings.database_url else 'the embedded one'}", "dim")
    dsn = await find_dsn(settings, output.note)
    applied = await service.migrate(settings, dsn, Patience(say=output.note))
    state = f"{len(applied)} SQL files applied" if applied else "up to date"
    output.line(f"Schema {settings.schema_}: {state}", "dim")
    listener = service.Listener(settings, dsn)
    async with running(listener), open_session(dsn, settings.schema_) as session:
        ingest = Ingest(session)
        status = await _while_it_listens(listener, _ingest(ingest, source, collection, settings.lease_seconds, output))
        summary = await _summary(ingest, status)
        failed = await ingest.failures(status.id, limit=JSON_FAILURES)
        summary.write(output)
        query = query or await first_run.something_to_find(session, status.id)
        hits = await _found(ingest, query, collection, source, output) if query else []
    steps = await next_steps(settings, query, collection, source, settings.file_roots[-1])
    for line in steps.lines:
        output.line(line)
    output.value(
        {
            "request": status,
            "documents": summary.documents,
            "kinds": summary.kinds,
            "failures": failed,
            "failures_by_code": summary.groups,
            "search": {"query": query, "results": hits},
            "psql": steps.psql,
            "seconds": round(time.monotonic() - began, 2),
        }
    )
    # It has shown what failed; a folder with some files of unknown formats is no failure of a first run.
    return OK if status.status == "partially_succeeded" else outcome([status.status])


async def _summary(ingest: Ingest, status: Status) -> Summary:
    from listener.client import first_run, overview

    groups = await overview.failure_groups(ingest.session, {"request": str(status.id)}, now=False)
    kinds = await first_run.kinds(ingest.session, status.id)
    documents = await first_run.ingested(ingest.session, status.id, SHOWN_DOCUMENTS)
    return Summary(status, kinds, groups, documents)


async def _found(ingest: Ingest, query: str, collection: str, source: str, output: Output) -> list[Hit]:
    """Search what lies at ``source``, and show what is found."""
    sought = search.Sought(query, collection=collection, more={"k": SHOWN_HITS, "under": _uris_begin(source)})
    hits, notes = await sought.find(ingest)
    output.line()
    output.line(f'Search for "{query}":', "bold")
    for note in notes:
        output.note(f"note: {note}")
    await sought.write(ingest, hits, output)
    return hits


def _uris_begin(source: str) -> str:
    from listener.sources.paths import uri_of

    return uri_of(source) if Path(source).is_file() else uri_of(source).rstrip("/") + "/"


async def _while_it_listens(listener: Listener, work: Awaitable[T]) -> T:
    """Return what ``work`` returns; raise instead what ended ``listener`` before."""
    from listener.concurrency import task_group

    async def listen() -> None:
        await listener.wait()
        raise OperatorError("listener_ended", "the listener ended before the request did", "Run it again.")

    async with task_group() as tasks:
        tasks.start_soon(listen)
        result = await work
        tasks.cancel_scope.cancel()
    return result


async def _ingest(ingest: Ingest, source: str, collection: str, lease: float, output: Output) -> Status:
    from listener.client import first_run

    if earlier := await first_run.earlier(ingest.session, source, collection):
        output.line(_goes_on(earlier, lease))
        await follow(ingest, [earlier.id], output)
    output.line()
    for line in first_run.insert_shown(ingest.session, source, collection).splitlines():
        output.line(f"  {line}", "cyan")
    output.line()
    request = await first_run.insert(ingest.session, source, collection)
    (status,) = await follow(ingest, [request], output)
    output.line(f"{status.id} {outcome_line(status)}", "bold")
    for line in error_lines(status) + note_lines(status):
        output.line(f"  {line}")
    return status


def _goes_on(earlier: Earlier, lease: float) -> str:
    when = f", once the lease of the listener that had it is over (at most {lease:g} s)" if earlier.started else ""
    return f"Request {earlier.id} of an earlier run is unfinished: this listener continues it first{when}."
