"""Traces of what the listener does, sent to Opik when ``INGEST_TRACING=opik``; nothing at all otherwise.

::

    with tracing.request(id) as span:     a span is made, entered and left in the event loop: microseconds, no I/O
        with tracing.step("embed"):       nested by context, also in tasks that are created inside
    span ends ─► bounded queue ─► thread ─► pipe ─► separate process ─► Opik's SDK ─► Opik

The SDK lives in a separate process (``sender``), so importing it, its threads, its retries and its exit hooks can't
touch the listener: see ``docs/decisions/0014-tracing.md``. Whatever happens there, spans wait in the queue and the
oldest are dropped. Spans hold ids, names and counts: no texts, no file names, no secrets.

That is for listeners. In an application that traces itself, the client's verbs are spans by Opik's ``@track``
(``tracked``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from types import TracebackType
    from uuid import UUID

    from listener.embedding.embedder import Space
    from listener.settings import Settings

Value: TypeAlias = "str | int | float | bool | None"


class Span:
    """One thing that is done, from ``with`` to the end of its block. This one records nothing."""

    __slots__ = ()

    def about(self, **values: Value) -> None:
        """Add what it is about, where that is known only inside: names and numbers, no texts."""

    def output(self, **counts: Value) -> None:
        """Add the result: counts and short words."""

    def usage(self, tokens: int) -> None:
        """Say how many tokens a service counted."""

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; an exception becomes the span's error and propagates."""


class Tracing:
    """Makes spans. This one makes none: each call costs a fraction of a microsecond."""

    def request(self, request: UUID, **about: Value) -> Span:
        """Return the span of one execution of a request: a separate trace, in the thread of the request's id."""
        return NOTHING

    def batch(self, request: UUID, number: int, **about: Value) -> Span:
        """Return the span of a batch: inside its request's if that runs here, otherwise a trace in its thread."""
        return NOTHING

    def step(self, name: str, **about: Value) -> Span:
        """Return the span of one execution of a step."""
        return NOTHING

    def embedding(self, space: Space, texts: int) -> Span:
        """Return the span of one call of an embedder."""
        return NOTHING

    async def close(self) -> None:
        """Deliver what waits, for a second and a half at most."""


NOTHING = Span()


def create(settings: Settings) -> Tracing:
    """Return what traces as the settings say; it starts what it needs in the background.

    Raises OperatorError ``tracing_not_installed`` or ``tracing_not_configured``.
    """
    if settings.tracing == "off":
        return Tracing()
    from listener.tracing.opik import OpikTracing, check  # noqa: PLC0415 - needless when nothing is traced

    check()
    return OpikTracing(show_log=settings.log_level == "DEBUG")
