"""Records: JSON Lines and CSV files in which each line or row is a separate document.

::

    discovery   blocks of the file ─► worker: scan ────► pages of entries: URI, byte range, line, SHA-256, or an error
    load        byte ranges again ──► worker: extract ─► text, title, metadata

``source`` wraps whatever source the files come from. No memory depends on the size of a file, and load can begin again
at any record. ``options.record`` says which fields are what (``spec``); how a file is written (charset, delimiter,
columns) is found once and kept (``layout``).
A record that can't be read fails alone, with its line number: discovery finds what keeps it from being named, load what
keeps it from being a text.

Workers import this package, so that it keeps its imports small.
"""
