"""``usage``: what was sent to embedders, by collection and day."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli import arguments
from listener.cli.output import Output
from listener.cli.running import open_ingest, run

if TYPE_CHECKING:
    from listener.client.inventory import Used


class Period(str, Enum):
    """What is summed up in a row."""

    day = "day"
    month = "month"
    all = "all"


def usage(
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    since: arguments.Since = None,
    by: Annotated[Period, typer.Option("--by", help="What a row sums up; days are in UTC.")] = Period.day,
    show_sql: arguments.ShowSql = False,
    as_json: arguments.Json = False,
) -> None:
    """Show what was sent to embedders, by collection and model: texts, the tokens that they took, and what
    they cost, where a price is known.

    Texts that were known already cost nothing and are not among them. It outlives requests, documents and collections.
    For operators, of their collections. In SQL: select * from ingest_usage_by_day.

    \b
    ingest usage --by month
    ingest usage -c handbook --since 7d
    """
    run(_usage(collection, since, by, show_sql, Output(as_json)))


async def _usage(collection: str | None, since: str | None, by: Period, show_sql: bool, output: Output) -> None:
    async with open_ingest(output, show_sql) as ingest:
        used = await ingest.usage(collection, since=since, by=by.value)
    output.value([_plain(one) for one in used])
    if used:
        costs = any(one.cost is not None for one in used)
        headings = (by.value, "collection", "model", "texts", "tokens", *(["cost"] if costs else []))
        output.table(headings, (_cells(one, by, costs) for one in used))
    elif output.terminal:
        output.line("nothing was sent to an embedder")


def _plain(one: Used) -> dict[str, object]:
    return {
        "period": one.period.isoformat() if one.period else None,
        "collection": one.collection,
        "tenant": one.tenant,
        "embedder": one.embedder,
        "model": one.model,
        "texts": one.texts,
        "tokens": one.tokens,
        "cost": one.cost,
    }


def _cells(one: Used, by: Period, costs: bool) -> tuple[object, ...]:
    period = one.period.isoformat()[: 7 if by is Period.month else 10] if one.period else "all"
    model = f"{one.embedder} {one.model}" if one.embedder else None
    return period, one.collection, model, one.texts, one.tokens, *([one.cost] if costs else [])
