"""The schemas of an installation: who owns them, creating missing ones, and the one that contains pgvector."""

from __future__ import annotations

import re

import asyncpg

from listener.errors import OperatorError

Connection = asyncpg.Connection

OLDEST_PGVECTOR = (0, 8)


async def owner(connection: Connection, schema: str) -> str | None:
    """Return the other role that owns our objects in ``schema``, or will as its owner; None if it is the present role.

    Functions run as their owner, so it must be the same for all, not whoever happens to migrate. Raises OperatorError
    ``not_permitted`` if the present role can't act for it.
    """
    row = await connection.fetchrow(_OWNER, schema)
    if row is None or (row["objects"] is None and not row["member"]):
        return None
    if not row["member"]:
        raise OperatorError(
            "not_permitted",
            f'schema "{schema}" belongs to the role {row["name"]}',
            f"Migrate as {row['name']}, as a member of it, or as a superuser.",
        )
    return str(row["name"])


_OWNER = """
select r.rolname as name, c.oid as objects, pg_has_role(current_user, r.oid, 'member') as member
from pg_namespace n
left join pg_class c
  on c.relnamespace = n.oid and c.relkind = 'r' and c.relname in ('ingest_requests', 'workflow_status')
join pg_roles r on r.oid = coalesce(c.relowner, n.nspowner)
where n.nspname = $1 and r.rolname <> current_user and r.rolname !~ '^pg_'
"""


async def has_ours(connection: Connection, schema: str) -> bool:
    """Tell whether our objects are in ``schema``, whatever the present role may do with them."""
    query = """select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = 'ingest_migrations')"""
    return bool(await connection.fetchval(query, schema))


async def require_use(connection: Connection, schema: str) -> None:
    """Raise OperatorError ``not_permitted`` if the present role may not use an existing schema."""
    query = "select has_schema_privilege(n.oid, 'usage') from pg_namespace n where n.nspname = $1"
    if await connection.fetchval(query, schema) is False:
        role = await connection.fetchval("select current_user")
        hint = f"As the owner: ingest grant {role} --as listener"
        raise OperatorError("not_permitted", f'the role {role} may not use the schema "{schema}"', hint)


async def make_schema(connection: Connection, schema: str, owner: str | None = None) -> None:
    """Create ``schema`` if it is not there, for its owner; raises OperatorError ``not_permitted``."""
    if await connection.fetchval("select exists (select from pg_namespace where nspname = $1)", schema):
        return
    statement = await formatted(connection, "create schema %I", schema)
    if owner:
        statement += await formatted(connection, " authorization %I", owner)
    try:
        await _as_either(connection, statement, owner)
    except asyncpg.InsufficientPrivilegeError as error:
        raise OperatorError(
            "not_permitted",
            f'the database role may not create the schema "{schema}": {error}',
            f"As the database's owner or a superuser: {statement} authorization <the role>;",
        ) from None


async def _as_either(connection: Connection, statement: str, owner: str | None) -> None:
    """Run a statement as the present role, or as ``owner``, whose rights it need not have inherited."""
    try:
        async with connection.transaction():
            await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        if owner is None:
            raise
        async with connection.transaction():
            await connection.execute(await formatted(connection, "set local role %I", owner))
            await connection.execute(statement)


async def find_vector_schema(connection: Connection) -> str:
    """Return the schema of pgvector, which is made if it is not in the database.

    Raises OperatorError ``pgvector_missing`` or ``pgvector_too_old``.
    """
    row = await _find_pgvector(connection)
    if row is None:
        await _require_installed(connection)
        try:
            async with connection.transaction():
                # A search_path without any schema of the database would leave no place for it.
                is_nowhere = await connection.fetchval("select pg_catalog.current_schema() is null")
                await connection.execute(f"create extension vector{' schema public' if is_nowhere else ''}")
        except (asyncpg.PostgresError, OSError) as error:
            raise OperatorError(
                "pgvector_missing",
                f"the extension pgvector is not in this database, and could not be created: {error}",
                "As a superuser, or the provider's administrator role, in this database: create extension vector;",
            ) from None
        row = await _find_pgvector(connection)
        assert row is not None
    version: str = row["version"]
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_PGVECTOR:
        raise OperatorError(
            "pgvector_too_old", f"pgvector is {version}, 0.8 is needed", "Upgrade it: alter extension vector update;"
        )
    return str(row["schema"])


async def require_pgvector(connection: Connection) -> str:
    """Return the schema of pgvector; nothing is made.

    Raises OperatorError ``pgvector_missing`` if the server has no such extension, ``schema_not_migrated`` if it has.
    """
    row = await _find_pgvector(connection)
    if row is None:
        await _require_installed(connection)
        raise OperatorError("schema_not_migrated", "pgvector is not in the database", "Run: ingest migrate")
    return str(row["schema"])


async def _require_installed(connection: Connection) -> None:
    query = "select exists (select from pg_catalog.pg_available_extensions where name = 'vector')"
    if not await connection.fetchval(query):
        raise no_pgvector(connection.get_server_version().major)


def no_pgvector(major: int) -> OperatorError:
    """Return the error of a server, of a major version, on which pgvector is not installed."""
    return OperatorError(
        "pgvector_missing",
        "pgvector is not installed on the server of this database",
        f"On the server: apt-get install postgresql-{major}-pgvector (Debian, Ubuntu), dnf install pgvector_{major}"
        f" (Red Hat, both from Postgres's own repositories), or the image pgvector/pgvector:pg{major}; a provider lists"
        " it among its extensions as vector. Then: ingest migrate",
    )


async def _find_pgvector(connection: Connection) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "select n.nspname as schema, e.extversion as version from pg_extension e"
        " join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'"
    )


async def formatted(connection: Connection, template: str, name: str) -> str:
    """Return ``template`` with ``%I`` replaced by the name, quoted by the server."""
    return str(await connection.fetchval("select format($1::text, $2::text)", template, name))
