"""The server: the protocol on stdin and stdout, by the official SDK; what goes wrong in a call is the call's error."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from typing import Any

import anyio
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from listener import __version__
from listener.cli.assistant import catalogue
from listener.cli.assistant.leafing import DOCUMENT
from listener.cli.assistant.lookups import CONTEXT, SEARCH
from listener.cli.assistant.offer import DATA, Offer
from listener.cli.assistant.orders import ADD, WATCH
from listener.cli.assistant.surveys import COLLECTIONS, STATUS
from listener.cli.lasting import LastingWay
from listener.cli.problems import BROKEN_PIPE, SIGNALLED, UsageProblem, shown

READS: tuple[Offer[Any], ...] = (SEARCH, CONTEXT, DOCUMENT, COLLECTIONS, STATUS)
CHANGES: dict[str, Offer[Any]] = {"add": ADD, "watch": WATCH}
INSTRUCTIONS = (
    "Searches and reads documents that were ingested into Postgres. To answer a question: context, and cite what it"
    f" returns. {DATA}"
)
OF_THE_CALLER = {"usage", "unknown_document", "unknown_collection", "not_granted"}


async def serve(allowed: Iterable[str], most: int) -> None:
    """Serve until stdin ends. A signal ends it at once: nothing is left to be tidied up."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, os._exit, SIGNALLED + number)
    async with LastingWay() as way, stdio_server(stdout=_Wire.taken()) as (read, write):
        server = _Served(way, [*READS, *(CHANGES[name] for name in dict.fromkeys(allowed))], most).server()
        await server.run(read, write, server.create_initialization_options())


class _Wire(anyio.AsyncFile[str]):
    """Where stdout goes. When nobody reads it any more, the process ends: stdin may stay open, and is waited for."""

    @classmethod
    def taken(cls) -> _Wire:
        """Reserve stdout for the protocol; everything else that is printed goes to stderr."""
        wire = open(os.dup(1), "w", encoding="utf-8", newline="\n")  # noqa: PTH123, SIM115 - it stays open
        os.dup2(2, 1)
        return cls(wire)

    async def flush(self) -> None:
        try:
            await super().flush()
        except BrokenPipeError:
            os._exit(BROKEN_PIPE)

    async def write(self, text: str) -> int:
        try:
            return await super().write(text)
        except BrokenPipeError:
            os._exit(BROKEN_PIPE)


class _Served:
    """What the protocol asks for."""

    def __init__(self, way: LastingWay, offers: Iterable[Offer[Any]], most: int) -> None:
        self._way = way
        self._offers = {offer.name: offer for offer in offers}
        self._most = most

    def server(self) -> Server[Any]:
        return Server(
            "ingest",
            version=__version__,
            title="Ingested documents",
            instructions=INSTRUCTIONS,
            on_list_tools=self._tools,
            on_call_tool=self._call,
            on_list_resources=self._resources,
            on_list_resource_templates=self._templates,
            on_read_resource=self._read,
        )

    async def _tools(self, *_: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[*map(_tool, self._offers.values())])

    async def _call(self, _: object, asked: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            offer = self._offers.get(asked.name)
            if offer is None:
                raise _unknown(asked.name, self._offers)
            arguments = offer.read(asked.arguments)
            texts = await self._way.use(lambda ingest: offer.call(ingest, arguments, self._most), changes=offer.changes)
        except Exception as error:  # whatever it is, the server continues
            return types.CallToolResult(content=[_text(_described(error))], is_error=True)
        return types.CallToolResult(content=[*map(_text, texts)])

    async def _resources(self, _: object, asked: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        cursor = asked.cursor if asked else None
        try:
            page, following = await self._way.use(lambda ingest: catalogue.page_of(ingest, cursor))
        except Exception as error:
            raise _refused(error) from None
        listed = [
            types.Resource(
                uri=catalogue.resource_uri(one.collection, one.uri), name=one.uri, title=catalogue.label(one),
                description=f"In collection {one.collection}", mime_type="text/plain",
            )
            for one in page
        ]  # fmt: skip
        return types.ListResourcesResult(resources=listed, next_cursor=following)

    async def _templates(self, *_: object) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            uri_template=catalogue.TEMPLATE, name="document", title="A document's text", description=DATA,
            mime_type="text/plain",
        )  # fmt: skip
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read(self, _: object, asked: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        try:
            contents = await self._way.use(lambda ingest: catalogue.contents_of(ingest, asked.uri, self._most))
        except Exception as error:
            raise _refused(error) from None
        texts = [types.TextResourceContents(uri=uri, mime_type="text/plain", text=text) for uri, text in contents]
        return types.ReadResourceResult(contents=[*texts])


def _tool(offer: Offer[Any]) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=not offer.changes, destructive_hint=offer.changes, open_world_hint=offer.changes
    )
    return types.Tool(
        name=offer.name, title=offer.title, description=offer.says, input_schema=offer.schema(), annotations=hints
    )


def _text(text: str) -> types.TextContent:
    return types.TextContent(text=text)


def _unknown(name: str, offers: Iterable[str]) -> UsageProblem:
    if name in CHANGES:
        hint = f"Whoever runs this server may allow it: ingest mcp --allow {name}"
        return UsageProblem("usage", f"the tool {name} is off", hint)
    return UsageProblem("usage", f"there is no tool {name[:100]}", f"There are: {', '.join(offers)}")


def _described(error: Exception) -> str:
    problem = shown(error)
    return f"error: {problem.code}: {problem.message}" + (f"\nhint: {problem.hint}" if problem.hint else "")


def _refused(error: Exception) -> MCPError:
    """Return an error of a resource, which has no other place for it than the protocol's own."""
    problem = shown(error)
    number = types.INVALID_PARAMS if problem.code in OF_THE_CALLER else types.INTERNAL_ERROR
    return MCPError(number, _described(error), {"code": problem.code, "hint": problem.hint})
