"""The ways of `bulk`: the listener, the bare script and the peers, each with a folder cold, unchanged and edited."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.request import urlopen

import asyncpg

from benchmarks import corpus, environments, session
from listener.chunking.splitting import chunk

DIMENSIONS = 1536
LATENCY_SECONDS = 0.02
GROUP = 128  # texts in a call
CALLS = 8
EDITS = 10
PLACE = Path(__file__).parents[1]
QUIET = {"COCOINDEX_DISABLE_USAGE_TRACKING": "1", "DD_TRACE_ENABLED": "false"}  # peers would send these to their makers

Run = dict[str, Any]
"""``cold``, ``unchanged``, ``edited``: seconds and texts sent (the bare script: cold only). And what is ``broken``."""


@dataclass(frozen=True)
class Peer:
    """Another project: its name, its program in `benchmarks/peers`, what pip installs, where its chunks are."""

    name: str
    program: str
    requirements: tuple[str, ...]
    texts: str


PEERS = [
    Peer(
        "pgai 0.12.1",
        "pgai_worker",
        # What its extra vectorizer-worker names, without what reads PDF and other services: torch and CUDA, 6 GB.
        (
            "pgai==0.12.1", "filetype==1.2.0", "ijson==3.6.0", "langchain-text-splitters==0.3.11", "numpy==2.3.5",
            "openai==1.109.1", "pgvector==0.4.2", "psycopg[binary]==3.3.9", "smart-open==7.1.0", "tiktoken==0.14.0",
            "tokenizers==0.22.2",
        ),
        "select chunk from chunks_store",
    ),
    Peer(
        "LlamaIndex 0.14.25",
        "llamaindex_pipeline",
        (
            "llama-index-core==0.14.25", "llama-index-embeddings-openai-like==0.4.0",
            "llama-index-storage-docstore-postgres==0.6.0", "llama-index-storage-kvstore-postgres==0.4.3",
            "llama-index-vector-stores-postgres==0.9.0",
        ),
        "select text from data_chunks",
    ),
    Peer(
        "LangChain 1.4.7, langchain-postgres 0.0.19",
        "langchain_index",
        (
            "langchain==1.4.7", "langchain-classic==1.0.8", "langchain-core==1.7.2", "langchain-openai==1.7.3",
            "langchain-postgres==0.0.19",
        ),
        "select content from chunks",
    ),
    Peer(
        "cocoindex 1.0.26",
        "cocoindex_flow",
        ("cocoindex[postgres]==1.0.26", "openai==3.54.0", "pgvector==0.5.1"),
        "select chunk from chunks",
    ),
]  # fmt: skip


@asynccontextmanager
async def endpoint(*options: str, latency: float = LATENCY_SECONDS, dimensions: int = DIMENSIONS) -> AsyncIterator[str]:
    """Run the fake embedding service; yield its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.endpoint", f"--latency={latency}", f"--dimensions={dimensions}", *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


def service(url: str) -> dict[str, str]:
    """Return the environment of a listener that embeds there."""
    return {
        "INGEST_EMBEDDER": "openai",
        "INGEST_EMBEDDING_MODEL": "bench",
        "INGEST_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
        "INGEST_EMBEDDING_CALLS": str(CALLS),
        "INGEST_EMBEDDING_CALL_TEXTS": str(GROUP),
        "OPENAI_BASE_URL": url,
        "OPENAI_API_KEY": "bench",
    }


async def ours(folder: Path, url: str, dsn: str) -> Run:
    """A listener that is up and has embedded one line already, from INSERT to the request's end."""
    async with session.listener(dsn, folder, **service(url)):
        connection = await asyncpg.connect(dsn)
        warm = "insert into ingest_requests (content, uri, collection) values ('One line.', 'one', 'warm') returning id"
        await session.end(connection, await connection.fetchval(warm))
        run = await _phases(
            lambda: session.ingest(connection, folder, "bulk"),
            dsn, folder, url, "select text from ingest_chunks where collection = 'bulk'",
        )  # fmt: skip
        await connection.close()
    return run


async def bare(folder: Path, url: str, options: Sequence[str], dsn: str) -> Run:
    """The least that a script must do. It knows nothing of what is unchanged: cold only."""
    given = [f"--dsn={dsn}", f"--folder={folder}", f"--url={url}", f"--group={GROUP}"]
    async with _process(sys.executable, "benchmarks.bare", *given, *options) as process:
        cold = await _phase(lambda: _answer(process), url)
    return {"cold": cold, "broken": await _broken("cold", dsn, folder, "select text from bare_chunks")}


async def peer(this: Peer, scratch: Path, folder: Path, url: str, dsn: str) -> Run:
    """Another project, imported, connected and warmed up before the clock starts."""
    interpreter = await environments.python(this.program, *this.requirements)
    own = mkdtemp(prefix=this.program, dir=scratch)
    given = [f"--dsn={dsn}", f"--folder={folder}", f"--url={url}", f"--scratch={own}"]
    async with _process(str(interpreter), f"benchmarks.peers.{this.program}", *given) as process:
        await _line(process, "ready")
        assert process.stdin

        async def go() -> Run:
            assert process.stdin
            process.stdin.write(b"go\n")
            return await _answer(process)

        run = await _phases(go, dsn, folder, url, this.texts)
        process.stdin.close()
    return run


async def _phases(ingest: Callable[[], Awaitable[Run]], dsn: str, folder: Path, url: str, texts: str) -> Run:
    """Cold, unchanged, and with a sentence added to each of ten files; then put these back."""
    originals = corpus.first(folder, EDITS)
    try:
        cold = await _phase(ingest, url)
        broken = await _broken("cold", dsn, folder, texts)
        unchanged = await _phase(ingest, url)
        corpus.edit(folder, EDITS)
        edited = await _phase(ingest, url)
        broken += await _broken("edited", dsn, folder, texts)
    finally:
        for path, data in originals.items():
            path.write_bytes(data)
    return {"cold": cold, "unchanged": unchanged, "edited": edited, "broken": broken}


async def _phase(ingest: Callable[[], Awaitable[Run]], url: str) -> Run:
    before = await _texts(url)
    run = await ingest()
    return run | {"texts": await _texts(url) - before}


async def _texts(url: str) -> int:
    """Return how many texts were sent to the service so far."""

    def ask() -> int:
        with urlopen(f"{url}/counts") as answer:
            return int(json.load(answer)["texts"])

    return await asyncio.to_thread(ask)


async def _broken(phase: str, dsn: str, folder: Path, query: str) -> list[str]:
    """Compare the texts that are stored with those that our chunker makes of the files."""
    connection = await asyncpg.connect(dsn)
    found = sorted(row[0] for row in await connection.fetch(query))
    await connection.close()
    wanted = sorted(expected(folder))
    if found == wanted:
        return []
    return [f"{phase}: stored {len(found)} chunks instead of {len(wanted)}, {len({*found} ^ {*wanted})} texts differ"]


def expected(folder: Path) -> list[str]:
    """Return the texts of all chunks."""
    texts = (path.read_text(encoding="utf-8") for path in folder.iterdir())
    return [text[part.start : part.end] for text in texts for part in chunk(text, "text/markdown", 1000, 100)]


@asynccontextmanager
async def _process(interpreter: str, program: str, *given: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program of ours, without settings of the user's."""
    mine = ("INGEST_", "OPENAI_", "PYTHON")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    process = await asyncio.create_subprocess_exec(
        interpreter, "-m", program, *given,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=PLACE, env=clean | QUIET,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None and process.stdin:
            process.stdin.close()
        await process.wait()


async def _answer(process: asyncio.subprocess.Process) -> Run:
    return dict(json.loads(await _line(process, "{")))


async def _line(process: asyncio.subprocess.Process, begins: str) -> str:
    """Return the next line that begins so; libraries may print others."""
    assert process.stdout
    while line := (await process.stdout.readline()).decode():
        if line.startswith(begins):
            return line
    raise RuntimeError(f"ended with {await process.wait()} before it answered; its error stands above")
