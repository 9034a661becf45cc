"""Templates → HTML. Whatever stands in a document, a name or an error is text: all of it is escaped.

``{% call live("name") %}…{% endcall %}`` marks a region of a page that is kept up to date; its name is an id, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import DictLoader, Environment, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from listener import __version__
from listener.cli.fitting import cut, cut_in_middle, in_a_word, short
from listener.cli.in_shell import in_shell
from listener.cli.webui import charts
from listener.cli.webui.page import PageAddress, WebPage
from listener.logs.visible import in_lines, on_one_line

STEPS = {".", ".."}
SIZES = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as HTML, and its live regions by name. ``status``: of HTTP. ``problem``: why it is another one."""

    html: str
    regions: Mapping[str, str]
    status: int = 200
    problem: str = ""


class Renderer:
    """Renders pages below a prefix. ``token``: what forms carry; ``may_control``: whether verbs are offered.

    ``about``: which database it is, at the foot of each page.
    """

    def __init__(self, prefix: str, pages: tuple[WebPage, ...], token: str, may_control: bool, about: str) -> None:
        self._prefix = prefix
        self._shared = {
            "navigation": [page for page in pages if page.heading], "token": token, "may_control": may_control,
            "about": about, "version": __version__,
        }  # fmt: skip
        self._environment = Environment(
            loader=DictLoader(_templates()), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._environment.globals |= {
            "link": self.link,
            "live": _live,
            "chart": charts.chart,
            "stretch": charts.stretch,
            "now": _now,
        }
        self._environment.filters |= FILTERS

    def link(self, path: str, *parts: str, **query: object) -> str:
        """Return the address of a page: ``path``, then ``parts``, each quoted.

        Of the query, what is None or empty is left out; a list is a parameter for each of its values. A part that
        browsers would take for a step (``..``) is the query's ``part`` instead.
        """
        if STEPS.intersection(parts):
            return self.link(f"{path}/", part=parts[-1], **query)
        each = [(name, one) for name, value in query.items() for one in (value if isinstance(value, list) else [value])]
        given = [(name, str(value)) for name, value in each if value is not None and value != ""]
        whole = "/".join([path.rstrip("/") if parts else path, *(quote(part, safe="") for part in parts)])
        return f"{self._prefix}{whole}" + (f"?{urlencode(given)}" if given else "")

    def render(self, page: WebPage, asked: PageAddress, known: Mapping[str, Any], status: int = 200) -> Rendered:
        """Return a page with what is ``known``."""
        regions: dict[str, str] = {}
        template = self._environment.get_template(f"{page.name}.html")
        html = template.render({**self._shared, **known, "page": page, "asked": asked, "regions_": regions})
        return Rendered(html, regions, status)


def _templates() -> dict[str, str]:
    folder = files("listener.cli.webui") / "templates"
    return {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".html")}


@pass_context
def _live(context: Context, name: str, caller: Callable[[], str]) -> Markup:
    html = caller()
    context["regions_"][name] = str(html)
    return Markup('<div class="live" id="{}" data-live>{}</div>').format(name, html)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _ago(time: datetime | None) -> Markup:
    """Return how long ago that was, with the time itself to hover over."""
    if time is None:
        return Markup("")
    passed = _now() - time
    words = f"{in_a_word(passed)} ago" if passed >= timedelta(0) else f"in {in_a_word(-passed)}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(time.isoformat(), _time(time), words)


def _time(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.3g}"


def _up_to(value: int, most: int) -> str:
    """Return a number that was counted up to ``most``."""
    return f"{most:,}+" if value >= most else f"{value:,}"


def _day(day: date) -> str:
    return f"{day:%d %b}"


def _size(value: float | None) -> str:
    if value is None:
        return "–"
    size, unit = next(((size, unit) for size, unit in SIZES if value >= size), (1, "bytes"))
    return f"{value / size:,.3g} {unit}" if size > 1 else f"{value:,.0f} {unit}"


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


FILTERS: dict[str, Callable[..., Any]] = {
    "ago": _ago, "time": _time, "number": _number, "up_to": _up_to, "day": _day,
    "size": _size, "duration": in_a_word, "short": short,
    "visible": in_lines, "json": _json, "line": on_one_line, "cut": cut, "cut_in_middle": cut_in_middle,
    "in_shell": in_shell,
}  # fmt: skip
