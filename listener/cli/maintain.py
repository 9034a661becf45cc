"""``maintain``: make, rebuild and drop indexes now, as the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.problems import FAILED, OK
from listener.cli.running import importing, load_settings, run
from listener.errors import OperatorError

if TYPE_CHECKING:
    import asyncpg

    from listener.settings import Settings


def maintain(
    every: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1, help="Repeat, with this many seconds in between.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: arguments.Json = False,
) -> int:
    """Make, rebuild and drop indexes of vectors now, as the owner; listeners that have its connection do so too.

    It connects by INGEST_MAINTENANCE_URL, or else INGEST_DATABASE_URL. Nobody has to wait. The state of each is in
    the view ingest_indexes. Exit status 1 if something failed; it is tried again by the next round.

    \b
    ingest maintain --dry-run
    ingest maintain
    ingest maintain --every 60
    """
    output = Output(as_json)
    return run(_rounds(every, output) if every and not dry_run else _round(load_settings(), dry_run, output))


async def _rounds(seconds: float, output: Output) -> int:
    import anyio

    settings = load_settings()
    await _round(settings, False, output)
    while True:  # what was reached once comes back
        await anyio.sleep(seconds)
        try:
            await _round(settings, False, output)
        except OperatorError as error:
            output.note(f"{error.code}: {error.message}; tried again in {seconds:g} seconds")


async def _round(settings: Settings, dry_run: bool, output: Output) -> int:
    with importing():
        from listener.database.dsn import find_dsn
        from listener.database.owner import owner_session
    from listener.engine import index_rows

    dsn = await find_dsn(settings, output.note)
    async with owner_session(settings, dsn) as connection:
        await index_rows.count(connection.fetch)
        return await (_plan(connection, output) if dry_run else _do(connection, settings, output))


async def _plan(connection: asyncpg.Connection, output: Output) -> int:
    from listener.engine import index_rows

    planned = await index_rows.planned(connection.fetch)
    output.value({"planned": planned})
    for one in planned:
        output.line(f"{one.todo} the index of {one.collection!r} ({one.chunks} chunks): {one.why}")
    if not planned:
        output.line("nothing to do")
    return OK


async def _do(connection: asyncpg.Connection, settings: Settings, output: Output) -> int:
    from listener.engine.indexing import maintain as do_all

    done = await do_all(connection, settings.maintenance_memory_mb, output.line)
    if done is None:
        output.note("another session is maintaining the indexes: see the view ingest_indexes")
    for one in done or ():
        if one.error:
            output.note(f"failed: {one.task.name}, index of {one.task.collection!r}: {one.error}")
    if done == []:
        output.line("nothing to do")
    output.value({"busy": done is None, "done": done or []})
    return FAILED if any(one.error for one in done or ()) else OK
