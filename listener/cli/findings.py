"""The findings of ``doctor``'s checks, each written as soon as it is known."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from listener.cli.fitting import below
from listener.cli.in_shell import in_shell
from listener.cli.output import STYLES, Output
from listener.cli.problems import ENVIRONMENT, OK, explain


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; ``state`` is ok, warning or problem."""

    name: str
    state: str
    message: str
    hint: str = ""


class Bad(Exception):
    """What a check found, with ``state`` warning or problem."""

    def __init__(self, message: str, hint: str, state: str = "problem") -> None:
        super().__init__(message)
        self.message, self.hint, self.state = message, hint, state


class Findings:
    """What the checks found, each written at once."""

    def __init__(self, output: Output) -> None:
        self.all: list[Finding] = []
        self._output = output

    async def look(self, name: str, check: Awaitable[str]) -> bool:
        """Make a check; tell whether one that needs it can be made."""
        try:
            found = Finding(name, "ok", await check)
        except Bad as bad:
            found = Finding(name, bad.state, bad.message, bad.hint)
        except Exception as error:  # whatever a check stumbles over is what it found
            problem = explain(error)
            found = Finding(name, "problem", f"{problem.code}: {problem.message}", problem.hint)
        self.all.append(found)
        _write(found, self._output)
        return found.state != "problem"


def _write(found: Finding, output: Output) -> None:
    style = "" if found.state == "ok" else STYLES[found.state]
    head, told = f"{found.state:8} {found.name:11} ", in_shell(found.message)
    hints = [f"hint: {in_shell(found.hint)}"] if found.hint else []
    if not output.terminal:
        for line in (head + told, *(f"{'':{len(head)}}{hint}" for hint in hints)):
            output.line(line)
        return
    (_, first), *others = below([told], output.width, len(head), style) or [[("", ""), ("", "")]]
    for pieces in ([(head, style), first], *others, *below(hints, output.width, len(head))):
        output.pieces(pieces)


def conclude(findings: Findings, output: Output) -> int:
    """Write the result and return the exit status."""
    good = all(found.state != "problem" for found in findings.all)
    output.value({"ok": good, "checks": findings.all})
    return OK if good else ENVIRONMENT
