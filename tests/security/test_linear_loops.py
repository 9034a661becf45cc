"""Loops over what strangers send take steps in proportion to it; what can't be counted has a limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from line_steps import TooManyLines, assert_linear

from listener.chunking.boundaries import boundaries, read_headings
from listener.documents import cells, mail, office_types, parsers, tidying, titles
from listener.documents.markdown.front_matter import title_of_front_matter
from listener.documents.markdown.searchable import searchable
from listener.documents.markdown.spans import plain
from listener.documents.pool import Workers
from listener.documents.reading import About
from listener.embedding import groups
from listener.embedding.answers import read_vectors
from listener.embedding.refusals import harmless
from listener.errors import RequestError, ServiceError
from listener.settings import Settings
from listener.sources.base import SourceTools
from listener.sources.files import Files
from listener.sources.options import LONGEST, RequestOptions
from listener.sources.records import csv_rows, json_lines, overlong
from listener.sources.records.layout import Layout
from listener.sources.walk import Walk

PUMPS = [
    " ", "\n", "\n \n", "\t", "\r", "a", "a ", "a. ", "\u3002", "a\u0301", "\U0001f1e6", "\u200d",
    "# a\n", "#", "###### a\n", "- \n\n", "* ", "a\n-\n", "=\n", "```\n", "```\n~~~\n",
    "<pre>\n", "<pre></pre>\n", "<!--", "[](", "[a](b)", "![", "__", "==", "\\", "`", "| |\n", "|-", "---\n",
    "title:", "a**b", "a~", "a^", "*a", "_a ", "_a", "|-|\n", "a|b\n|-\n", "``a",
    "\"", "''", ",\"", "\"\"", "\"\n", "{", "[", "sk-", "***", ":", "{\"a\":",
]  # fmt: skip
ENDS = ["", "x", "\n\n", '"']

Work = Callable[[str], object]


def cut(text: str, media_type: str, size: int) -> object:
    return boundaries([(text, media_type, size, size // 5)])


def rows(text: str) -> object:
    layout = Layout("csv", delimiter=",", columns=1, positions={"a": 0})
    return list(csv_rows.rows(text.encode(), True, 1, layout, "u"))


WORK: dict[str, Work] = {
    "chunks of Markdown": partial(cut, media_type="text/markdown", size=50),
    "chunks of text": partial(cut, media_type="text/plain", size=50),
    "chunks of code": partial(cut, media_type="text/x-python", size=50),
    "headings": lambda text: list(read_headings(json.dumps([[text], [text]]))),
    "Markdown, tidied": tidying.tidy,
    "Markdown, unmarked": tidying.unmarked,
    "a table": lambda text: cells.trimmed(["| a |", "| - |", *text.split("\n")]),
    "a title": titles.told,
    "a title in the text": lambda text: titles.title_of(None, "# " + text, "text/markdown", "u"),
    "a title in front matter": lambda text: title_of_front_matter(f"---\ntitle: {text}\n---\n"),
    "a title in TOML": lambda text: title_of_front_matter(f"+++\na = {text}\ntitle = {text}\n+++\n"),
    "a title in reST": lambda text: titles.title_of(None, text, "text/x-rst", "u"),
    "a title in TeX": lambda text: titles.title_of(None, "\\title{" + text, "text/x-tex", "u"),
    "a line of Markdown": plain,
    "a text as it is searched": searchable,
    "a table of text": partial(cut, media_type="text/csv", size=50),
    "a media type": lambda text: parsers._declaration("text/html; charset " + text),
    "mail": lambda text: mail.read(f"Subject: {text}\nTo: {text}\n\n{text}".encode(), About("u", office_types.MAIL)),
    "rows of CSV": rows,
    "lines of JSON": lambda text: list(json_lines.lines(text.encode(), True, 1)),
    "a row that is passed over": lambda text: overlong.pass_over(text.encode(), overlong.START, ","),
    "what a service says": lambda text: harmless(text, "key"),
    "groups": lambda text: list(groups([len(text)] * len(text), 10, 100)),
}


@pytest.mark.parametrize("what", WORK)
def test_a_loop_takes_steps_in_proportion_to_what_it_is_given(what: str) -> None:
    for pump in PUMPS:
        for end in ENDS if len(pump) < 3 else ENDS[:1]:
            try:
                assert_linear(partial(again_and_again, what, pump, end), short=150)
            except TooManyLines:
                pytest.fail(f"{what}: {pump!r}, again and again, then {end!r}")


def again_and_again(what: str, pump: str, end: str, length: int) -> Callable[[], object]:
    return partial(WORK[what], pump * length + end)


def test_a_loop_that_grows_is_noticed() -> None:
    with pytest.raises(TooManyLines):
        assert_linear(lambda length: lambda: [titles.told("a") for _ in range(length**2)], short=10)


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\u3000"])
def test_a_title_is_found_behind_any_number_of_blanks(blank: str) -> None:
    """Of the review: 20 KB of blanks took the two patterns 7 seconds each, on the event loop."""
    many = blank.replace("\n", " ") * 20_000
    assert titles.title_of(None, f"# a{many}b", "text/markdown", "u") == "a"  # looked for in the beginning only
    assert titles.title_of(None, f"#{many}\n# Title", "text/markdown", "u") is None
    assert title_of_front_matter(f"---\ntitle:{many}'a{many}b'{many}\n---\n") == "a"


def test_options_that_are_longer_than_all_that_they_may_say_are_not_read() -> None:
    with pytest.raises(RequestError) as caught:
        RequestOptions.read('{"include": [' + '"a",' * (LONGEST // 4) + '"a"]}')
    assert caught.value.code == "invalid_option"
    with pytest.raises(RequestError):
        RequestOptions.read('{"record": ' + "[" * 100_000 + "]" * 100_000 + "}")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"data": ' + b'{"a":' * 100_000,
        b'{"data": [{"index": ' + b"9" * 5000 + b', "embedding": "AAAAAA=="}]}',
        b'{"data": "' + b"a" * 2_000_000 + b'"}',
        b'{"data": [' + b'{"index": 0, "embedding": [' * 3,
    ],
)
def test_an_answer_that_is_made_to_be_slow_is_a_malformed_one(body: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        read_vectors(body, 1)
    assert caught.value.code == "embedding_answer_malformed"
    assert len(caught.value.message) < 300


async def test_a_walk_that_nobody_waits_for_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds nothing that is wanted, so it would not come back before it had seen all files."""
    for number in range(100):
        (tmp_path / f"{number}.log").touch()
    seen, walks = asyncio.Event(), []
    loop, walk_folder = asyncio.get_running_loop(), Walk._walk

    def noticed(self: Walk, *arguments: Any) -> Any:
        walks.append(self)
        loop.call_soon_threadsafe(seen.set)
        while not self._stopped:  # a million files
            pass
        yield from walk_folder(self, *arguments)

    monkeypatch.setattr(Walk, "_walk", noticed)
    with ThreadPoolExecutor(1) as threads:
        files = Files(SourceTools(Settings(), threads, Workers(1, 60, 1024)), [tmp_path])
        pages = files.discover(str(tmp_path), RequestOptions(include=("*.md",)))
        task = asyncio.create_task(anext(pages))
        await seen.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert walks[0]._stopped  # and its thread has ended, or this test would not
