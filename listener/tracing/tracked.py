"""The Python client's verbs as spans of an application that traces itself with Opik's ``@track``.

Only where ``INGEST_TRACING=opik`` is set, and only inside a function that the application tracks: there the SDK is
imported and configured, and sends the application's spans. So nothing is imported here, and no trace begins here.

Spans contain names, numbers and the request's id, which is the thread of the listener's traces; of an error, the
code alone, since its message may quote a value.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import ModuleType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from listener.errors import IngestError
from listener.tracing import Value
from listener.tracing.words import short


class Client(Protocol):
    """What has the verbs; ``traced``: the application wants to see them."""

    traced: bool


C = TypeVar("C", bound=Client)
P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[C, P], Coroutine[Any, Any, T]]


def tracked(
    name: str, shows: tuple[str, ...], told: Callable[[T], Mapping[str, Value]]
) -> Callable[[Verb[C, P, T]], Verb[C, P, T]]:
    """Make a verb a span of the trace that it is called in, if any.

    ``shows`` names the arguments whose values are names or numbers: nothing else of the call is recorded.
    ``told`` returns names, numbers and ids of the result.
    """

    def decorate(verb: Verb[C, P, T]) -> Verb[C, P, T]:
        signature = inspect.signature(verb)

        @functools.wraps(verb)
        async def as_span(client: C, /, *given: P.args, **named: P.kwargs) -> T:
            opik = _tracing_sdk() if client.traced else None
            if opik is None:
                return await verb(client, *given, **named)
            arguments = signature.bind(client, *given, **named)
            arguments.apply_defaults()
            about = {key: value for key in shows if (value := arguments.arguments[key]) is not None}
            return await _in_span(opik, name, short(about), verb(client, *given, **named), told)

        return as_span

    return decorate


def _tracing_sdk() -> ModuleType | None:
    """Return Opik's SDK if this is called inside a function that it traces."""
    opik = sys.modules.get("opik")
    context = getattr(opik, "opik_context", None)  # None while another thread is importing it
    if context is None or (context.get_current_span_data() is None and context.get_current_trace_data() is None):
        return None
    return opik


async def _in_span(
    opik: ModuleType,
    name: str,
    about: Mapping[str, Value],
    called: Awaitable[T],
    told: Callable[[T], Mapping[str, Value]],
) -> T:
    """Await a call as a span.

    No error passes through the SDK: it would send the message and leave a cancelled span in the context for ever.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    @opik.track(name=name, type="tool")  # type: ignore[untyped-decorator]
    async def span() -> Mapping[str, Value] | None:
        opik.opik_context.update_current_span(input=about)
        try:
            results.append(await called)
        except BaseException as error:
            errors.append(error)
            code = error.code if isinstance(error, IngestError) else type(error).__name__
            opik.opik_context.update_current_span(error_info={"exception_type": code, "traceback": ""})
            return None
        return told(results[0])

    await span()
    if errors:
        raise errors[0]
    return results[0]
