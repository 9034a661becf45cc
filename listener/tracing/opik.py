"""Spans for Opik: made in the event loop, nested by context, handed to ``delivery`` when they end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from listener.errors import IngestError, OperatorError
from listener.tracing import Span, Tracing, Value
from listener.tracing.delivery import Delivery
from listener.tracing.words import LONGEST_WORD, short

if TYPE_CHECKING:
    from types import TracebackType

    from listener.embedding.embedder import Space

FLUSH_SECONDS = 1.5
OPENAI = "api.openai.com"

_current: ContextVar[OpikSpan | None] = ContextVar("span", default=None)


def check() -> None:
    """Raise OperatorError if the SDK is not installed, or if nobody has said which Opik to send to.

    Without this the SDK would try its maker's cloud.
    """
    if find_spec("opik") is None:
        raise OperatorError(
            "tracing_not_installed", "INGEST_TRACING=opik needs the package opik", "pip install 'ingest-listener[opik]'"
        )
    if not _is_configured(os.environ):
        raise OperatorError(
            "tracing_not_configured",
            "INGEST_TRACING=opik does not know which Opik to send to",
            "set OPIK_URL_OVERRIDE (self-hosted, http://host:5173/api), or OPIK_API_KEY and OPIK_WORKSPACE (cloud)",
        )


def _is_configured(environment: Mapping[str, str]) -> bool:
    if environment.get("OPIK_URL_OVERRIDE") or environment.get("OPIK_API_KEY"):
        return True
    return Path(environment.get("OPIK_CONFIG_PATH") or "~/.opik.config").expanduser().is_file()


class OpikTracing(Tracing):
    """Makes spans and has them delivered to Opik in the background."""

    def __init__(self, *, show_log: bool = False) -> None:
        """Start the delivery; with ``show_log`` what the SDK logs is shown on stderr."""
        self._delivery = Delivery(os.environ, show_log=show_log)

    def request(self, request: UUID, **about: Value) -> OpikSpan:
        return OpikSpan(self._delivery, "request", None, {"request": str(request), **about}, request)

    def batch(self, request: UUID, number: int, **about: Value) -> OpikSpan:
        outer = _current.get()
        inside = outer if outer is not None and outer.request == request else None
        told: dict[str, Value] = {"request": str(request), "batch": number, **about}
        return OpikSpan(self._delivery, "batch", inside, told, request)

    def step(self, name: str, **about: Value) -> OpikSpan:
        return OpikSpan(self._delivery, name, _current.get(), about)

    def embedding(self, space: Space, texts: int) -> OpikSpan:
        endpoint, host = _without_secrets(space.endpoint)
        about: dict[str, Value] = {"texts": texts, "dimensions": space.dimensions}
        span = OpikSpan(self._delivery, "embedding call", _current.get(), about)
        span.is_call_of(space.model, space.embedder if host in ("", OPENAI) else host, endpoint)
        return span

    async def close(self) -> None:
        """Deliver what waits, for a second and a half at most; then what was not taken is given up."""
        await asyncio.to_thread(self._delivery.close, FLUSH_SECONDS)


class OpikSpan(Span):
    """A trace (without ``outer``) or a span in its trace."""

    __slots__ = (
        "_about", "_call", "_delivery", "_ended", "_error", "_id", "_name", "_outer_id", "_output", "_started",
        "_token", "_tokens", "_trace_id", "request",
    )  # fmt: skip

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        outer: OpikSpan | None,
        about: Mapping[str, Value],
        request: UUID | None = None,
    ) -> None:
        """``request`` groups traces, by default it is that of ``outer``; ``about`` is shown as the input."""
        self._delivery = delivery
        self._name = name
        self._about = dict(about)
        self._id = new_id()
        self._trace_id: str = outer._trace_id if outer else self._id
        # What lies directly in a trace has no outer span: a trace is not one.
        self._outer_id = outer._id if outer and outer._id != outer._trace_id else None
        self.request: UUID | None = request or (outer.request if outer else None)
        self._output: dict[str, Value] = {}
        self._error: dict[str, str] | None = None
        self._call: tuple[str, str, str] | None = None
        self._tokens = 0
        self._started = time.time()
        self._ended: float | None = None
        self._token: Token[OpikSpan | None] | None = None

    def is_call_of(self, model: str, provider: str, endpoint: str) -> None:
        """Make it a call of a model."""
        self._call = model, provider, endpoint

    def about(self, **values: Value) -> None:
        self._about |= values

    def output(self, **counts: Value) -> None:
        self._output |= counts

    def usage(self, tokens: int) -> None:
        self._tokens = tokens

    def __enter__(self) -> OpikSpan:
        self._started = time.time()
        self._token = _current.set(self)
        if self._is_trace:
            self._delivery.put(self._id, self._record())  # so that a long request can be seen while it runs
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if error is not None:
            self._error = _described(error)
        self._ended = time.time()
        self._delivery.put(self._id, self._record())

    @property
    def _is_trace(self) -> bool:
        return self._id == self._trace_id

    def _record(self) -> dict[str, Any]:
        """Return the arguments of the SDK's ``trace`` or ``span``, under ``as``; times are seconds since 1970."""
        told: dict[str, Any] = {
            "as": "trace" if self._is_trace else "span",
            "id": self._id,
            "name": self._name,
            "start_time": self._started,
            "end_time": self._ended,
            "input": short(self._about),
            "output": short(self._output) or None,
            "error_info": self._error,
        }
        if self._is_trace:
            return told | {"thread_id": str(self.request) if self.request else None}
        told |= {"trace_id": self._trace_id, "parent_span_id": self._outer_id}
        return told | (self._call_record() if self._call else {})

    def _call_record(self) -> dict[str, Any]:
        assert self._call is not None
        model, provider, endpoint = self._call
        usage = {"prompt_tokens": self._tokens, "completion_tokens": 0, "total_tokens": self._tokens}
        return {
            "type": "llm",
            "model": model,
            "provider": provider,
            "metadata": {"endpoint": endpoint} if endpoint else None,
            "usage": usage if self._tokens else None,
        }


def new_id() -> str:
    """Return a UUID of version 7, as Opik's ids must be: 48 bits of milliseconds, then chance."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


def _described(error: BaseException) -> dict[str, str]:
    """Return code and message of an error of ours; of any other only what it is, since its message may quote a text."""
    if isinstance(error, IngestError):
        return {"exception_type": error.code, "message": error.message[:LONGEST_WORD], "traceback": ""}
    return {"exception_type": type(error).__name__, "message": "the listener's log has more", "traceback": ""}


def _without_secrets(endpoint: str) -> tuple[str, str]:
    """Return a URL without user, password and query, and its host."""
    parts = urlsplit(endpoint)
    netloc = parts.netloc.rpartition("@")[2]
    return (f"{parts.scheme}://{netloc}{parts.path}" if netloc else ""), parts.hostname or ""
