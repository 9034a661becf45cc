"""The result of a quickstart, as a table: documents and chunks by kind, failures by reason, what to do about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from listener.cli.fitting import LEAST_WIDTH, below, cut_in_middle, short
from listener.cli.follow import counted
from listener.cli.in_shell import in_shell
from listener.cli.output import Output

if TYPE_CHECKING:
    from listener.client import Status
    from listener.client.first_run import Ingested, Kind
    from listener.client.overview import FailureGroup

SHOWN_DOCUMENTS = 8
HEADINGS = ("kind", "ingested", "unchanged", "failed", "chunks")


@dataclass(frozen=True, slots=True)
class Summary:
    """The outcome of a request's documents. ``documents``: some of those that are live now."""

    status: Status
    kinds: Sequence[Kind]
    groups: Sequence[FailureGroup]
    documents: Sequence[Ingested]

    def write(self, output: Output) -> None:
        """Write it for people."""
        if output.json:
            return
        self._write_documents(output)
        self._write_kinds(output)
        self._write_failures(output)

    def _write_documents(self, output: Output) -> None:
        for document in self.documents:
            title = f"  {document.title}" if document.title else ""
            output.line(f"  {document.uri}  {counted(document.chunks, 'chunk')}{title}")
        more = (self.status.documents_done or 0) - len(self.documents)
        if more > 0:
            output.line(f"  … and {more} more, see ingest_documents")

    def _write_kinds(self, output: Output) -> None:
        if not self.kinds:
            return
        output.line()
        rows = [(one.kind, one.ingested, one.skipped, one.failed, one.chunks) for one in self.kinds]
        together = [sum(numbers) for numbers in zip(*(row[1:] for row in rows), strict=True)]
        for row in _aligned([HEADINGS, *rows, *([("all", *together)] if len(rows) > 1 else [])]):
            output.line(f"  {row}")

    def _write_failures(self, output: Output) -> None:
        """Write each reason with how often, one document as an example, and what to do."""
        if not self.groups:
            return
        output.line()
        for group in self.groups:
            number = counted(group.documents, "document")
            output.pieces([("  ", ""), (f"{group.code}:", "bold red"), (f" {number} failed", "")])
            told = [group.message, *([f"hint: {in_shell(group.hint)}"] if group.hint else [])]
            uri = cut_in_middle(group.uri, max(output.width - 12, LEAST_WIDTH)) if output.terminal else group.uri
            output.line(f"    failed: {uri}")
            for line in below(told, output.width, 4):
                output.pieces(line)
        output.line(f"  each separately: ingest failures {short(self.status.id)} --all")


def _aligned(rows: Sequence[Sequence[object]]) -> list[str]:
    texts = [["" if cell == 0 else str(cell) for cell in row] for row in rows]
    wide = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join([row[0].ljust(wide[0]), *(cell.rjust(most) for cell, most in zip(row[1:], wide[1:], strict=True))])
        for row in texts
    ]
