"""A static embedding model: one vector a token; a text's vector is the mean of its tokens' vectors."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Encoding, Tokenizer

from listener.embedding.embedder import Embeddings, TextsRefused
from listener.embedding.inputs import encodable
from listener.errors import SettingsError

_TOKENS_AT_ONCE = 4096  # 4 MB of vectors: memory does not grow with the text


class TokenVectors:
    """Token vectors, shape (vocabulary, dimensions), and the tokenizer that numbers their rows."""

    def __init__(self, vectors: NDArray[np.float32], tokenizer: Tokenizer) -> None:
        self._vectors = vectors
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, dimensions: int) -> TokenVectors:
        """Load WordLlama's from its installed package, without importing that.

        Raises SettingsError ``embedder_not_installed`` if it is not there.
        """
        folder = _package_folder()
        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
            weights = load_file(folder / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
        except Exception as error:  # tokenizers raises nothing narrower
            raise _not_installed(str(error)) from error
        return cls(np.ascontiguousarray(weights[:, :dimensions], dtype=np.float32), tokenizer)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return unit vectors, shape (texts, dimensions); raise TextsRefused for texts that have none."""
        encoded = self._encoded(texts)
        sums = np.zeros((len(texts), self._vectors.shape[1]), dtype=np.float32)
        for row, encoding in enumerate(encoded):
            ids = encoding.ids
            for start in range(0, len(ids), _TOKENS_AT_ONCE):
                sums[row] += self._vectors[ids[start : start + _TOKENS_AT_ONCE]].sum(axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        _refuse_zero(lengths[:, 0])
        np.divide(sums, lengths, out=sums)
        return Embeddings(sums, sum(map(len, encoded)))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has."""
        return list(map(len, self._encoded(texts)))

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch_fast([encodable(text) for text in texts], add_special_tokens=False)


def _package_folder() -> Path:
    spec = find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        raise _not_installed("there is no package wordllama")
    return Path(spec.submodule_search_locations[0])


def _not_installed(why: str) -> SettingsError:
    return SettingsError(
        "embedder_not_installed", f"the local embedder's weights can't be loaded: {why}", "run: pip install wordllama"
    )


def _refuse_zero(lengths: NDArray[np.float32]) -> None:
    indices = [int(index) for index in np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))]
    if indices:
        raise TextsRefused(
            "empty_text",
            f"{len(indices)} of {len(lengths)} texts contain nothing to embed",
            "exclude empty documents",
            indices,
        )
