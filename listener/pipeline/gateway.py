"""Every statement that the steps run: thin calls of SQL functions, which hold the rules and the fences."""

from __future__ import annotations

import asyncpg

from listener.pipeline.document_rows import DocumentStatements
from listener.pipeline.listener_rows import ListenerStatements
from listener.pipeline.manifest_rows import ManifestStatements
from listener.pipeline.request_rows import RequestStatements


class Store(RequestStatements, ManifestStatements, DocumentStatements, ListenerStatements):
    """Statements over a pool of connections whose search path leads to our objects."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
