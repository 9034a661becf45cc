"""``mcp``: a server for assistants, on stdin and stdout."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Annotated

import typer

from listener.cli.problems import UsageProblem
from listener.cli.running import importing, load_settings
from listener.errors import OperatorError

MAY_BE_ALLOWED = ("add", "watch")


def mcp(
    allow: Annotated[
        str, typer.Option(metavar="TOOLS", help="Also offer these tools: add, watch; separated by commas.")
    ] = "",
    characters: Annotated[
        int, typer.Option(min=1_000, max=1_000_000, help="Most characters of documents in an answer.")
    ] = 24_000,
) -> None:
    """Serve assistants (Claude, Cursor, VS Code) by the Model Context Protocol on stdin and stdout.

    The tools search, context, document, collections and status, and documents as resources: what the role of
    INGEST_DATABASE_URL may see. It only reads, unless --allow says more. It ends when stdin does.

    \b
    ingest mcp
    ingest mcp --allow add,watch
    """
    allowed = [name.strip() for name in allow.split(",") if name.strip()]
    if unknown := sorted(set(allowed) - set(MAY_BE_ALLOWED)):
        hint = f"It takes: {', '.join(MAY_BE_ALLOWED)}"
        raise UsageProblem("usage", f"--allow knows no tool {', '.join(unknown)}", hint)
    load_settings()  # a wrong one is said at once
    if find_spec("mcp") is None:
        raise OperatorError(
            "mcp_not_installed", "ingest mcp needs the package mcp", "pip install 'ingest-listener[mcp]'"
        )
    with importing():
        from listener.cli.assistant.assistant_server import serve
    asyncio.run(serve(allowed, characters))
