"""Documents as resources: ``ingest://documents/COLLECTION/URI``, both percent-encoded; ``?start=N`` for the rest."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, quote, unquote

from listener.cli.assistant.leafing import FURTHEST, about, stretch
from listener.cli.problems import UsageProblem
from listener.client import Ingest
from listener.client.inventory import Listed
from listener.logs.visible import on_one_line

PREFIX = "ingest://documents/"
TEMPLATE = PREFIX + "{collection}/{uri}{?start}"
PAGE = 100


def resource_uri(collection: str, uri: str, start: int = 0) -> str:
    """Return the URI of a document as a resource."""
    return f"{PREFIX}{quote(collection, safe='')}/{quote(uri, safe='')}" + (f"?start={start}" if start else "")


async def page_of(ingest: Ingest, cursor: str | None) -> tuple[list[Listed], str | None]:
    """Return a page of the documents that the role may find, and where the next one begins, if there may be one."""
    page = await ingest.documents(limit=PAGE, after=_place(cursor))
    following = _cursor(page[-1]) if len(page) == PAGE else None
    return [one for one in page if one.state != "failed"], following


async def contents_of(ingest: Ingest, resource: str, most: int) -> list[tuple[str, str]]:
    """Return the text of a resource, with its URI; the rest has another URI, which comes last."""
    collection, uri, start = _parts(resource)
    known = await stretch(ingest, uri, collection, start, most)
    made = [(resource, known.text or "")]
    if known.end < (known.characters or 0):
        rest = resource_uri(collection, uri, known.end)
        made.append((rest, f"({about(known)}: {known.characters} characters; the rest: {rest})"))
    return made


def label(one: Listed) -> str:
    """Return what a person sees of a document in a list."""
    return on_one_line((one.title or one.uri)[:200])


def _parts(resource: str) -> tuple[str, str, int]:
    place, _, query = resource.partition("?")
    collection, slash, uri = place.removeprefix(PREFIX).partition("/")
    start = parse_qs(query).get("start", ["0"])[0]
    if not (place.startswith(PREFIX) and collection and slash and uri and start.isdecimal() and len(start) < 11):
        raise UsageProblem("usage", f'"{resource[:300]}" is not the URI of a document', f"Like: {TEMPLATE}")
    return unquote(collection), unquote(uri), min(int(start), FURTHEST)


def _cursor(last: Listed) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.collection, last.uri]).encode()).decode()


def _place(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    try:
        collection, uri = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, RecursionError, TypeError):
        raise UsageProblem("usage", "the cursor is not valid", "Begin again without one.") from None
    return str(collection), str(uri)
