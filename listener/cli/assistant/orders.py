"""The tools ``add`` and ``watch``, which are off unless they are allowed: they ask for something to be ingested."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from listener.cli.assistant.offer import Arguments, Offer, collection_field
from listener.cli.follow import error_lines, outcome_line
from listener.client import Ingest
from listener.errors import WaitTimeoutError

MOST_WAIT_SECONDS = 300


class AddAsked(Arguments):
    """What ``add`` takes."""

    source: str | None = Field(
        default=None, description="An absolute path, a glob or a URL, as the listener's host sees it; or content."
    )
    content: str | None = Field(default=None, description="The document itself, instead of a source.")
    uri: str | None = Field(default=None, description="The name of content, like notes/frost.md.")
    media_type: str | None = Field(default=None, description="The media type of content, like text/markdown.")
    collection: str = collection_field("Where it goes.")
    options: dict[str, Any] | None = Field(default=None, description='Like {"include": ["*.md"]}.')
    metadata: dict[str, Any] | None = Field(default=None, description="Stored with each chunk, for filters.")
    wait: float = Field(default=0, ge=0, le=MOST_WAIT_SECONDS, description="Seconds to wait for its end.")


class WatchAsked(Arguments):
    """What ``watch`` takes."""

    source: str = Field(min_length=1, description="An absolute path, a glob or a URL, as the listener's host sees it.")
    collection: str = collection_field("The collection to keep in sync.")
    name: str | None = Field(default=None, description="Name of the watch; an existing one of this name is changed.")
    every: str | None = Field(default=None, description="Time between two looks: 5m, 1h, 2 days.")
    cron: str | None = Field(default=None, description="When to look, as a cron line: 30 2 * * mon-fri.")
    time_zone: str | None = Field(default=None, description="Of cron; by default UTC.")
    on_change: bool = Field(default=False, description="Look when a file changes, for a folder on the listener's host.")
    options: dict[str, Any] | None = Field(default=None, description='Like {"mirror": false}: keep what is gone.')
    metadata: dict[str, Any] | None = Field(default=None, description="Stored with each chunk, for filters.")


async def add(ingest: Ingest, asked: AddAsked, most: int) -> list[str]:
    """Make a request, and report its outcome if asked to wait."""
    request = await ingest.add(**asked.model_dump(exclude={"wait"}))
    told = f"request {request}"
    if not asked.wait:
        return [f"{told}; see status"]
    try:
        ended = await ingest.wait(request, timeout=asked.wait)
    except WaitTimeoutError as error:
        return [f"{told} continues: {error.message}; {error.hint}"[:most]]
    return ["\n".join([f"{told} {outcome_line(ended)}", *error_lines(ended)])[:most]]


async def watch(ingest: Ingest, asked: WatchAsked, most: int) -> list[str]:
    """Make or change a watch."""
    name = await ingest.watch(asked.source, **asked.model_dump(exclude={"source"}))
    (made,) = await ingest.watches(name)
    waits = f"; it waits: {made.waiting_for}" if made.waiting_for else ""
    return [f"watch {name}: {made.schedule}{waits}"[:most]]


ADD = Offer(
    "add",
    "Ingest a source or a text",
    "Ingest a file, a folder, a URL or a text into a collection, so that it can be searched. Documents with the"
    " same URI are replaced. Do it only if the person asks for it.",
    AddAsked,
    add,
    changes=True,
)
WATCH = Offer(
    "watch",
    "Keep a source in sync",
    "Keep a folder, a site or a bucket in sync with a collection, by time or when a file changes. What is gone from the"
    " source is deleted from the collection, unless its options say otherwise. Do it only if the person asks for it.",
    WatchAsked,
    watch,
    changes=True,
)
