"""Which model a name or a path means, and what its files say of it: no torch is needed for that, nor imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from listener.embedding import Space, neural
from listener.embedding.neural import weights
from listener.embedding.neural.weights import Weights
from listener.errors import SettingsError
from listener.settings import Settings


def model(folder: Path, weights_: bytes = b"w" * 100_000, **files: Any) -> Path:
    """Lay the files of a model into a folder: ``config``, ``modules``, ``prompts`` …"""
    names = {
        "config": "config.json", "modules": "modules.json", "pooling": "1_Pooling/config.json",
        "dense": "2_Dense/config.json", "sentence": "sentence_bert_config.json",
        "sentences": "config_sentence_transformers.json",
    }  # fmt: skip
    for name, said in ({"config": {"hidden_size": 8}} | files).items():
        path = folder / names[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said))
    (folder / "model.safetensors").write_bytes(weights_)
    return folder


def module(path: str, kind: str) -> dict[str, str]:
    return {"path": path, "type": f"sentence_transformers.models.{kind}"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As if sentence-transformers were installed; a folder that packages are imported from."""
    packages = tmp_path / "packages"
    (packages / "sentence_transformers").mkdir(parents=True)
    (packages / "sentence_transformers" / "__init__.py").write_text("raise AssertionError('imported by a listener')")
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return packages


def refused(**settings: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        neural.space(Settings(**settings))
    assert caught.value.hint
    return caught.value


def test_a_model_named_by_its_path_has_its_folder_s_name_and_a_digest_wherever_it_lies(
    installed: Path, tmp_path: Path
) -> None:
    here, there = model(tmp_path / "a" / "mine"), model(tmp_path / "b" / "mine")
    other = model(tmp_path / "c" / "mine", b"w" * 99_999 + b"v")
    spaces = [neural.space(Settings(embedding_model=str(one))) for one in (here, there, other)]
    assert spaces[0] == spaces[1] != spaces[2]
    assert spaces[0].model.startswith("mine@")
    assert spaces[0].dimensions == 8
    found = weights.of_space(spaces[0].model, str(there))
    assert found.folder == there
    sibling = weights.of_space(spaces[0].model, str(model(tmp_path / "a" / "another")))
    assert sibling.folder == here
    with pytest.raises(SettingsError) as missing:
        weights.of_space(spaces[0].model, str(other))
    assert missing.value.code == "weights_missing"
    with pytest.raises(SettingsError) as opened:  # a table names no folder
        weights.of_space(str(here), None)
    assert opened.value.code == "weights_missing"


def test_a_model_of_the_hub_is_found_in_its_cache_by_its_name(installed: Path, tmp_path: Path) -> None:
    place = tmp_path / "hub" / "models--acme--small"
    model(place / "snapshots" / "abc")
    assert refused(embedding_model="acme/small").code == "weights_missing"
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    assert neural.space(Settings(embedding_model="acme/small")) == Space("neural", "", "acme/small", 8)


def test_a_model_of_a_package_is_found_without_importing_it(installed: Path) -> None:
    package = installed / "carries_a_model"
    model(package / "model")
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    found = weights.find("carries-a-model")
    assert (found.name, found.folder) == ("carries_a_model", package / "model")


@pytest.mark.parametrize("named", ["acme/nowhere", "/nowhere/at/all", "./nowhere", "~/nowhere", "..", "a b", ""])
def test_weights_that_are_not_there_are_said_with_how_to_get_them(installed: Path, named: str) -> None:
    with pytest.raises(SettingsError) as missing:
        weights.find(named)
    assert missing.value.code == "weights_missing"
    assert missing.value.hint


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neural, "find_spec", lambda name: None)
    error = refused()
    assert (error.code, error.hint) == ("embedder_not_installed", "run: pip install 'ingest-listener[neural]'")
    with pytest.raises(SettingsError, match="not installed"):
        neural.create(Space("neural", "", "acme/small", 8), Settings())


def test_dimensions_are_read_from_the_model_s_files(installed: Path, tmp_path: Path) -> None:
    pooling = {"word_embedding_dimension": 8, "pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}
    modules = [module("", "Transformer"), module("1_Pooling", "Pooling")]
    pooled = model(tmp_path / "pooled", modules=modules, pooling=pooling)
    assert Weights("", pooled).dimensions == 16
    modules += [module("2_Dense", "Dense")]
    dense = model(tmp_path / "dense", modules=modules, pooling=pooling, dense={"out_features": 5})
    assert Weights("", dense).dimensions == 5
    short = model(tmp_path / "short", sentences={"truncate_dim": 4})
    assert Weights("", short).dimensions == 4
    silent = model(tmp_path / "silent", config={})
    assert refused(embedding_model=str(silent)).code == "dimensions_unknown"
    assert refused(embedding_model=str(short), embedding_dimensions=8).code == "wrong_dimensions"
    named = Settings(embedding_model=str(short))
    with pytest.raises(SettingsError, match="have 4 dimensions, not 8"):
        neural.create(Space("neural", "", neural.space(named).model, 8), named)


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("intfloat/e5-small-v2", "query: ", "passage: "),
        ("intfloat/multilingual-e5-base", "query: ", "passage: "),
        ("BAAI/bge-small-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("nomic-ai/nomic-embed-text-v1.5", "search_query: ", "search_document: "),
        ("BAAI/bge-m3", "", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "", ""),
    ],
)
def test_what_known_models_want_before_a_text_is_known(tmp_path: Path, name: str, query: str, document: str) -> None:
    assert Weights(name, model(tmp_path / "m")).prompts() == (query, document)
    by_path = model(tmp_path / "p", config={"hidden_size": 8, "_name_or_path": name})
    assert Weights("p@0", by_path).prompts() == (query, document)


def test_what_a_model_s_own_files_say_of_prompts_counts_first(tmp_path: Path) -> None:
    says = model(tmp_path / "m", sentences={"prompts": {"query": "Q: ", "passage": "P: "}})
    assert Weights("intfloat/e5-small-v2", says).prompts() == ("Q: ", "P: ")


def test_files_that_are_no_json_or_of_other_types_say_nothing(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", modules={"no": "list"}, sentences=[1], sentence={"max_seq_length": "many"})
    (folder / "config.json").write_bytes(b"\xff{")
    assert Weights("m", folder).dimensions is None
    assert Weights("m", folder).prompts() == ("", "")


def test_a_program_that_makes_the_embedder_imports_no_torch(installed: Path, tmp_path: Path) -> None:
    program = """if True:
        import asyncio, sys
        from listener.embedding import neural
        from listener.settings import load
        embedder = neural.create(neural.space(load()), load())
        asyncio.run(embedder.close())
        print(sorted({"torch", "sentence_transformers", "transformers"} & set(sys.modules)))
    """
    settings = {"INGEST_EMBEDDING_MODEL": str(model(tmp_path / "m"))}
    environment = {"PYTHONPATH": f"{installed}:{Path(neural.__file__).parents[3]}", **settings}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
