"""``add``: ask for something to be ingested."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from listener.cli import arguments
from listener.cli.follow import follow, tell_outcomes
from listener.cli.output import Output
from listener.cli.problems import OK, UsageProblem, outcome
from listener.cli.session import Session, find_dsn, load_settings, open_session, run

STDIN = "-"


def add(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE…", help="Files, folders, quoted globs, file:// URLs; - is stdin.")
    ],
    collection: arguments.Collection = "default",
    option: arguments.Options = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", "-m", metavar="K=V", help="Kept with each chunk, for filters.")
    ] = None,
    priority: Annotated[int, typer.Option(help="Lower runs first.")] = 0,
    run_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not before; as Postgres reads it, in the server's time zone.")
    ] = None,
    dedupe_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="If an unfinished request has this key, print its id instead.")
    ] = None,
    uri: Annotated[str | None, typer.Option(help="Name of the document on stdin; by default the request's id.")] = None,
    media_type: Annotated[str | None, typer.Option(help="Its media type, like text/markdown.")] = None,
    wait: arguments.Wait = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Ask for sources to be ingested: insert one row for each SOURCE, all or none of them.

    Prints the ids of the requests. A relative path is made absolute; it is looked for on the machine of the listener.
    A value of K=V is JSON where it can be, else text; a key that is given twice makes an array.

    \b
    ingest add docs/ --wait
    ingest add docs/ -o include=*.md -o include=*.html -o exclude=drafts/**
    ingest add '/srv/mail/**/*.txt' -c mail -m team=support --priority 10
    ingest add /srv/docs --run-at 'tomorrow 03:00' --dedupe-key nightly
    curl -s https://example.org/a.html | ingest add - --uri https://example.org/a.html --media-type text/html
    """
    rows = _new_rows(
        sources,
        collection=collection,
        options=arguments.json_object("--option", option or []) if option else None,
        metadata=arguments.json_object("--metadata", metadata or []) if metadata else None,
        priority=priority or None,
        run_at=run_at,
        dedupe_key=dedupe_key,
        uri=uri,
        media_type=media_type,
    )
    return run(_add(rows, wait, show_sql, Output(as_json)))


def _new_rows(sources: Sequence[str], **columns: Any) -> list[dict[str, Any]]:
    given = {name: value for name, value in columns.items() if value is not None}
    if len(sources) > 1 and STDIN in sources:
        raise UsageProblem("stdin_goes_alone", "- (stdin) stands beside other SOURCEs", "Add it in a call of its own.")
    if len(sources) > 1 and "dedupe_key" in given:
        hint = "With one key for several, all but the first would be dropped: add them one by one."
        raise UsageProblem("one_key_for_several", "--dedupe-key goes with one SOURCE", hint)
    if list(sources) == [STDIN]:
        return [_stdin() | given]
    return [{"source": arguments.absolute_source(source)} | given for source in sources]


def _stdin() -> dict[str, str | bytes]:
    content = sys.stdin.buffer.read()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"content_bytes": content}
    return {"content_bytes": content} if "\0" in text else {"content": text}  # Postgres's text can't hold NUL


async def _add(rows: Sequence[dict[str, Any]], wait: bool, show_sql: bool, output: Output) -> int:
    settings = load_settings()
    async with open_session(settings, await find_dsn(settings, output), output, show_sql=show_sql) as session:
        if len(rows) == 1:
            ids = [await insert(session, rows[0])]
        else:
            async with session.transaction():
                ids = [await insert(session, row) for row in rows]
        if not (wait and output.json):
            for request in ids:
                output.line(str(request))
        if not wait:
            output.value([{"id": request} for request in ids])
            return OK
        ended = await follow(session, ids, output)
    output.value(ended)
    tell_outcomes(ended, output)
    return outcome(row["status"] for row in ended)


_CASTS = {"options": "::jsonb", "metadata": "::jsonb", "run_at": "::text::timestamptz"}


async def insert(session: Session, row: dict[str, Any]) -> UUID:
    """Insert a request with the columns of ``row`` and return its id; of a taken dedupe key, the id that has it."""
    values = [f"${number}{_CASTS.get(name, '')}" for number, name in enumerate(row, 1)]
    if "dedupe_key" in row:
        named = ", ".join(f"{name} => {value}" for name, value in zip(row, values, strict=True))
        text = f"select ingest_add({named})"
    else:
        columns = ", ".join(row)  # names from this file only
        text = f"insert into ingest_requests ({columns}) values ({', '.join(values)}) returning id"  # noqa: S608
    request = await session.value(text, *row.values())
    assert isinstance(request, UUID)
    return request
