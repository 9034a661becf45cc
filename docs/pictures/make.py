"""Make the pictures of README and docs: real commands on a real terminal, real pages in a real browser.

    python docs/pictures/make.py             all
    python docs/pictures/make.py terminal    without the browser

It needs the extras ``embedded`` and ``ui``, and for pages playwright with a Chromium on the PATH. Everything happens in
a folder of its own below /tmp, with an embedded Postgres of its own. Pages that there are not yet are left out; where
README and docs/ui.md have a block ``<!-- pages -->``, it is written anew.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import terminal

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LETTERS = 8_000  # of the load that status --watch is seen with
WATCHED_SECONDS = 5
CHARTED_SECONDS = 60
BLOCK = re.compile(r"(<!-- pages(?P<names>[ \w,]*) -->\n).*?(<!-- /pages -->)", re.DOTALL)


def main() -> None:
    """Make them all."""
    only_terminal = sys.argv[1:] == ["terminal"]
    with place() as (folder, environment):
        session(folder, environment)
        if not only_terminal:
            import browser  # noqa: PLC0415 - it needs playwright

            with listening(folder, environment), pages(folder, environment) as address:
                time.sleep(CHARTED_SECONDS)  # so that there is something on charts: the letters go on
                show(browser.photograph(address, HERE))


@contextmanager
def place() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Give a folder with the sample documents, and an environment in which ``ingest`` is this tree's."""
    folder = Path(tempfile.gettempdir()) / "garden"  # always the same: it is in the pictures
    folder.mkdir(mode=0o755)  # as root, the embedded Postgres runs as another user
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "PG", "OPENAI_"))}
    environment = clean | {
        "INGEST_DATA_DIR": str(folder / "data"), "INGEST_ROOTS": str(folder), "PYTHONPATH": str(ROOT),
        "INGEST_GRACE_SECONDS": "1",
    }  # fmt: skip
    try:
        shutil.copytree(ROOT / "examples" / "documents", folder / "documents")
        yield folder, environment
    finally:
        subprocess.run(ingest("stop"), env=environment, check=False, capture_output=True)
        shutil.rmtree(folder)


def ingest(*arguments: str) -> list[str]:
    """Return the command."""
    return [sys.executable, "-m", "listener", *arguments]


def session(folder: Path, environment: Mapping[str, str]) -> None:
    """Draw quickstart, then a search, then how it all goes while there is much to do."""
    seen = terminal.run(ingest("quickstart", "documents"), folder=folder, environment=environment)
    terminal.draw(seen.text(until="Search for"), HERE / "quickstart.svg", title="ingest quickstart documents")
    question = "what is paid without asking"
    with listening(folder, environment):
        seen = terminal.run(ingest("search", question, "-k", "2"), folder=folder, environment=environment)
        terminal.draw(seen.text(), HERE / "search.svg", title=f'ingest search "{question}"')
    write_letters(folder)
    for number in range(LETTERS // 500):
        add(folder, environment, str(folder / "letters" / f"{number:02}"), "letters")
    add(folder, environment, str(folder / "documents" / "product"), "product")
    add(folder, environment, "s3://handbook/docs/", "handbook")
    with listening(folder, environment):
        seen = terminal.run(
            ingest("status", "--watch"), folder=folder, environment=environment, seconds=WATCHED_SECONDS
        )
        terminal.draw(seen.text(), HERE / "status.svg", title="ingest status --watch")


def write_letters(folder: Path) -> None:
    """Write what takes a while, in folders of 500."""
    for number in range(LETTERS):
        file = folder / "letters" / f"{number // 500:02}" / f"letter {number}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        paragraphs = "\n\n".join(
            f"In week {week} there was frost {number} times, and the vents stood open." for week in range(40)
        )
        file.write_text(f"# Letter {number}\n\n{paragraphs}\n", encoding="utf-8")


def add(folder: Path, environment: Mapping[str, str], source: str, collection: str) -> None:
    """Insert a request."""
    subprocess.run(
        ingest("add", source, "-c", collection), cwd=folder, env=environment, check=True, capture_output=True
    )


@contextmanager
def listening(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run a listener for the time of a block."""
    log = (folder / "listener.log").open("a+")
    process = subprocess.Popen(ingest("listen"), cwd=folder, env=environment, stderr=log, stdout=log)
    try:
        while subprocess.run(ingest("health"), env=environment, check=False, capture_output=True).returncode:
            if process.poll() is not None:
                raise SystemExit((folder / "listener.log").read_text())
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        log.close()


@contextmanager
def pages(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve the pages for the time of a block; give their address."""
    process = subprocess.Popen(
        ingest("ui", "--port", "0"),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def show(names: list[str]) -> None:
    """Write the blocks of pictures into README and docs/ui.md: all pages, or those that the block names."""
    for file, folder in ((ROOT / "README.md", "docs/pictures"), (ROOT / "docs" / "ui.md", "pictures")):
        text = file.read_text(encoding="utf-8")

        def block(found: re.Match[str], folder: str = folder) -> str:
            wanted = [name.strip() for name in found["names"].split(",") if name.strip()] or names
            shown = "\n".join(_picture(name, folder) for name in wanted if name in names)
            return f"{found[1]}{shown}\n{found[3]}"

        file.write_text(BLOCK.sub(block, text), encoding="utf-8")


def _picture(name: str, folder: str) -> str:
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{folder}/{name}-dark.png">'
        f'<img alt="ingest ui: {name}" src="{folder}/{name}-light.png" width="720"></picture>\n'
    )


if __name__ == "__main__":
    main()
