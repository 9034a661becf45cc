"""cocoindex: its example of text embedding with Postgres as the target, and an OpenAI-compatible service.

Files and texts are memoized, so what did not change is not embedded again; its state lies in a database of its own
beside Postgres. The engine gathers texts into batches of up to 128 (larger ones were slower), which the openai client
embeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import asyncpg
import cocoindex as coco
import numpy as np
from cocoindex.connectors import localfs, postgres
from cocoindex.resources.file import FileLike
from cocoindex.resources.id import IdGenerator
from cocoindex.resources.schema import VectorSchema
from numpy.typing import NDArray
from openai import AsyncOpenAI

from benchmarks.peers import turns

DATABASE = coco.ContextKey[asyncpg.Pool]("database")
GIVEN = turns.given()
CLIENT = AsyncOpenAI(base_url=GIVEN.url, api_key=turns.MODEL)


@dataclass
class Row:
    """A chunk as it is stored."""

    id: int
    name: str
    chunk: str
    embedding: Annotated[NDArray[np.float32], VectorSchema(np.dtype(np.float32), turns.DIMENSIONS)]


@coco.lifespan
async def connected(builder: coco.EnvironmentBuilder) -> AsyncIterator[None]:
    """Keep cocoindex's state in the scratch folder, and connections open."""
    builder.settings.db_path = GIVEN.scratch / "cocoindex.db"
    async with asyncpg.create_pool(GIVEN.dsn) as pool:
        builder.provide(DATABASE, pool)
        yield


@coco.fn.as_async(batching=True, max_batch_size=turns.GROUP)
async def embed_batch(texts: list[str]) -> list[NDArray[np.float32]]:
    """Embed some texts with one call."""
    answer = await CLIENT.embeddings.create(model=turns.MODEL, input=texts)
    return [np.array(one.embedding, dtype=np.float32) for one in answer.data]


@coco.fn(memo=True)
async def embed(text: str) -> NDArray[np.float32]:
    """Embed a text that was not embedded before."""
    return await embed_batch(text)


@coco.fn
async def process_chunk(text: str, name: str, ids: IdGenerator, table: postgres.TableTarget[Row]) -> None:
    """Embed and declare a chunk."""
    table.declare_row(row=Row(await ids.next_id(text), name, text, await embed(text)))


@coco.fn(memo=True)
async def process_file(file: FileLike, table: postgres.TableTarget[Row]) -> None:
    """Cut a file that is new or changed."""
    texts = turns.sections(await file.read_text())
    await coco.map(process_chunk, texts, file.file_path.path.name, IdGenerator(), table)


@coco.fn
async def flow(folder: Path) -> None:
    """Every file of the folder, into the table."""
    schema = await postgres.TableSchema.from_class(Row, primary_key=["id"])
    table = await postgres.mount_table_target(DATABASE, table_name="chunks", table_schema=schema)
    await coco.mount_each(process_file, localfs.walk_dir(folder).items(), table)


async def main() -> None:
    """Start the engine, then take turns."""
    app = coco.App(coco.AppConfig(name="benchmark"), flow, folder=GIVEN.folder)
    await coco.start()
    await CLIENT.embeddings.create(model=turns.MODEL, input=["One line."])
    await turns.take(app.update)


if __name__ == "__main__":
    asyncio.run(main())
