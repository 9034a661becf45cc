"""From the bytes of records to their contents: one call in a worker for all records of a batch."""

from __future__ import annotations

from collections.abc import Sequence

from listener.errors import DocumentError
from listener.sources.records import contents, csv_rows, json_lines
from listener.sources.records.layout import Layout
from listener.sources.records.spec import JSON_LINES, RecordSpec

Item = tuple[int, int, str]  # start and end in the data, and what to call the record in errors


def extract(
    data: bytes, items: Sequence[Item], layout: Layout, spec: RecordSpec
) -> list[contents.Content | DocumentError]:
    """Return text, title and metadata of each record, or its error, in the order of ``items``."""
    return [_content(data[start:end], layout, spec, where) for start, end, where in items]


def _content(data: bytes, layout: Layout, spec: RecordSpec, where: str) -> contents.Content | DocumentError:
    fields_of = json_lines.fields_of if layout.kind == JSON_LINES else None
    try:
        fields = fields_of(data, where) if fields_of else csv_rows.fields_of(data, layout, where)
        return contents.content(fields, spec, where)
    except DocumentError as error:
        return error
    except RecursionError:
        return DocumentError("bad_json", f"{where} is nested too deeply", json_lines.ONE_A_LINE)
