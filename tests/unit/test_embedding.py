"""What is embedded, in which groups, and the vectors of the local embedder."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener import embedding
from listener.embedding import Space, TextsRefused
from listener.embedding.local import LocalEmbedder
from listener.errors import SettingsError
from listener.settings import Settings

LOCAL = Settings(embedder="local")


def filled(template: str = embedding.DEFAULT_TEMPLATE, prefix: str = "", **values: Any) -> str:
    given_values: dict[str, Any] = {
        "title": "Guide",
        "heading_path": ("Guide", "Install", "Linux"),
        "text": "apt install it",
        **values,
    }
    return embedding.embedding_input(template, prefix, **given_values)


def test_the_default_template_puts_title_and_headings_before_the_text() -> None:
    assert filled(heading_path=("Install", "Linux")) == "Guide\nInstall > Linux\n\napt install it"
    assert filled(prefix="passage: ", title=None, heading_path=()) == "passage: apt install it"


def test_a_first_heading_that_is_the_title_stands_once() -> None:
    assert filled() == "Guide\nInstall > Linux\n\napt install it"
    assert filled(heading_path=("Guide",)) == "Guide\n\napt install it"


def test_empty_values_leave_no_empty_lines_and_no_labels() -> None:
    assert filled(title="  ") == "Guide > Install > Linux\n\napt install it"
    assert filled("Title: {title}\n\nIn: {heading_path}\n\n{text}\n", title="", heading_path=()) == "apt install it"
    assert filled("{text}\n\n{title}", title="") == "apt install it"
    assert filled("{title}\n\n{heading_path}\n\n{text}", heading_path=()) == "Guide\n\napt install it"
    assert filled(title="", heading_path=(), text="one\n\n\ntwo") == "one\n\n\ntwo"


BRACES = st.lists(
    st.sampled_from(["{text}", "{title}", "{x}", "{", "}", "{{", "\\", "\\1", "%s", "a"]), min_size=1
).map("".join)


@given(BRACES, st.lists(BRACES, max_size=3), BRACES)
def test_braces_in_values_mean_nothing(title: str, headings: list[str], text: str) -> None:
    kept = headings[1:] if headings and headings[0] == title else headings
    lines = [title, *([" > ".join(kept)] if kept else []), "", text]
    assert filled(title=title, heading_path=headings, text=text) == "\n".join(lines)


def test_the_hash_is_sha_256_of_the_utf_8_text() -> None:
    assert embedding.text_hash("naïve") == hashlib.sha256("naïve".encode()).digest()
    assert len(embedding.text_hash("\ud800")) == 32


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 8), st.integers(1, 100))
def test_groups_hold_all_texts_in_order_within_the_limits(lengths: list[int], texts: int, characters: int) -> None:
    found = list(embedding.groups(lengths, texts, characters))
    assert [at for group in found for at in group] == list(range(len(lengths)))
    for group in found:
        assert 1 <= len(group) <= texts
        assert len(group) == 1 or sum(lengths[at] for at in group) <= characters
    for group in found[:-1]:  # none could have taken the next text
        assert len(group) == texts or sum(lengths[at] for at in group) + lengths[group.stop] > characters


def test_spaces_are_completed_or_refused() -> None:
    default = Space(embedder="local", endpoint="", model="wordllama-l2-supercat-256", dimensions=256)
    assert embedding.default_space(LOCAL) == default
    assert embedding.default_space(Settings(embedding_model=default.model, embedding_dimensions=64)).dimensions == 64
    for settings, code in (
        (Settings(embedding_model="bert"), "unknown_model"),
        (Settings(embedding_dimensions=512), "wrong_dimensions"),
    ):
        with pytest.raises(SettingsError) as caught:
            embedding.default_space(settings)
        assert caught.value.code == code
        assert caught.value.hint


def test_an_embedder_is_not_made_for_a_space_that_it_does_not_have() -> None:
    with pytest.raises(SettingsError, match="wrong_dimensions"):
        embedding.create(Space("local", "", "wordllama-l2-supercat-256", 100), LOCAL)
    with pytest.raises(SettingsError, match="unknown_embedder"):
        embedding.create(Space("nobody", "", "text-embedding-3-small", 1536), LOCAL)


@pytest.fixture
async def local() -> AsyncIterator[embedding.Embedder]:
    embedder = embedding.create(embedding.default_space(LOCAL), LOCAL)
    await embedder.prepare()
    yield embedder
    await embedder.close()


async def test_vectors_are_finite_unit_vectors_of_the_space(local: embedding.Embedder) -> None:
    texts = ["a cat sat", "かな", "👩‍👩‍👧‍👦", "</s><unk>", " ", "\ud800", "x" * 100_000]
    vectors, tokens = await local.embed(texts)
    assert tokens == sum(await local.count_tokens(texts)) > len(texts)  # type: ignore[attr-defined]
    assert vectors.shape == (len(texts), local.space.dimensions)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (await local.embed([])).vectors.shape == (0, local.space.dimensions)


async def test_vectors_mean_something_and_do_not_depend_on_the_group(local: embedding.Embedder) -> None:
    texts = ["how to install the package", "installing a package with pip", "a recipe for onion soup"]
    install, pip, soup = (await local.embed(texts)).vectors
    assert install @ pip > install @ soup + 0.2
    assert np.array_equal((await local.embed(texts[1:2])).vectors[0], pip)


async def test_the_end_of_a_long_text_counts(local: embedding.Embedder) -> None:
    texts = ["onion soup " * 3000, "onion soup " * 3000 + "pip install " * 9000, "pip install"]
    start, both, end = (await local.embed(texts)).vectors
    assert both @ end > start @ end + 0.2


async def test_texts_without_a_token_are_refused_by_their_places(local: embedding.Embedder) -> None:
    with pytest.raises(TextsRefused) as caught:
        await local.embed(["fine", "", "fine too", ""])
    assert caught.value.code == "empty_text"
    assert caught.value.indices == (1, 3)
    assert pickle.loads(pickle.dumps(caught.value)).indices == (1, 3)


async def test_fewer_dimensions_are_the_first_ones_of_the_full_vector(local: embedding.Embedder) -> None:
    small = embedding.create(embedding.default_space(Settings(embedding_dimensions=64)), LOCAL)
    try:
        [short], [full] = (await small.embed(["some words"])).vectors, (await local.embed(["some words"])).vectors
    finally:
        await small.close()
    assert np.allclose(short, full[:64] / np.linalg.norm(full[:64]), atol=1e-6)


async def test_vectors_are_those_of_wordllama_itself(local: embedding.Embedder) -> None:
    texts = ["a cat sat on a mat", "naïve かな", "import os\n\nprint(os)"]
    program = (
        "import pathlib, wordllama; folder = pathlib.Path(wordllama.__file__).parent;"
        "model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True);"
        f"print(model.embed({texts!r}, norm=True).tolist())"
    )  # in a process of its own, because importing it sets up logging for everybody
    theirs = np.array(json.loads(printed_by(program)))
    assert np.allclose((await local.embed(texts)).vectors, theirs, atol=1e-5)


async def test_missing_weights_are_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "wordllama").mkdir()
    (tmp_path / "wordllama" / "__init__.py").touch()
    embedder = LocalEmbedder(embedding.default_space(LOCAL))
    with pytest.raises(SettingsError, match="embedder_not_installed"):
        await embedder.prepare()
    await embedder.close()


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = (
        "import sys, listener.embedding as embedding; from listener.settings import Settings; local = Settings();"
        "embedding.create(embedding.default_space(local), local);"
        "print({'numpy', 'tokenizers', 'httpx2', 'openai', 'pgvector'} & {*sys.modules})"
    )
    assert printed_by(program) == "set()"


def printed_by(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
