"""A row committed to ``ingest_requests`` becomes searchable chunks in the same Postgres."""

__version__ = "0.1.0"
