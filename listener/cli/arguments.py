"""Options that several verbs have, and how what is typed becomes values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn
from uuid import UUID

import typer

from listener.cli.problems import UsageProblem

if TYPE_CHECKING:
    from listener.client import Ingest

Json = Annotated[bool, typer.Option("--json", help="Print JSON; errors on stderr too.")]
ShowSql = Annotated[bool, typer.Option("--show-sql", help="Show on stderr the SQL that is sent, as psql takes it.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Follow the requests to their end; the exit status tells how they ended.")
]
Options = Annotated[
    list[str] | None, typer.Option("--option", "-o", metavar="K=V", help="See: select * from ingest_options()")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Since then: 2h, 7d, or a time that Postgres understands.")
]
Metadata = Annotated[
    list[str] | None, typer.Option("--metadata", "-m", metavar="K=V", help="Stored with each chunk, for filters.")
]
Collection = Annotated[str, typer.Option("--collection", "-c", help="The collection of documents.")]


class Way(str, Enum):
    """By what a search goes."""

    WORDS = "words"
    MEANING = "meaning"
    VECTOR = "vector"
    BOTH = "both"

    @property
    def in_sql(self) -> Literal["words", "vector", "both"]:
        """What SQL and Python call it."""
        return _IN_SQL[self]


_IN_SQL: dict[Way, Literal["words", "vector", "both"]] = {
    Way.WORDS: "words", Way.MEANING: "vector", Way.VECTOR: "vector", Way.BOTH: "both",
}  # fmt: skip

By = Annotated[
    Way | None,
    typer.Option(help="Only by words, only by meaning (vector), or strictly by both.", show_default=False),
]
Collections = Annotated[
    list[str] | None, typer.Option("--collection", "-c", help="A collection, by default default; may be repeated.")
]
Filter = Annotated[
    str,
    typer.Option("--filter", metavar="JSON", help='What the chunks\' metadata must contain, or {"year": {"$gt": 3}}.'),
]
Similarity = Annotated[
    float | None,
    typer.Option("--min-similarity", metavar="X", min=-1, max=1, help="For hits by meaning, the smallest cosine."),
]
WordsWeight = Annotated[
    float | None, typer.Option("--words-weight", metavar="X", min=0, help="Weight of words when both count; 1.")
]
VectorWeight = Annotated[
    float | None, typer.Option("--vector-weight", metavar="X", min=0, help="Weight of meaning; 1.")
]
Rerank = Annotated[bool, typer.Option("--rerank", help="Order by a re-ranker (INGEST_RERANKER of the listener).")]
PerDocument = Annotated[
    int | None, typer.Option("--per-document", metavar="N", min=1, help="Most chunks of one document.")
]
Under = Annotated[
    str | None, typer.Option(metavar="PREFIX", help="Only documents whose URIs begin with this; or a path.")
]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def check_id(text: str) -> None:
    """Raise RequestError ``not_an_id`` unless ``text`` is the id of a request or its beginning."""
    from listener.client import overview

    overview.digits_of(text)


async def request_of(ingest: Ingest, text: str) -> UUID:
    """Return the request that an id or its beginning means.

    Raises RequestError ``not_an_id``, ``unknown_request``, ``ambiguous_id``.
    """
    from listener.client import overview

    return await overview.request_of(ingest.session, text)


async def require_collection(ingest: Ingest, name: str) -> None:
    """Raise RequestError ``unknown_collection``, listing the existing ones, unless this one exists."""
    from listener.client import overview

    await overview.require_collection(ingest.session, name)


def absolute_source(source: str) -> str:
    """Return ``source`` with a relative path made absolute; URLs stay as they are."""
    if source == "":
        raise UsageProblem("empty_source", "a SOURCE is empty", "Give a path, a glob or a URL.")
    try:
        source.encode()
    except UnicodeEncodeError:
        shown = source.encode(errors="surrogateescape").decode(errors="backslashreplace")
        hint = "Names must be UTF-8 to be stored in Postgres: rename it, or add the folder above it."
        raise UsageProblem("path_not_utf8", f"the path {shown} is not UTF-8", hint) from None
    path = Path(source)
    if path.is_absolute() or (_URL.match(source) and not path.exists()):
        return source
    # Only a path with .. is resolved: otherwise links stay in the documents' names.
    return str(path.resolve() if ".." in path.parts else Path.cwd() / path)


def document_uri(text: str) -> str:
    """Return the URI that is meant, or the beginning of one: an absolute path is a local file's."""
    if not text.startswith("/"):
        return text
    from listener.sources.paths import uri_of

    return uri_of(text)


def json_object(option: str, pairs: Sequence[str]) -> dict[str, object]:
    """Return the JSON object of ``k=v`` pairs: v is JSON if possible, otherwise text; a repeated key is an array."""
    values: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise UsageProblem("not_a_pair", f'{option} takes key=value, not "{pair}"', f"Like: {option} include=*.md")
        value = _value(text)
        values[key] = [*_as_list(values[key]), *_as_list(value)] if key in values else value
    return values


def one_or_more(names: Sequence[str] | None) -> str | list[str]:
    """Return the collection or collections that are meant."""
    return names[0] if names and len(names) == 1 else list(names or []) or "default"


def given(**values: object) -> dict[str, object]:
    """Return the values that are given."""
    return {name: value for name, value in values.items() if value is not None}


def json_filter(text: str) -> dict[str, object]:
    """Return the JSON object that ``text`` is; raises UsageProblem ``not_an_object``."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        hint = """Like: --filter '{"lang": "en"}'"""
        raise UsageProblem("not_an_object", f"--filter is not a JSON object: {text}", hint)
    return value


def _value(text: str) -> object:
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, allow_nan=False)  # 1e999 reads as infinite
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are no JSON


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
