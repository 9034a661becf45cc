"""``ui``: pages for a browser, read by the role of INGEST_DATABASE_URL."""

from __future__ import annotations

import ipaddress
import re
import webbrowser
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli.output import Output
from listener.cli.problems import UsageProblem
from listener.cli.running import importing, load_settings, run
from listener.errors import OperatorError

if TYPE_CHECKING:
    from listener.settings import Settings

PACKAGES = ("starlette", "uvicorn", "websockets", "jinja2", "markupsafe")
CONNECTIONS = 8  # one hears, one carries out verbs on many; the others read, two for a kind of page
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def ui(
    host: Annotated[
        str, typer.Option(help="Address to listen on. Others than loopback: who reaches it may read.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: one that is free.")] = 8420,
    control: Annotated[
        bool, typer.Option("--control", help="Offer cancel, resume, retry and so on, as far as the role may.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Answer by this name too, as behind a proxy; may be repeated."),
    ] = None,
    prefix: Annotated[
        str, typer.Option(metavar="PATH", help="Path below which a reverse proxy serves it: /ingest")
    ] = "",
    browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Serve pages for a browser: how ingestion goes, requests, documents, collections, watches, a search.

    They show what the role of INGEST_DATABASE_URL may see, and change nothing, unless --control says so. Whoever
    reaches the port acts as that role: it is on loopback, unless --host says otherwise.

    \b
    ingest ui --open
    ingest ui --control
    ingest ui --host 0.0.0.0 --allow-host ingest.example.com --prefix /ingest
    """
    if not _PREFIX.fullmatch(prefix.rstrip("/")):
        raise UsageProblem("usage", f"--prefix is not a path: {prefix}", "Like: --prefix /ingest")
    settings = load_settings()  # a wrong one is said at once
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise OperatorError(
            "ui_not_installed",
            f"ingest ui needs the packages {', '.join(missing)}",
            "pip install 'ingest-listener[ui]'",
        )
    names = _names(host, allow_host or [])
    offered = {"hosts": names, "prefix": prefix.rstrip("/"), "may_control": control, "about": _about(settings)}
    run(_serve(host, port, browser, offered))


def _names(host: str, allowed: list[str]) -> list[str]:
    """Return the names by which it may be asked."""
    from listener.cli.webui.guard import LOOPBACK

    return [*LOOPBACK, host, *allowed]


def _about(settings: Settings) -> str:
    """Return which database it is, without its password."""
    from listener.database.dsn import shown

    where = shown(settings.database_url) if settings.database_url else "the embedded Postgres"
    return where if settings.schema_ == "public" else f"{where}, schema {settings.schema_}"


async def _serve(host: str, port: int, browser: bool, offered: Mapping[str, Any]) -> None:
    with importing():
        from listener.cli.lasting import LastingWay
        from listener.cli.webui.page_server import bound, serve
        from listener.cli.webui.site import site

    output = Output()
    with bound(host, port) as socket:
        address = f"http://{_in_url(host)}:{socket.getsockname()[1]}{offered['prefix']}/"
        output.line(address)
        if not _is_loopback(host):
            output.note("whoever reaches this port reads as this role; put a proxy that asks who they are before it")
        if browser:
            webbrowser.open(address)
        await serve(site(LastingWay(CONNECTIONS), **offered), socket)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
