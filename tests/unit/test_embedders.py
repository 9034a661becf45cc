"""Embedders are found by name among the entry points of what is installed; one is made for each space."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from listener.embedding import Embedders, Space, create, default_space, registry
from listener.errors import SettingsError
from listener.settings import Settings

TOY = '''
import numpy as np

from listener.embedding import Embeddings, Space, TextsRefused

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def space(settings):
    return Space("toy", "", settings.embedding_model or "letters", settings.embedding_dimensions or len(LETTERS))


def create(space, settings):
    return Toy(space)


class Toy:
    """Counts letters."""

    group_texts = 2
    group_characters = 1000
    in_flight = 1

    def __init__(self, space):
        self.space = space

    async def prepare(self):
        pass

    async def embed(self, texts):
        vectors = np.array([[text.count(letter) for letter in LETTERS] for text in texts], dtype=np.float32)
        empty = [place for place, vector in enumerate(vectors) if not vector.any()]
        if empty:
            raise TextsRefused("empty_text", "no letters", "", empty, Embeddings(np.delete(vectors, empty, axis=0)))
        return Embeddings(vectors)

    async def close(self):
        print("closed")
'''


def installed(folder: Path, point: str, module: str = TOY) -> Path:
    """Lay a small distribution into a folder, as pip would: a module, and metadata that names an embedder."""
    (folder / "toy_embedder.py").write_text(module)
    about = folder / "toy_embedder-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-embedder\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{point}\n")
    return folder


def printed_by(program: str, folder: Path, **environment: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), **environment},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_an_embedder_of_another_package_is_one_module_and_one_line(tmp_path: Path) -> None:
    program = """if True:
        import asyncio
        from listener.embedding import Embedders, TextsRefused, default_space
        from listener.settings import load

        async def main():
            settings = load()
            space = default_space(settings)
            print(space)
            embedders = Embedders(settings)
            vectors, tokens = await embedders.of(space).embed(["abba", "cab"])
            print(vectors.shape, vectors[0, :3].tolist(), tokens)
            try:
                await embedders.of(space).embed(["1", "b"])
            except TextsRefused as refused:
                print(refused.code, refused.indices, refused.rest.vectors.shape)
            await embedders.close()

        asyncio.run(main())
    """
    installed(tmp_path, "toy = toy_embedder")
    assert printed_by(program, tmp_path, INGEST_EMBEDDER="toy") == [
        "Space(embedder='toy', endpoint='', model='letters', dimensions=26)",
        "(2, 26) [2.0, 2.0, 0.0] 0",
        "empty_text (0,) (1, 26)",
        "closed",
    ]


def test_an_embedder_that_is_not_installed_is_refused_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed(tmp_path, "toy = toy_embedder")))
    for refused in (
        lambda: default_space(Settings(embedder="nobody")),
        lambda: create(Space("nobody", "", "m", 8), Settings()),
    ):
        with pytest.raises(SettingsError, match="'nobody' is not installed") as caught:
            refused()
        assert caught.value.code == "unknown_embedder"
        assert (
            caught.value.hint
            == "Use one of 'local', 'neural', 'openai', 'toy', or install the package that provides it."
        )


@pytest.mark.parametrize(("point", "module"), [
    ("toy = toy_embedder", "import a_package_that_is_not_installed"),
    ("toy = toy_embedder:Missing", TOY),
    ("toy = no_such_module", TOY),
])  # fmt: skip
def test_an_embedder_that_can_not_be_imported_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, module: str
) -> None:
    monkeypatch.syspath_prepend(str(installed(tmp_path, point, module)))
    monkeypatch.delitem(sys.modules, "toy_embedder", raising=False)
    with pytest.raises(SettingsError, match="'toy' can't be loaded from") as caught:
        default_space(Settings(embedder="toy"))
    assert caught.value.code == "embedder_not_installed"
    sys.modules.pop("toy_embedder", None)


def test_ours_are_registered_like_any_other() -> None:
    for name in ("local", "openai"):
        assert registry.find(name).__name__ == f"listener.embedding.{name}"  # type: ignore[attr-defined]


async def test_a_space_has_one_embedder_until_all_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = TOY.replace('print("closed")', 'closed.append(self.space.model)\n        raise OSError("closing")')
    monkeypatch.syspath_prepend(str(installed(tmp_path, "toy = toy_embedder", f"{module}\nclosed = []\n")))
    embedders = Embedders(Settings())
    one, other = Space("toy", "", "one", 26), Space("toy", "", "other", 26)
    assert embedders.of(one) is embedders.of(Space("toy", "", "one", 26))
    assert embedders.of(one) is not embedders.of(other)
    with pytest.raises(OSError, match="closing"):
        await embedders.close()
    assert sorted(sys.modules.pop("toy_embedder").closed) == ["one", "other"]
