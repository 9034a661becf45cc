"""Other projects, as a user who read their documentation would run them.

The queues (``latency``, ``idle``) are workers that say when a job began, in our own environment (the extra `bench`).
The others do `bulk`'s work, each run by an interpreter that has its project installed.

What they have in common, so that they can be compared:

- They read the same Markdown files and store the same chunks: one a section, the title with the first. Our chunker
  cuts there too, and the suite compares the texts that were stored, one by one, with what it cuts.
- They ask the same endpoint, with the client and the encoding that is the project's own choice.
- They write to a fresh database of the same server, in the tables that the project makes, which have no vector index
  and no full text. (Ours and the bare script's equal table have full text.)
- What is imported, connected, made and asked once before the clock starts does not count: see ``turns``.
- Their settings are what their documentation says for bulk loads, tried beside the alternatives that it names; where
  it leaves concurrency to the caller, 8 calls are in flight, as in ours. Each file says which, and what was slower.

This package is imported by interpreters without ours: ``turns`` needs the standard library only.
"""
