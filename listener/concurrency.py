"""Work side by side: a task group whose first error is raised as itself."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup


@asynccontextmanager
async def task_group() -> AsyncIterator[TaskGroup]:
    """Open a group of tasks: the block ends when all of them have, and the first error ends the others.

    Raises that error itself, never an ExceptionGroup. Cancelling whoever waits here cancels the tasks, and arrives as
    CancelledError. An error of the block counts like one of a task. Enter and leave it in one task: never across a
    ``yield`` of a generator that others iterate.
    """
    error: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        error = first_error(group)
    if error is not None:  # outside of the except block: the error keeps its own cause and context
        raise error


def first_error(error: BaseException) -> BaseException:
    """Return the first error inside of a group, and of groups in it; one that asks to exit comes before all others."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    errors = [first_error(one) for one in error.exceptions]
    return next((one for one in errors if not isinstance(one, Exception)), errors[0])
