"""How a call of a worker can fail other than by a DocumentError of the function itself."""

from __future__ import annotations


class WorkerFailed(Exception):
    """The worker gave no answer that can be used; it was replaced. ``seconds``: how long it had the call."""

    seconds: float = 0.0


class WorkerCrashed(WorkerFailed):
    """The worker ended by itself, or answered nonsense; the message says how (signal, exit code, what is wrong)."""


class WorkerTimeout(WorkerFailed):
    """The call took longer than its time limit, so the worker was killed."""


class WorkerMemory(WorkerFailed):
    """The call needed more memory than the limit, so the worker was killed or ran out of it."""


class AnswerTooLarge(WorkerFailed):
    """The function's result has more bytes than the caller takes."""


class CallRaised(Exception):
    """The function raised something; the text is its type's name and what it says, cut."""


class WorkersClosed(RuntimeError):
    """The pool was closed, before the call or while it ran."""

    def __init__(self) -> None:
        super().__init__("the workers are closed")
