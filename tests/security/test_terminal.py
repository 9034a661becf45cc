"""No text of others' steers a terminal, turns its direction, hides there or looks like a line of ours."""

from __future__ import annotations

import json
import logging
import re
import sys
import unicodedata
from pathlib import Path

import pytest
import staging
from ingest_command import Ingest

from listener.cli.output import Output, field
from listener.cli.problems import report
from listener.errors import RequestError
from listener.logs import LogLine
from listener.logs.masking import Secrets
from listener.logs.visible import in_lines, on_one_line

LINE = "\n2025-06-01T12:00:00.000Z ERROR listener: forged"
HOSTILE = {
    "line break": "a\nerror: forged: all is lost",
    "CRLF": "a\r\nerror: forged",
    "carriage return": "harmless\rsucceeded",
    "escape": "a\x1b[2J\x1b[31mred",
    "title": "a\x1b]0;owned\x07b",
    "link": "a\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "C1": "a\x9b31mred\x9d0;owned\x9c",
    "NEL": "a\x85b",
    "separators": "a\u2028b\u2029c",
    "vertical": "a\x0bb\x0cc",
    "bell and backspace": "a\x07b\x08\x08\x08c\x7f",
    "NUL": "a\x00b",
    "override": "invoice\u202efdp.exe",
    "embeddings": "\u202aa\u202bb\u202cc\u202dd",
    "isolates": "\u2066a\u2067b\u2068c\u2069d",
    "marks": "\u200ea\u200fb\u061cc",
    "zero width": "pay\u200bpal\u200c.\u200dcom\u2060x\ufeff",
    "soft hyphen": "pay\u00adpal",
    "tags": "a" + "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all") + "b",
    "selectors": "a\U000e0100\U000e01efb",
    "fillers": "a\u115f\u1160\u3164\uffa0b\u034fc",
    "deprecated": "a\u206a\u206fb",
    "annotation": "a\ufff9b\ufffac\ufffbd",
    "music": "a\U0001d173b",
    "half a pair": "a\ud800b\udfffc",
    "markup": "[bold red]a[/bold red] [link=https://evil.example]b[/link] [/] :boom:",
}
ORDINARY = [
    "plain.md", "naïve café", "日本語.txt", "Ελληνικά", "עברית", "العربية", "हिन्दी", "ไทย", "한국어", "👍 ❤️ 🏳️",
    "a\u00a0b", "e\u0301", "100 %", r"C:\new\table",
]  # fmt: skip
SHOWN = set("\n\t")


def unseen(text: str) -> list[str]:
    """Return what stands in a text and is not seen, or steers."""
    kinds = ("Cc", "Cf", "Zl", "Zp", "Cs")
    fillers = "\u115f\u1160\u3164\uffa0\u034f\U000e0100\U000e01ef"
    return [c for c in text if unicodedata.category(c) in kinds or c in fillers]


@pytest.mark.parametrize("name", HOSTILE)
def test_text_on_one_line_shows_all_that_is_in_it_and_does_nothing(name: str) -> None:
    assert unseen(on_one_line(HOSTILE[name])) == []
    assert unseen(field(HOSTILE[name])) == []
    assert set(unseen(in_lines(HOSTILE[name]))) <= SHOWN
    if name != "markup":
        assert "\\" in on_one_line(HOSTILE[name])


def test_every_character_of_unicode_is_seen_or_escaped() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        shown = on_one_line(character)
        assert unseen(shown) == [], hex(code)
        assert shown == character or shown.isascii(), hex(code)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert on_one_line(text) == text
    assert in_lines(f"{text}\n\t{text}") == f"{text}\n\t{text}"


@pytest.mark.parametrize("name", HOSTILE)
def test_lines_and_tables_in_a_pipe_are_as_many_as_they_should_be(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output()
    output.line(f"found {HOSTILE[name]}")
    output.note(f"waits for {HOSTILE[name]}")
    output.table(("a", "b"), [(HOSTILE[name], HOSTILE[name])])
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert len(err.splitlines()) == 1
    assert [len(line.split("\t")) for line in out.splitlines()] == [1, 2, 2]
    assert set(unseen(out + err)) <= SHOWN


@pytest.mark.parametrize("name", HOSTILE)
def test_errors_are_two_lines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    report(RequestError("x", HOSTILE[name], HOSTILE[name]), as_json=False)
    err = capsys.readouterr().err
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert set(unseen(err)) <= SHOWN


def test_json_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    said = {name: text for name, text in HOSTILE.items() if name != "half a pair"}
    Output(json=True).value(said)
    assert json.loads(capsys.readouterr().out) == said
    for text in said.values():
        report(RequestError("x", text), as_json=True)
        assert json.loads(capsys.readouterr().err)["error"]["message"] == text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_record_of_the_log_is_one_line_and_its_traceback_is_indented(name: str) -> None:
    said = HOSTILE[name] + LINE
    try:
        raise ValueError(said)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "found %s", (said,), sys.exc_info())
    record.uri = said
    first, *others = LogLine(Secrets({})).format(record).split("\n")
    assert others
    assert all(line.startswith("    ") for line in others)
    assert unseen(first + "".join(others)) == []
    assert re.match(r"\d{4}-\S+ ERROR x: found ", first)


# The command


@pytest.fixture
async def ingest(tmp_path: Path, installed: str) -> Ingest:
    """The command, and a request with failures whose names, messages and hints are hostile."""
    told = {name: text.replace("\x00", "\\0") for name, text in HOSTILE.items() if name != "half a pair"}
    async with staging.session(installed) as c:
        names = [f"file:///{name}/{text}" for name, text in told.items()]
        request = await staging.start(c, names)
        for uri, text in zip(names, told.values(), strict=True):
            error = {"code": "unsupported", "message": text, "hint": text}
            await c.execute("update ingest_revisions set state = 'failed', error = $1 where uri = $2", error, uri)
        await staging.settle(c, request)
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


@pytest.mark.parametrize("verb", ["failures", "status"])
async def test_verbs_show_hostile_names_harmlessly_in_a_pipe(ingest: Ingest, verb: str) -> None:
    shown = await ingest(verb)
    assert set(unseen(shown.out)) <= SHOWN
    assert len(shown.out.splitlines()) == (len(HOSTILE) if verb == "failures" else 2)
    assert not any(line.startswith("error") for line in shown.out.splitlines())


async def test_a_terminal_gets_no_command_but_ours(ingest: Ingest) -> None:
    ended = await ingest.on_a_terminal("failures", "--code", "unsupported", columns=500)
    assert ended.status == 0
    shown = ended.out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)  # colours, which are ours
    assert set(unseen(plain)) <= SHOWN
    assert "\x1b[31mred" not in shown
    assert "[bold red]a[/bold red]" in re.sub(r"\s", "", plain).replace("[boldred]", "[bold red]").replace(
        "[/boldred]", "[/bold red]"
    )
    assert "💥" not in shown
