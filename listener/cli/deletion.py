"""``delete``: take documents away, after a look at how many they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.problems import OK, UsageProblem
from listener.cli.running import open_ingest, run
from listener.errors import RequestError

if TYPE_CHECKING:
    from listener.client import Ingest


def delete(
    uris: Annotated[
        list[str] | None, typer.Argument(metavar="URI", help="URIs of documents; an absolute path means a file.")
    ] = None,
    under: Annotated[
        str | None,
        typer.Option("--under", metavar="PREFIX", help="All whose URI begins with this: /srv/old/ for a folder."),
    ] = None,
    collection: arguments.Collection = "default",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> int:
    """Delete documents of a collection, with their chunks. Says how many they are, and asks.

    A reading that is under way does not bring them back; a later request for them does. Requests stay. In SQL:
    ingest_delete_documents(collection, uris), or, page by page, ingest_delete_under(collection, prefix).

    \b
    ingest delete notes/frost.md
    ingest delete --under /srv/docs/old/ -c handbook --yes
    """
    if (under is None) == (not uris):
        raise UsageProblem("usage", "it takes URIs, or --under PREFIX", "ingest delete --help")
    if under == "":
        hint = "It would match all documents. To delete them all: select ingest_delete_documents('COLLECTION')."
        raise UsageProblem("empty_prefix", "--under is empty", hint)
    wanted = list(dict.fromkeys(map(arguments.document_uri, uris or [])))
    prefix = None if under is None else arguments.document_uri(under)
    return run(_delete(wanted, prefix, collection, yes, show_sql, Output(as_json)))


async def _delete(
    uris: list[str], prefix: str | None, collection: str, yes: bool, show_sql: bool, output: Output
) -> int:
    async with open_ingest(output, show_sql) as ingest:
        count = await _count(ingest, uris, prefix, collection)
        what = f'{count} document{"" if count == 1 else "s"} of collection "{collection}"'
        if count and not yes:
            await confirm(what, output)
        elif count:
            output.note(f"deleting {what}")
        deleted = 0
        if count and prefix is not None:
            deleted = await ingest.delete_under(prefix, collection)
        elif count:
            deleted = await ingest.delete_documents(uris, collection)
    output.value({"collection": collection, "deleted": deleted})
    output.line(f"{deleted} deleted" if count else f'no document of collection "{collection}" begins with {prefix}')
    return OK


async def _count(ingest: Ingest, uris: list[str], prefix: str | None, collection: str) -> int:
    if prefix is not None:
        return await ingest.count_documents(collection, under=prefix)
    count = await ingest.count_documents(collection, uris=uris)
    if count < len(uris):
        there = f"{count} of these {len(uris)} documents are" if len(uris) > 1 else f'there is no document "{uris[0]}"'
        hint = f"Nothing was deleted. See: ingest documents {collection}"
        raise RequestError("unknown_document", f'{there} in collection "{collection}"', hint)
    return count


async def confirm(what: str, output: Output) -> None:
    """Ask before something is deleted; raises UsageProblem ``not_confirmed`` where nobody can be asked."""
    if output.json or not sys.stdin.isatty():
        raise UsageProblem("not_confirmed", f"this would delete {what}", "Add --yes.")
    if not await confirmed(f"Delete {what}?"):
        raise UsageProblem("not_confirmed", f"nothing was deleted: this would delete {what}", "Answer y, or add --yes.")


async def confirmed(question: str) -> bool:
    """Ask the user at the terminal; no answer (Ctrl-D, an empty line) means no. A signal ends the wait."""
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    await anyio.wait_readable(sys.stdin)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        typer.echo(err=True)  # Ctrl-D leaves the cursor after the question
    return answer.strip().lower() in ("y", "yes")
