"""``grant`` and ``revoke``: which role may do what, in which collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.running import load_settings, open_session_of, run

if TYPE_CHECKING:
    from listener.client import Session
    from listener.settings import Settings

Role = Annotated[str, typer.Argument(metavar="ROLE", help="A role of the database.")]
As = Annotated[str, typer.Option("--as", metavar="KIND", help="submitter, searcher, operator, gateway or listener.")]
In = Annotated[str | None, typer.Option("--collection", "-c", help="Only in this collection; by default in all.")]

# Default privileges belong to the role that creates DBOS's tables; the granting role may be a member of that one.
OWNER_OF_DBOS = """select r.rolname::text from pg_catalog.pg_namespace n
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'workflow_status'
join pg_catalog.pg_roles r on r.oid = coalesce(c.relowner, n.nspowner) where n.nspname = $1::text"""
# A listener writes DBOS's tables, those to come with an upgrade of DBOS too.
OF_DBOS = (
    "grant usage on schema {dbos} to {role}",
    "grant select, insert, update, delete on all tables in schema {dbos} to {role}",
    "grant usage, select, update on all sequences in schema {dbos} to {role}",
    "grant execute on all functions in schema {dbos} to {role}",
    "alter default privileges for role {owner} in schema {dbos}"
    " grant select, insert, update, delete on tables to {role}",
    "alter default privileges for role {owner} in schema {dbos} grant usage, select, update on sequences to {role}",
    "alter default privileges for role {owner} in schema {dbos} grant execute on functions to {role}",
)
NOT_OF_DBOS = (
    "alter default privileges for role {owner} in schema {dbos} revoke all on tables from {role}",
    "alter default privileges for role {owner} in schema {dbos} revoke all on sequences from {role}",
    "alter default privileges for role {owner} in schema {dbos} revoke all on functions from {role}",
    "revoke all on all tables in schema {dbos} from {role}",
    "revoke all on all sequences in schema {dbos} from {role}",
    "revoke all on all functions in schema {dbos} from {role}",
    "revoke all on schema {dbos} from {role}",
)


def grant(
    role: Role,
    kind: As,
    collection: In = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Let a role do something: select ingest_grant(role, kind, collection). Run it as the owner of the schema.

    A submitter inserts requests and sees its own. A searcher searches and reads documents. An operator sees all
    requests, controls them and changes the collection. A gateway searches for others, whose principals it names. A
    listener runs `ingest listen`. May be repeated. The role's search path is also set, if the caller may do that.

    \b
    ingest grant app --as submitter
    ingest grant app --as searcher --collection handbook
    """
    run(_grant(role, kind, collection, show_sql, Output(as_json)))


def revoke(
    role: Role,
    kind: As,
    collection: In = None,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Take away what grant gave, as it was given: select ingest_revoke(role, kind, collection).

    \b
    ingest revoke app --as searcher --collection handbook
    """
    run(_revoke(role, kind, collection, show_sql, Output(as_json)))


async def _grant(role: str, kind: str, collection: str | None, show_sql: bool, output: Output) -> None:
    from listener.client import statements

    settings = load_settings()
    async with open_session_of(settings, output, show_sql) as session:
        await session.rows(statements.GRANT, role, kind, collection)
        if kind == "listener":
            await _run_all(session, OF_DBOS, settings, role)
        hint = await _set_path(session, role, settings.schema_)
    output.value({"role": role, "as": kind, "collection": collection, "hint": hint})
    output.line(f"{role} may be {kind} of {collection or 'all collections'}")
    if hint:
        output.line(hint)


async def _run_all(session: Session, these: tuple[str, ...], settings: Settings, role: str) -> None:
    from listener.database.names import quoted

    (owner,) = await session.quiet().rows(OWNER_OF_DBOS, settings.schema_of_dbos)
    given = {"dbos": quoted(settings.schema_of_dbos), "role": _identifier(role), "owner": _identifier(owner[0])}
    for statement in these:
        await session.rows(statement.format(**given))


async def _set_path(session: Session, role: str, schema: str) -> str | None:
    """Have the role find our objects without their schema; return what to do where that is not permitted."""
    from listener.errors import IngestError

    if schema == "public":
        return None
    (row,) = await session.quiet().rows(
        "select pg_catalog.format('alter role %I in database %I set search_path = %I, public', $1::text,"
        " pg_catalog.current_database(), $2::text)",
        role,
        schema,
    )
    try:
        await session.rows(row[0].replace("{", "{{").replace("}", "}}"))
    except IngestError:
        return f"so that it need not write the schema, an administrator may run: {row[0]};"
    return None


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""').replace("{", "{{").replace("}", "}}") + '"'


async def _revoke(role: str, kind: str, collection: str | None, show_sql: bool, output: Output) -> None:
    from listener.client import statements

    settings = load_settings()
    async with open_session_of(settings, output, show_sql) as session:
        done = await session.value(statements.REVOKE, role, kind, collection)
        if done and kind == "listener":
            await _run_all(session, NOT_OF_DBOS, settings, role)
    output.value({"role": role, "as": kind, "collection": collection, "revoked": done})
    what = f"{kind} of {collection or 'all collections'}"
    output.line(f"{role} is no longer {what}" if done else f"{role} was not {what}")
