"""Every error that ingestion can end in, as one tree.

::

    IngestError                 has a code, a message that names the thing, and a hint
    ├── RequestError            ends the whole request           (unknown scheme, missing folder, ...)
    ├── DocumentError           fails one document               (unsupported, too_large, parser_timeout, ...)
    │   ├── TransientError      … for now                        (a store that did not answer, an answer cut off)
    │   └── TextsRefused        these texts of one call          (embedding/base.py: the API refuses them, empty text)
    ├── SettingsError           ends the request, not retried    (key refused, wrong dimensions, ...)
    ├── ServiceError            retried with backoff             (embedding API down, rate limited)
    ├── OperatorError           the program can't run like this  (no database, schema not migrated, ...)
    ├── WaitTimeoutError        a program's wait timed out; its requests continue. Also a TimeoutError
    └── LostOwnership           this execution was replaced; whatever it does must change nothing

The class is the decision that a caller makes; the code says what happened. Codes are stable and stand in
``docs/errors.md``; ``error->>'code'`` in the tables holds the same word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from listener.logs.masking import mask

LONGEST_WISH_SECONDS = 3600.0


class IngestError(Exception):
    """An error with a stable ``code``, a ``message`` that names the thing, and a ``hint`` that says what to do.

    The message may contain others' words: secrets are masked here, before it goes anywhere.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        message = mask(message)
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.step: str | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.hint})" if self.hint else "")

    def __reduce__(self) -> tuple[type[IngestError], tuple[str, str, str]]:
        return type(self), (self.code, self.message, self.hint)

    @property
    def data(self) -> dict[str, Any]:
        """The error as DBOS records it with a step or workflow; it comes back from there as plain JSON."""
        return self.as_json()

    def as_json(self, step: str | None = None) -> dict[str, Any]:
        """Return what the ``error`` columns hold: code, message, hint, step and whether a retry may help."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "step": step or self.step,
            "retryable": isinstance(self, ServiceError | TransientError),
        }


class RequestError(IngestError):
    """The request can't be carried out; its documents are not read."""


class DocumentError(IngestError):
    """One document can't be ingested; the others continue."""


class TransientError(DocumentError):
    """One document can't be had just now; trying again later may help. Its source may be away."""


class SettingsError(IngestError):
    """A setting is wrong; trying again without changing it can't help."""


class ServiceError(IngestError):
    """A service that we need did not answer; trying again later may help.

    ``retry_after`` is the service's own wish in seconds, if it gave one: finite, an hour at most.
    """

    def __init__(self, code: str, message: str, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(code, message, hint)
        self.retry_after = wish(retry_after)


def of_document(error: IngestError) -> DocumentError:
    """Return what an error of a source says of one document alone: of an absence, that it may pass."""
    if isinstance(error, DocumentError):
        return error
    kind = TransientError if isinstance(error, ServiceError) else DocumentError
    return kind(error.code, error.message, error.hint)


def wish(seconds: float | None) -> float | None:
    """Return how long a service asks to be left alone: from zero to an hour; None if that is not a number.

    A service, or a proxy in between, may say anything, and a batch holds its place while it waits.
    """
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WISH_SECONDS)


class OperatorError(IngestError):
    """The program can't run in this environment; its operator must change something."""


class WaitTimeoutError(IngestError, TimeoutError):
    """Requests had not ended when a program's wait timed out; ``requests`` are their ids. They continue."""

    def __init__(self, code: str, message: str, hint: str = "", requests: Sequence[UUID] = ()) -> None:
        super().__init__(code, message, hint)
        self.requests = tuple(requests)

    def __reduce__(self) -> Any:
        return type(self), (self.code, self.message, self.hint, self.requests)


class LostOwnership(IngestError):
    """Another execution owns this batch now, or the request is no longer running: stop without writing."""
