"""Documents to measure with: Markdown that looks like documentation, the same on each run."""

from __future__ import annotations

import random
from pathlib import Path

SEED = 20260101
SECTIONS = 14
SECTIONS_OF_A_PAGE = 6
WORDS = [
    "the",
    "a",
    "of",
    "to",
    "in",
    "is",
    "that",
    "for",
    "on",
    "with",
    "as",
    "by",
    "this",
    "from",
    "or",
    "an",
    "be",
    "are",
    "can",
    "each",
    "when",
    "which",
    "not",
    "its",
    "one",
    "all",
    "new",
    "more",
    "server",
    "client",
    "request",
    "response",
    "table",
    "index",
    "column",
    "row",
    "query",
    "value",
    "cache",
    "thread",
    "process",
    "signal",
    "socket",
    "timeout",
    "retry",
    "backup",
    "restore",
    "schema",
    "migration",
    "release",
    "version",
    "package",
    "install",
    "configure",
    "deploy",
    "monitor",
    "alert",
    "metric",
    "trace",
    "log",
    "error",
    "warning",
    "failure",
    "recovery",
    "leader",
    "replica",
    "shard",
    "partition",
    "stream",
    "batch",
    "queue",
    "worker",
    "lease",
    "lock",
    "transaction",
    "commit",
    "rollback",
    "snapshot",
    "vector",
    "embedding",
    "chunk",
    "document",
    "collection",
    "listener",
    "storage",
    "network",
    "disk",
]


def write_markdown(folder: Path, files: int) -> int:
    """Write ``files`` Markdown files of some 9 KB and 14 sections; return their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)
    size = 0
    for number in range(files):
        text = _document(chance, number)
        (folder / f"page-{number:05}.md").write_text(text, encoding="utf-8")
        size += len(text)
    return size


def notes(prefix: str, count: int) -> list[tuple[str, str]]:
    """Return URIs and texts of small Markdown documents, each one chunk, no two alike, also of other prefixes."""
    chance = random.Random(f"{SEED} {prefix}")
    texts = (f"# Note {number}\n\n{_paragraph(chance)}\n" for number in range(count))
    return [(f"{prefix}-{number:05}", text) for number, text in enumerate(texts)]


def write_html(folder: Path, files: int) -> None:
    """Write ``files`` HTML pages of some 5 KB: navigation, 6 sections, a list and a table."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)
    for number in range(files):
        (folder / f"page-{number:05}.html").write_text(_page(chance, number), encoding="utf-8")


def first(folder: Path, files: int) -> dict[Path, bytes]:
    """Return what is in the first ``files`` files."""
    return {path: path.read_bytes() for path in sorted(folder.iterdir())[:files]}


def edit(folder: Path, files: int) -> None:
    """Change one sentence in the middle of each of the first ``files`` files."""
    for path in first(folder, files):
        paragraphs = path.read_text(encoding="utf-8").split("\n\n")
        middle = len(paragraphs) // 2 & ~1  # headings stand at odd places
        paragraphs[middle] = "This sentence was edited. " + paragraphs[middle]
        path.write_text("\n\n".join(paragraphs), encoding="utf-8")


def _document(chance: random.Random, number: int) -> str:
    parts = [f"# Page {number}"]
    for section in range(SECTIONS):
        parts.append(f"## Section {section}: {_words(chance, 3)}")
        parts.append(_paragraph(chance))
    return "\n\n".join(parts) + "\n"


def _page(chance: random.Random, number: int) -> str:
    links = "".join(f'<li><a href="page-{other:05}.html">{_words(chance, 2)}</a></li>' for other in range(20))
    rows = "".join(f"<tr><td>{_words(chance, 1)}</td><td>{_words(chance, 4)}</td></tr>" for _ in range(6))
    sections = "\n".join(
        f'<section id="s{section}"><h2>{_words(chance, 3)}</h2>\n<p>{_paragraph(chance)}</p></section>'
        for section in range(SECTIONS_OF_A_PAGE)
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Page {number}</title></head>\n'
        f"<body><nav><ul>{links}</ul></nav>\n<main><h1>Page {number}</h1>\n{sections}\n"
        f"<ul><li>{_words(chance, 5)}</li><li><b>{_words(chance, 5)}</b></li></ul>\n"
        f"<table>{rows}</table></main></body></html>\n"
    )


def _paragraph(chance: random.Random) -> str:
    sentences: list[str] = []
    while sum(map(len, sentences)) < 560:
        sentences.append(_words(chance, chance.randint(6, 16)).capitalize() + ".")
    return " ".join(sentences)


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, k=count))
