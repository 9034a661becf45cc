"""``doctor``: what can be wrong between here and a finished request, looked at one by one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.advising import show_advice
from listener.cli.database_checks import look_inside, reachable
from listener.cli.findings import Bad, Findings, conclude
from listener.cli.operate import embedded_runs
from listener.cli.output import Output
from listener.cli.problems import OK
from listener.cli.root_checks import look_at_roots
from listener.cli.running import load_settings, open_session_of, run
from listener.cli.step_checks import installed_steps

if TYPE_CHECKING:
    from listener.settings import Settings

EMBED_SECONDS = 15.0


def doctor(
    settings: Annotated[bool, typer.Option("--settings", help="Show every setting instead.")] = False,
    kind: Annotated[
        str | None, typer.Option("--as", metavar="KIND", help="Check instead what this role lacks as a submitter, …")
    ] = None,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="With --as: in this collection.")] = None,
    advise: Annotated[bool, typer.Option("--advise", help="Say what to set in Postgres for what it holds.")] = False,
    as_json: arguments.Json = False,
) -> int:
    """Check what ingestion needs, one by one, and say what to do about each problem.

    Exit status 5 if there is a problem, not for warnings. Nothing is changed or started.

    \b
    ingest doctor
    ingest doctor --settings        each setting: variable, value, default, what it means
    ingest doctor --as searcher     whether the role in INGEST_DATABASE_URL may search; or submitter, operator,
                                    gateway, listener
    ingest doctor --advise          settings, vacuum, WAL, indexes, connections: what to change, and why
    """
    output = Output(as_json)
    if settings:
        return _show_settings(load_settings(), output)
    if advise:
        return run(show_advice(output))
    return run(_look_at_role(output, kind, collection) if kind else _doctor(output))


def _show_settings(settings: Settings, output: Output) -> int:
    from listener.database.dsn import shown
    from listener.settings import variable

    rows = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name in ("database_url", "pooler_url", "maintenance_url", "openai_base_url", "reranker_url") and value:
            value = shown(value)
        rows.append((variable(field.alias or name), _plain(value), _plain(field.default), field.description))
    output.value([dict(zip(("variable", "value", "default", "description"), row, strict=True)) for row in rows])
    output.table(("variable", "value", "default", "meaning"), rows)
    return OK


def _plain(value: object) -> bool | int | float | str | None:
    if isinstance(value, tuple):
        return ":".join(map(str, value))
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


async def _doctor(output: Output) -> int:
    from listener.database.dsn import check_dsn
    from listener.settings import misspelt

    settings, findings = load_settings(), Findings(output)
    for name, meant in misspelt(os.environ):
        await findings.look("settings", _unread(name, meant))
    await look_at_roots(settings, findings)
    await findings.look("embedder", _embedder(settings))
    if settings.reranker != "off":
        await findings.look("re-ranker", _reranker(settings))
    await findings.look("parsers", _parsers(settings))
    await findings.look("own steps", installed_steps(settings))
    dsn = await _find_running(settings, findings)
    if dsn and await findings.look("database", reachable(settings, dsn)):
        await look_inside(settings, check_dsn(dsn), findings)
    return conclude(findings, output)


async def _look_at_role(output: Output, kind: str, collection: str | None) -> int:
    from listener.client import statements

    settings, findings = load_settings(), Findings(output)
    async with open_session_of(settings, output) as session:
        if kind == "listener":
            uses = bool(await session.value(statements.USES_DBOS, settings.schema_of_dbos))
            await findings.look(
                "role", _holds("use of DBOS's tables", uses, "As the owner: ingest grant ROLE --as listener")
            )
        for what, ok, hint in await session.rows(statements.CHECK_ROLE, kind, collection):
            await findings.look("role", _holds(what, ok, hint))
    return conclude(findings, output)


async def _holds(what: str, ok: bool, hint: str) -> str:
    if not ok:
        raise Bad(f"it has not: {what}", hint)
    return what


async def _unread(name: str, meant: str) -> str:
    raise Bad(f"{name} is set, but nothing reads it", f"Was {meant} meant? See: ingest doctor --settings", "warning")


async def _embedder(settings: Settings) -> str:
    import anyio

    from listener.embedding import create, default_space
    from listener.embedding.probing import probe

    space = default_space(settings)
    embedder = create(space, settings)
    try:
        await embedder.prepare()  # a model that is loaded may take longer than any service that answers
        with anyio.fail_after(EMBED_SECONDS):
            await probe(embedder)
    except TimeoutError:
        hint = "Does the service run, and is it overloaded? Requests wait for it as long as INGEST_SERVICE_PATIENCE."
        raise Bad(f"{space.model} did not answer within {EMBED_SECONDS:g} s", hint) from None
    finally:
        await embedder.close()
    told = getattr(embedder, "told", "")
    return f"{space.embedder}, {space.model}, {space.dimensions} dimensions" + (told and f"; {told}")


async def _reranker(settings: Settings) -> str:
    from listener.embedding.reranker import create_reranker

    if not (reranker := create_reranker(settings)):
        return "none"
    try:
        await reranker.score("Is this a text?", ["This is a text.", "That is none."])
    finally:
        await reranker.close()
    return reranker.name


async def _parsers(settings: Settings) -> str:
    from listener.documents.pool import Workers

    async with Workers(1, settings.parse_timeout_seconds, settings.parse_memory_mb) as workers:
        await workers.run(len, "")
    if workers.missing:
        hint = "Linux 5.13 or newer with seccomp and Landlock has this; a container runtime may forbid it."
        raise Bad(f"they are not confined as they should be: {'; '.join(workers.missing)}", hint, "warning")
    return "no network, no other processes, no files except libraries"


async def _find_running(settings: Settings, findings: Findings) -> str | None:
    if settings.database_url:
        return settings.database_url
    dsn: list[str] = []

    async def check() -> str:
        from listener import embedded

        embedded.binaries.installed()
        if not embedded_runs(settings):
            hint = "Commands that need it start it: ingest migrate. Or set INGEST_DATABASE_URL."
            raise Bad("installed but not running; INGEST_DATABASE_URL is not set", hint, "warning")
        server = await embedded.start(settings.data_dir)
        dsn.append(server.dsn())
        return f"runs in {server.home.path}"

    await findings.look("embedded", check())
    return dsn[0] if dsn else None
