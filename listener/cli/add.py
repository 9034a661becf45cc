"""``add``: ask for something to be ingested."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from listener.cli import arguments
from listener.cli.follow import follow_to_end, going_on
from listener.cli.output import Output
from listener.cli.problems import OK, UsageProblem
from listener.cli.running import open_ingest, run
from listener.cli.unreadable import warn_of_unreadable

if TYPE_CHECKING:
    from listener.client import Ingest

STDIN = "-"


def add(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE…", help="Files, folders, quoted globs, URLs; - is stdin.")
    ],
    collection: arguments.Collection = "default",
    option: arguments.Options = None,
    metadata: arguments.Metadata = None,
    priority: Annotated[int, typer.Option(help="Lower runs first.")] = 0,
    run_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Earliest start, as Postgres parses it, in the server's time zone."),
    ] = None,
    dedupe_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="If an unfinished request has this key, print its id instead.")
    ] = None,
    uri: Annotated[str | None, typer.Option(help="Name of the document on stdin; by default the request's id.")] = None,
    media_type: Annotated[str | None, typer.Option(help="Its media type, like text/markdown.")] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Delete documents that came from the SOURCE and are there no more.")
    ] = False,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Ask for sources to be ingested: insert one row for each SOURCE, all or none of them.

    Prints the ids of the requests. A relative path is made absolute; it is looked for on the machine of the listener.
    A value of K=V is JSON if it can be parsed, otherwise text; a repeated key makes an array. If listeners run, but
    none may read a SOURCE, a warning says so; the request waits for one that may, --wait for ten seconds.

    \b
    ingest add docs/ --wait
    ingest add docs/ -o include=*.md -o include=*.html -o exclude=drafts/**
    ingest add '/srv/mail/**/*.txt' -c mail -m team=support --priority 10
    ingest add docs/ --mirror
    ingest add /srv/docs --run-at 'tomorrow 03:00' --dedupe-key nightly
    curl -s https://example.org/a.html | ingest add - --uri https://example.org/a.html --media-type text/html
    """
    _check_together(sources, dedupe_key)
    options = arguments.json_object("--option", option or []) | ({"mirror": True} if mirror else {})
    kept = arguments.json_object("--metadata", metadata or [])

    async def ask(ingest: Ingest, source: str | None, content: str | bytes | None) -> UUID:
        return await ingest.add(
            source,
            content=content,
            uri=uri,
            media_type=media_type,
            collection=collection,
            options=options,
            metadata=kept,
            priority=priority,
            run_at=run_at,
            dedupe_key=dedupe_key,
        )

    return run(_add(_documents(sources), ask, wait, show_sql, Output(as_json)))


def _check_together(sources: Sequence[str], dedupe_key: str | None) -> None:
    if len(sources) > 1 and STDIN in sources:
        raise UsageProblem(
            "stdin_goes_alone", "- (stdin) is given together with other SOURCEs", "Add it in a separate call."
        )
    if len(sources) > 1 and dedupe_key is not None:
        hint = "With one key for several, all but the first would be dropped: add them one by one."
        raise UsageProblem("one_key_for_several", "--dedupe-key goes with one SOURCE", hint)


_Document = tuple[str | None, str | bytes | None]  # a source, or the content itself


def _documents(sources: Sequence[str]) -> list[_Document]:
    if list(sources) == [STDIN]:
        return [(None, _stdin())]
    return [(arguments.absolute_source(source), None) for source in sources]


def _stdin() -> str | bytes:
    content = sys.stdin.buffer.read()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    return content if "\0" in text else text  # Postgres's text can't hold NUL


async def _add(
    documents: Sequence[_Document],
    ask: Callable[[Ingest, str | None, str | bytes | None], Awaitable[UUID]],
    wait: bool,
    show_sql: bool,
    output: Output,
) -> int:
    async with open_ingest(output, show_sql) as ingest:
        if len(documents) == 1:
            ids = [await ask(ingest, *documents[0])]
        else:
            async with ingest.transaction() as together:
                ids = [await ask(together, *document) for document in documents]
        if not (wait and output.json):
            for request in ids:
                output.line(str(request))
        with going_on(ids, output):
            await warn_of_unreadable(ingest, ids, output)
        if wait:
            return await follow_to_end(ingest, ids, output)
    output.value([{"id": request} for request in ids])
    return OK
