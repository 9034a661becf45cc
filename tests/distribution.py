"""Distributions of other people: modules and entry points in a folder that a test puts onto Python's path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def distribution(
    folder: Path, name: str, modules: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]]
) -> Path:
    """Install a distribution of version 1.0 into a folder, as pip would; return the folder.

    ``modules``: names and contents. ``entry_points``: by group, names and what they lead to.
    """
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = (f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in its.items())
              for group, its in entry_points.items())  # fmt: skip
    (metadata / "entry_points.txt").write_text("\n".join(groups))
    return folder


def documented(page: str, language: str) -> str:
    """Return the one block of code in a page of the docs that is of a language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)
