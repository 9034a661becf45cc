"""New regions to an open page: those that differ from what was sent before, as one JSON object a moment."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from listener.cli.problems import shown
from listener.cli.webui.live import Live
from listener.cli.webui.looks import Looks
from listener.cli.webui.page import PageAddress, WebPage

AWAY = "away"


async def keep_up_to_date(socket: WebSocket, page: WebPage, asked: PageAddress, live: Live, looks: Looks) -> None:
    """Send what changes until the page is left."""
    await socket.accept()
    async with live.watching(), anyio.create_task_group() as group:

        async def until_left() -> None:
            try:
                while True:  # a page sends nothing; what comes is dropped
                    await socket.receive_bytes()
            except (WebSocketDisconnect, KeyError):
                group.cancel_scope.cancel()

        group.start_soon(until_left)
        try:
            await _send(socket, page, asked, live, looks)
        except WebSocketDisconnect:
            group.cancel_scope.cancel()


async def _send(socket: WebSocket, page: WebPage, asked: PageAddress, live: Live, looks: Looks) -> None:
    sent: Mapping[str, str] = {}
    was_away, moment, problem = False, live.moment, ""
    while True:
        if live.away is not None:
            await socket.send_json({AWAY: shown(live.away).message})
        else:
            rendered = await looks.at(page, asked, recent=True)
            changed = {name: html for name, html in rendered.regions.items() if sent.get(name) != html}
            if rendered.problem != problem:
                await socket.send_json({"problem": rendered.problem, "regions": changed})
            elif changed or was_away:
                await socket.send_json({"regions": changed})
            problem = rendered.problem
            sent = rendered.regions
        was_away = live.away is not None
        moment = await live.next(moment)
