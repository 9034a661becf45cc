"""Another model for a collection in use, with real listeners and a service that counts: seen through each switch, killed in the middle, with publications meanwhile."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from embedding_service import EmbeddingService
from listener_process import ListenerProcess
from pipeline import ended, ingested
from staging import Connection, add, collection

from listener.embedding.probing import HARMLESS

OLD, NEW = 8, 12
Start = Callable[..., ListenerProcess]


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=OLD) as service:
        yield service


@pytest.fixture
async def newer() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=NEW) as service:
        yield service


@pytest.fixture
async def c(own: Connection, service: EmbeddingService) -> Connection:
    await collection(
        own, "docs", embedder="openai", endpoint=service.url, model="test", dimensions=OLD, chunk_size=200, chunk_overlap=0
    )
    return own
