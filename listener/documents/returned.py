"""What a worker's function returned, checked: of the types that it says it returns, with texts that Postgres takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from types import GenericAlias
from typing import Any, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from listener.documents import decoding, wire
from listener.documents.failures import AnswerTooLarge, CallRaised
from listener.documents.reading import Malformed
from listener.errors import DocumentError

CODE = re.compile(r"[a-z][a-z_]{0,39}")
CHECKS = ConfigDict(arbitrary_types_allowed=True)
MOST_SAID, MOST_HINT = 2000, 1000  # characters of an error
SURROGATES = re.compile("[\ud800-\udfff]")
KINDS: dict[str, Callable[[str], Exception]] = {
    "malformed": Malformed,
    "binary": lambda _: decoding.Binary(),
    "memory": lambda _: MemoryError(),
    "raised": CallRaised,
    "too_large": AnswerTooLarge,
}


def said(header: wire.Buffer, frames: wire.Frames) -> Any:
    """Return what a worker sent, with texts that Postgres takes."""
    value = wire.unpack(header, frames)
    return clean(value) if b"\\u" in header else value  # rare: no worker of ours sends what Postgres can't hold


def result(function: Callable[..., Any], answer: Any) -> Any:
    """Return what ``function`` returned in a worker, or raise what it raised; raises NoMessage for anything else."""
    match answer:
        case ["ok", value]:
            return _checked(function, value)
        case ["error", str(kind), str(code), str(message), str(hint)]:
            raise _error(kind, code, message[:MOST_SAID], hint[:MOST_HINT])
    raise wire.NoMessage("its answer is neither a result nor an error")


def clean(value: Any) -> Any:
    """Return data with valid Unicode and without NUL in all of its texts."""
    if isinstance(value, str):
        return SURROGATES.sub("\ufffd", value.replace("\0", ""))
    if isinstance(value, list):
        return [clean(one) for one in value]
    if isinstance(value, DocumentError):
        return DocumentError(*(clean(str(one)) for one in (value.code, value.message, value.hint)))
    return {clean(key): clean(one) for key, one in value.items()} if isinstance(value, dict) else value


def _error(kind: str, code: str, message: str, hint: str) -> Exception:
    if kind == "document" and CODE.fullmatch(code):
        return DocumentError(code, message, hint)
    if kind in KINDS:
        return KINDS[kind](message)
    raise wire.NoMessage("its answer is an unknown kind of error")


def _checked(function: Callable[..., Any], value: Any) -> Any:
    checks = _returns(function)
    try:
        return value if checks is None else checks.validate_python((value,))[0]
    except (ValidationError, RecursionError) as error:
        where = error.errors()[0]["loc"][1:] if isinstance(error, ValidationError) else ()
        raise wire.NoMessage(f"its answer is not what {function.__name__} returns {where or ''}".rstrip()) from None


@lru_cache(maxsize=256)
def _returns(function: Callable[..., Any]) -> TypeAdapter[Any] | None:
    """Return what checks a function's result; None if it does not say what it returns: then that is plain data."""
    try:
        kind = get_type_hints(function).get("return", Any)
    except (TypeError, NameError, AttributeError):  # a builtin, or a hint that is there for type checkers only
        return None
    try:
        checked = GenericAlias(tuple, (kind,))
        return TypeAdapter(checked, config=CHECKS)  # type: ignore[arg-type]  # a type that is put together here
    except PydanticUserError:
        return None
