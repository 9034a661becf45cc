"""Records: JSON Lines and CSV files where each line or row is a document of its own.

::

    discovery   blocks of the file ─► worker: scan ────► pages of entries: URI, byte range, line, SHA-256, or an error
    load        byte ranges again ──► worker: extract ─► text, title, metadata

So no memory depends on the size of the file, and load can begin again at any record. ``options.record`` says which
fields are what (``spec``); how the file is written (charset, delimiter, columns) is found once and kept (``formats``).
A record that can't be read fails alone, with its line number: discovery finds what keeps it from being named, load what
keeps it from being a text.

Workers import this package, so that it keeps its imports small.
"""

from listener.sources.records.finding import Entry, ReadRange, Records
from listener.sources.records.layout import Format
from listener.sources.records.loading import content_hash, load
from listener.sources.records.spec import RecordSpec, kind_of, parse_spec

__all__ = ["Entry", "Format", "ReadRange", "RecordSpec", "Records", "content_hash", "kind_of", "load", "parse_spec"]
