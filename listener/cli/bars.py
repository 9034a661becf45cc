"""The bar of requests that are followed: in one line if all of it fits, else how far they are on a line below.

::

    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━   37.4 % 0:00:12 4.2 documents/s, 0:01:30 to go
    running embed, 1300 of 4000 documents (12 failed), 83 more read
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from listener.logs.visible import on_one_line

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console, RenderableType

BAR = 30
BESIDE = BAR + len("  100 % ") + len("0:00:00 ") + 1  # bar, percentage, time; blanks between them
LEAST = 8  # of a bar that still says something


class Bar:
    """A bar on a terminal while the block runs, gone after it."""

    def __init__(self, console: Console) -> None:
        self._bar = BarColumn(bar_width=BAR)
        percent, description = TextColumn("{task.fields[percent]:>6}"), TextColumn("{task.description}", markup=False)
        self.progress = _WithLine(self._bar, percent, TimeElapsedColumn(), description, console=console, transient=True)
        self._task = self.progress.add_task("", total=None, percent="")

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress.stop()

    def show(self, done: float | None, percent: str, far: str, fast: str) -> None:
        """Show ``done`` percent (None: unknown, the bar moves back and forth), how ``far`` and how ``fast`` it goes."""
        width = self.progress.console.width
        whole = on_one_line(", ".join(filter(None, [far, fast])))
        fits = cell_len(whole) <= width - BESIDE
        beside = whole if fits else fast
        self._bar.bar_width = max(min(BAR, BAR + width - BESIDE - cell_len(beside)), LEAST)
        self.progress.below = "" if fits else on_one_line(far)
        self.progress.update(
            self._task,
            total=None if done is None else 100,
            completed=done or 0,
            percent=percent,
            description=beside,
        )


class _WithLine(Progress):
    """A bar with a line below it."""

    below = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield what is shown, from top to bottom."""
        yield from super().get_renderables()
        if self.below:
            yield Text(self.below, no_wrap=True, overflow="ellipsis")
