"""What to paste after a quickstart: psql on that database, SQL to try there, a listener, the server's end."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from listener.cli.operate import embedded_server, search_path

if TYPE_CHECKING:
    from listener.settings import Settings


@dataclass(frozen=True, slots=True)
class NextSteps:
    """``psql`` is the shell line that opens psql; ``lines`` is everything, for people."""

    psql: str
    lines: list[str]


async def next_steps(settings: Settings, query: str | None, collection: str, source: str, root: Path) -> NextSteps:
    """Return what to do after a quickstart; each indented line can be pasted."""
    psql = await _psql_line(settings)
    statements = [f"  {statement}" for statement in _statements(query, collection, source)]
    lines = ["", "Go on in psql:", f"  {psql}", *statements]
    lines += ["", "Requests need a running listener:", f"  {_ingest(settings, 'listen', INGEST_ROOTS=str(root))}"]
    watch = f"watch {shlex.quote(source)} -c {shlex.quote(collection)} --on-change"
    lines += ["", "Keep it in sync from then on, deletions too:", f"  {_ingest(settings, watch)}"]
    if not settings.database_url:
        lines += ["", "Postgres stays running. To stop it:", f"  {_ingest(settings, 'stop')}"]
    return NextSteps(psql, lines)


async def _psql_line(settings: Settings) -> str:
    from listener.database.dsn import check_dsn

    if settings.database_url:  # not written out: it may hold a password
        command, dsn = 'psql "$INGEST_DATABASE_URL"', check_dsn(settings.database_url)
    else:
        server = await embedded_server(settings)
        command, dsn = server.psql_command(), server.dsn()
    path = await search_path(settings, dsn)
    return f"PGOPTIONS={shlex.quote(f'-c search_path={path}')} {command}" if path else command


def _statements(query: str | None, collection: str, source: str) -> list[str]:
    from listener.client.session import as_psql

    statements = [
        as_psql("select uri, title, chunks from ingest_documents where collection = $1 limit 10", collection),
        as_psql("insert into ingest_requests (source, collection) values ($1, $2)", source, collection),
        as_psql("select id, status, percent, waiting_for from ingest_status order by created_at desc limit 5"),
    ]
    if query:
        found = "select uri, ordinal, score, left(text, 60) from ingest_search($1, $2, 5)"
        statements.insert(0, as_psql(found, query, collection))
    return statements


def _ingest(settings: Settings, verb: str, **variables: str) -> str:
    """Return the shell line for a verb that does the same to the same database."""
    given: dict[str, str] = variables
    if settings.data_dir and not settings.database_url:
        given = {**given, "INGEST_DATA_DIR": str(settings.data_dir)}
    if settings.schema_ != "public":
        given = {**given, "INGEST_SCHEMA": settings.schema_}
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in given.items()), _program(), verb])


def _program() -> str:
    """Return how this program is called here: it need not be on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "ingest":
        return f"{shlex.quote(sys.executable)} -m listener"
    on_path = shutil.which("ingest")
    return "ingest" if on_path and Path(on_path).resolve() == called.resolve() else shlex.quote(str(called))
