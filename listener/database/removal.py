"""Remove what ``schema`` installed, and nothing else: the inverse of a migration."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import asyncpg

from listener.database.locks import until_locked
from listener.database.schemas import Connection, formatted
from listener.database.sql_files import sql_files
from listener.errors import OperatorError

log = logging.getLogger(__name__)


async def uninstall(connection: Connection, schema: str, say: Callable[[str], None] = log.warning) -> list[str]:
    """Drop our objects, and only ours, from ``schema``; return the statements that did it.

    Locks are taken as a migration takes them: sessions at work there are not victims of a deadlock. Raises
    OperatorError ``in_use`` if something that isn't ours depends on one of them, ``schema_locked``; nothing is dropped
    then.
    """

    async def apply(wait: str) -> list[str]:
        async with connection.transaction():
            await connection.execute(f"select set_config('lock_timeout', ({wait})::text, true)")
            await connection.execute("set local search_path = pg_catalog, pg_temp")
            drops = await _drops(connection, schema)
            for statement in drops:
                await connection.execute(statement)
            return drops

    try:
        return await until_locked(connection, schema, apply, say)
    except asyncpg.DependentObjectsStillExistError as error:
        raise OperatorError("in_use", f"{error.message}: {error.detail}", "Drop what depends on it first.") from None


async def drop_dbos(
    connection: Connection, schema: str, application: str, say: Callable[[str], None] = log.warning
) -> list[str]:
    """Drop DBOS's ``schema`` unless other applications have workflows in it; return the statements that did it."""
    table = await connection.fetchval("select to_regclass(format('%I.workflow_status', $1::text))::text", schema)
    if table is None:
        return []
    others = "select exists (select from %I.workflow_status where application_name is distinct from $1)"
    if await connection.fetchval(await formatted(connection, others, schema), application):
        return []
    statement = await formatted(connection, "drop schema %I cascade", schema)

    async def apply(wait: str) -> None:
        async with connection.transaction():
            await connection.execute(f"select set_config('lock_timeout', ({wait})::text, true)")
            await connection.execute("set local client_min_messages = warning")
            await connection.execute(statement)

    await until_locked(connection, schema, apply, say)
    return [statement]


async def _drops(connection: Connection, schema: str) -> list[str]:
    """Return the statements that drop what our files make, and each collection's view, dependents first."""
    text = "\n".join(file.text for file in sql_files())
    named = {
        kind: sorted(set(re.findall(rf"(?m)^create (?:or replace |unlogged )?{kind} ingest\.(ingest_\w+)", text)))
        for kind in ("table", "view", "function", "procedure", "sequence", "type")
    }
    policies = sorted(set(re.findall(r"(?m)^create policy (\w+)", text)))
    rows = await connection.fetch(
        _DROPS,
        schema,
        named["view"],
        named["function"] + named["procedure"],
        named["table"],
        named["sequence"],
        named["type"],
        policies,
    )
    return [row["statement"] for row in rows]


# One statement a kind: objects of a kind depend on each other (views, foreign keys, functions in function bodies).
_DROPS = """
with here as (select oid from pg_namespace where nspname = $1)
select format('drop %s %s', kind, string_agg(name, ', ')) as statement from (
  select 1 as place, 'view' as kind, format('%I.%I', $1, c.relname) as name
  from pg_class c join here on here.oid = c.relnamespace
  where c.relkind = 'v' and (c.relname::text = any ($2)
    or (c.relname like 'ingest\\_chunks\\_%' and obj_description(c.oid) like 'Live chunks of collection %'))
  union all
  select 1 + row_number() over (order by p.oid), 'policy', format('%I on %I.%I', p.polname, $1, c.relname)
  from pg_policy p join pg_class c on c.oid = p.polrelid join here on here.oid = c.relnamespace
  where c.relname::text = any ($4) and p.polname::text = any ($7)
  union all
  select 500000 + row_number() over (order by t.oid), 'trigger', format('%I on %I.%I', t.tgname, $1, c.relname)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join here on here.oid = c.relnamespace
  where not t.tgisinternal and c.relname::text = any ($4) and t.tgname like 'ingest\\_%'
  union all
  -- With the triggers of tables that are watched: without their function, nobody could write to these.
  select 900000 + row_number() over (order by p.oid), 'routine', format('%s cascade', p.oid::regprocedure)
  from pg_proc p join here on here.oid = p.pronamespace where p.proname ~ '^ingest_changed_[0-9]+$'
  union all
  select 1000000, 'routine', p.oid::regprocedure::text
  from pg_proc p join here on here.oid = p.pronamespace where p.proname::text = any ($3)
  union all
  select 1000001, 'table', format('%I.%I', $1, c.relname)
  from pg_class c join here on here.oid = c.relnamespace where c.relkind = 'r' and c.relname::text = any ($4)
  union all
  select 1000002, 'sequence', format('%I.%I', $1, c.relname)
  from pg_class c join here on here.oid = c.relnamespace where c.relkind = 'S'
    and (c.relname::text = any ($5) or c.relname ~ '^ingest_(counted|missed)_[0-9]+$')
  union all
  select 1000003, 'type', format('%I.%I', $1, c.relname)
  from pg_class c join here on here.oid = c.relnamespace where c.relkind = 'c' and c.relname::text = any ($6)
) drops group by place, kind order by place
"""
