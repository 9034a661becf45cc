"""What people see of requests and of what a search found: lines that fit a terminal, and nothing that steers it."""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from listener.cli import hits, request_list
from listener.cli.fitting import Line, cut_in_middle, in_a_word, width_of
from listener.cli.output import Output
from listener.client.overview import digits_of
from listener.client.results import Hit, Status
from listener.errors import RequestError

AT = datetime.now(timezone.utc) - timedelta(minutes=3)
LONG = "/srv/documents/of/the/company/handbook/very/deep/below/manual.pdf"
DOCUMENTS = {"documents_total": 40, "documents_done": 12, "documents_failed": 1}


def made(**values: Any) -> Status:
    usual: dict[str, Any] = {
        "id": uuid.uuid4(), "collection": "c", "status": "running", "priority": 0, "run_at": AT, "attempt": 1,
        "created_by": "me", "created_at": AT, "source": LONG,
    }  # fmt: skip
    return Status(**{one.name: None for one in fields(Status)} | usual | values)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


KINDS = {
    "running": made(percent=37.4, started_at=AT, **DOCUMENTS),
    "waiting": made(status="pending", waiting_for="root: no running listener has a root that contains " + LONG),
    "partial": made(status="partially_succeeded", finished_at=AT, error_code="documents_failed", **DOCUMENTS),
    "failed": made(status="failed", error_code="not_found", error_message="x\x1b[31m\nis gone", hint="mend it" * 30),
    "wide": made(source="/srv/" + "文書/" * 40, collection="a collection with a long name"),
    "many": made(percent=99.9, documents_total=1234567, documents_done=1234566, started_at=AT),
}  # fmt: skip


@pytest.mark.parametrize("kinds", [[kind] for kind in KINDS] + [list(KINDS)], ids="+".join)
def test_a_list_of_requests_fits_80_columns(kinds: list[str]) -> None:
    lines = texts(request_list.lines_of([KINDS[kind] for kind in kinds], 80))
    assert [line for line in lines if width_of(line.rstrip()) > 80] == []
    assert all(line.isprintable() for line in lines)


def test_a_line_has_a_short_id_and_both_ends_of_a_source_and_below_it_stands_why() -> None:
    heading, line, *below = texts(request_list.lines_of([KINDS["waiting"]], 80))
    assert heading.split() == ["id", "status", "documents", "age", "took", "collection", "source"]
    assert line.startswith(str(KINDS["waiting"].id)[:8] + "  pending")
    assert line.rstrip().endswith("manual.pdf")
    assert "/srv/" in line
    assert "waits for root: no running listener" in below[0]


def test_ids_that_begin_alike_are_shown_as_far_as_they_differ() -> None:
    alike = [made(id=uuid.UUID(f"abcdef01-23{n:02}-4000-8000-000000000000")) for n in range(3)]
    lines = texts(request_list.lines_of(alike, 100))[1:]
    assert [line.split()[0] for line in lines] == [f"abcdef01-23{n:02}" for n in range(3)]


@pytest.mark.parametrize("width", [1, 2, 7, 20, 41])
def test_a_text_that_is_cut_is_never_wider_and_keeps_both_ends(width: int) -> None:
    for text in (LONG, "文書" * 30, "a" * 7, "é" * 9, "e\u0301" * 30):
        shown = cut_in_middle(text, width)
        assert width_of(shown) <= width
        assert shown == text or "…" in shown


@pytest.mark.parametrize(
    ("seconds", "word"), [(0.04, "0.0 s"), (9.5, "9.5 s"), (45, "45 s"), (150, "2 min"), (7300, "2 h"), (90000, "1 d")]
)
def test_an_age_is_a_word(seconds: float, word: str) -> None:
    assert in_a_word(timedelta(seconds=seconds)) == word


@pytest.mark.parametrize("text", ["0b6b", "0B6B1C9E-", "0b6b1c9e-…", " 0b6b1c9e ", str(uuid.UUID(int=7))])
def test_the_beginning_of_an_id_may_be_pasted_as_it_is_shown(text: str) -> None:
    assert set(digits_of(text)) <= set("0123456789abcdef")


@pytest.mark.parametrize("text", ["", "7", "abc", "xyzw", "%", "0" * 33, "-" * 9, "١٢٣٤"])
def test_what_can_be_no_id_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        digits_of(text)
    assert refused.value.code == "not_an_id"


def hit(**values: Any) -> Hit:
    usual: dict[str, Any] = {
        "id": "1-0", "uri": "file:///a", "title": "A\x1b[2J", "ordinal": 0, "text": "", "score": 0.03, "by": "both",
        "metadata": {"heading_path": ["Top", "Deep"], "page": 3, "last_page": 4}, "words_place": 1, "vector_place": 2,
        "collection": "default",
    }  # fmt: skip
    return Hit(**usual | values)


def test_a_hit_shows_where_it_stands_how_it_was_found_and_its_lines_in_a_pipe_without_marks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pieces = [("# Top\n\n\n\tSome ", False), ("invoices", True), ("\x1b[31m\nnext", False)]
    hits.write_hits([hit()], [pieces], Output())
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["1. A\\x1b[2J", "    file:///a"]
    assert lines[2] == (
        "    Top > Deep · pages 3–4 · chunk 0 · found by words (place 1) and meaning (place 2) · score 0.0300"
    )
    assert lines[3:] == ["    # Top", "", "        Some invoices\\x1b[31m", "    next"]


def test_a_long_text_is_shown_around_the_first_match(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = "word " * 400, " end" * 400
    hits.write_hits([hit()], [[(before, False), ("here", True), (after, False)]], Output())
    shown = capsys.readouterr().out.splitlines()[3]
    assert " here " in shown
    assert shown.startswith("    …")
    assert shown.endswith("…")
    assert len(shown) < 700


@pytest.mark.parametrize("metadata", [{}, {"heading_path": "x", "page": "y"}, {"page": 1, "last_page": None}])
def test_metadata_of_any_kind_do_no_harm(metadata: Any, capsys: pytest.CaptureFixture[str]) -> None:
    hits.write_hits([hit(metadata=metadata, title=None)], [[("x", False)]], Output())
    assert "chunk 0 · found by" in capsys.readouterr().out
