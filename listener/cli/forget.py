"""``forget``, ``let-back``: remove all traces of documents, after a look at how many there are, and keep them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.deletion import confirm
from listener.cli.output import Output
from listener.cli.problems import OK, UsageProblem
from listener.cli.running import open_ingest, run

if TYPE_CHECKING:
    from listener.client.forgotten import Removed


def forget(
    uri: Annotated[
        str | None, typer.Argument(metavar="[URI]", help="Of a document; an absolute path is a file's.")
    ] = None,
    under: Annotated[
        str | None, typer.Option("--under", metavar="PREFIX", help="All whose URI begins so: /srv/old/ of a folder.")
    ] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", metavar="NAME", help="In this collection; alone: all of it.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="NAME", help="In all collections of a tenant; for the owner.")
    ] = None,
    may_return: Annotated[
        bool, typer.Option("--may-return", help="Do not keep it out: a later request brings it back.")
    ] = False,
    timeout: Annotated[
        int,
        typer.Option(metavar="SECONDS", min=0, help="How long to wait for a listener to do the rest; 0: not."),
    ] = 60,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Remove documents with all traces: texts, chunks, revisions, requests, caches, DBOS's rows. Says how much; asks.

    What has a URI is kept out from then on (let-back lets it in). Backups, the write-ahead log and the source itself
    are out of reach. In SQL: ingest_would_forget and ingest_forget, with uri, under, collection, tenant.

    \b
    ingest forget /srv/customers/anna.md -c customers
    ingest forget --under /srv/customers/anna/ -c customers --yes
    ingest forget --collection trial --yes
    """
    if (collection is None) == (tenant is None):
        raise UsageProblem("usage", "it takes --collection or --tenant", "ingest forget --help")
    if uri is not None and under is not None:
        raise UsageProblem("usage", "it takes a URI or --under PREFIX, not both", "ingest forget --help")
    if under == "":
        raise UsageProblem("empty_prefix", "--under is empty", "For everything, leave it out.")
    scope = {
        "uri": uri and arguments.document_uri(uri),
        "under": under and arguments.document_uri(under),
        "collection": collection,
        "tenant": tenant,
    }
    return run(_forget(scope, not may_return, timeout, yes, show_sql, Output(as_json)))


async def _forget(
    scope: Mapping[str, str | None], keep_out: bool, timeout: int, yes: bool, show_sql: bool, output: Output
) -> int:
    async with open_ingest(output, show_sql) as ingest:
        if not yes:
            await confirm(_told(await ingest.would_forget(**scope)), output)
        removed = await ingest.forget(**scope, keep_out=keep_out, wait_seconds=timeout or None)
    _show(removed, output)
    return OK


def _told(there: Mapping[str, int]) -> str:
    counted = [f"{count} {what}" for what, count in there.items() if count]
    return f"{', '.join(counted) or 'what may be left'}, with all traces"


def _show(removed: Sequence[Removed], output: Output) -> None:
    output.value({"forgotten": [{"what": one.what, "removed": one.removed, "remains": one.remains} for one in removed]})
    for one in removed:
        if one.removed or (one.remains and one.removed is not None):
            rest = f", {one.remains} remain: {one.note}" if one.remains else ""
            output.line(f"{one.what}: {one.removed} removed{rest}")


def let_back(
    uri: Annotated[str, typer.Argument(metavar="URI", help="Of the document, exactly; an absolute path is a file's.")],
    collection: arguments.Collection = "default",
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Let a document that was forgotten be ingested again: select ingest_let_back(uri, collection).

    \b
    ingest let-back notes/frost.md
    """
    return run(_let_back(arguments.document_uri(uri), collection, show_sql, Output(as_json)))


async def _let_back(uri: str, collection: str, show_sql: bool, output: Output) -> int:
    async with open_ingest(output, show_sql) as ingest:
        was_out = await ingest.let_back(uri, collection)
    output.value({"uri": uri, "collection": collection, "was_kept_out": was_out})
    output.line("it may come back" if was_out else "it was not kept out")
    return OK
