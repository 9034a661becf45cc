"""``health``: does a listener of this host give signs of life? For HEALTHCHECK of a container and probes of Kubernetes.

What is asked is the row that each listener keeps in ``ingest_listeners``, by the database's clock: its heartbeat runs
on the same event loop as its work, so a listener that hangs falls silent.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.problems import FAILED, OK, Problem, explain
from listener.cli.running import load_settings, run
from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.client.diagnosis import Beating
    from listener.settings import Settings


def health(
    live: Annotated[bool, typer.Option("--live", help="Fail only if the database answers.")] = False,
    anywhere: Annotated[bool, typer.Option("--any", help="Accept a listener on any host.")] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Longest wait for the database.")] = 3.0,
    as_json: arguments.Json = False,
) -> int:
    """Say whether a listener of this host is alive: exit status 0 if so, otherwise 1.

    Alive is whose last heartbeat is younger than its lease (INGEST_LEASE_SECONDS). It must use the same database and
    schema; this host is known by its name, which for a container is the container's own.

    A listener waits for a database that is away, and to kill it would not help. So ask with --live where a failure
    ends the process (Kubernetes: livenessProbe), and without where it only shows (readinessProbe, HEALTHCHECK).

    \b
    ingest health                   the database answers, and a listener of this host beats
    ingest health --live            the same, or the database does not answer, or was restored: then listeners wait
    ingest health --any             a listener beats, wherever it runs
    """
    output = Output(as_json)
    host = None if anywhere else socket.gethostname()
    return run(_health(load_settings(), host, timeout, live, output))


async def _health(settings: Settings, host: str | None, timeout: float, live: bool, output: Output) -> int:
    try:  # anyio's backend would be a tenth of what a probe costs
        beating = await asyncio.wait_for(_beating(settings, host), timeout)
    except Exception as error:  # whatever happened, a probe wants yes or no
        return _unanswered(explain(_named(error, timeout)), live, output)
    if not beating:
        return _silent(host, output)
    output.value({"healthy": True, "listeners": beating, "error": None})
    for one in beating:
        places = f"{one.running} of {one.capacity} places taken"
        output.line(f"alive: {one.executor_id}, heard {one.silent_seconds:g} seconds ago, {places}")
    return OK


async def _beating(settings: Settings, host: str | None) -> list[Beating]:
    from listener.client import diagnosis, open_session

    async with open_session(await _dsn(settings), settings.schema_) as session:
        if reason := await diagnosis.restored(session):  # the signs of life that it has may be the original's
            raise OperatorError("restored_database", f"listeners wait: {reason}", "Then: ingest confirm-restore")
        return await diagnosis.beating(session, host)


async def _dsn(settings: Settings) -> str:
    """Return where the database is; one that has to be started first has no listeners."""
    from listener.cli.operate import embedded_runs
    from listener.database.dsn import find_dsn

    if not settings.database_url and not embedded_runs(settings):
        raise OperatorError("database_unreachable", "the embedded Postgres is not running", "Start: ingest listen")
    return await find_dsn(settings)


def _named(error: Exception, timeout: float) -> Exception:
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        hint = "Is it overloaded, or does a firewall drop packets? --timeout gives it more time."
        return OperatorError("database_unreachable", f"the database took over {timeout:g} seconds", hint)
    return error


def _unanswered(problem: Problem, live: bool, output: Output) -> int:
    """The database did not answer, or not as an installation of ours does."""
    error = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    output.value({"healthy": live, "listeners": [], "error": error})
    output.line(f"{'unknown' if live else 'unhealthy'}: {problem.code}: {problem.message}")
    output.line(f"hint: {problem.hint}")
    return OK if live else FAILED


def _silent(host: str | None, output: Output) -> int:
    where = f"on host {host}" if host else "on any host"
    silent = OperatorError(
        "no_heartbeat",
        f"no listener {where} gave a sign of life within its lease",
        "Start: ingest listen. Does it use the same INGEST_DATABASE_URL and INGEST_SCHEMA?",
    )
    return _unanswered(explain(silent), False, output)
