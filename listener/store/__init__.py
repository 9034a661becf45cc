"""Every statement that the steps run: thin calls of SQL functions, which hold the rules and the fences."""

from __future__ import annotations

import asyncpg

from listener.store.documents import DocumentStatements
from listener.store.manifest import ManifestStatements
from listener.store.requests import RequestStatements


class Store(RequestStatements, ManifestStatements, DocumentStatements):
    """Statements over a pool of connections whose search path leads to our objects."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
