"""What assistants get is bounded, and names that a client made up are refused: no server is needed for that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.cli import mcp as verb
from listener.cli.assistant.catalogue import PREFIX, _parts, _place, resource_uri
from listener.cli.assistant.offer import CUT, bounded
from listener.cli.problems import UsageProblem
from listener.errors import OperatorError

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@given(st.lists(st.text(max_size=40), max_size=12), st.integers(min_value=len(CUT), max_value=200))
def test_an_answer_has_no_more_characters_than_it_may_and_says_what_is_left_out(texts: list[str], most: int) -> None:
    kept = bounded(texts, most)
    if sum(map(len, texts)) <= most:
        assert kept == texts
    else:
        left_out = kept.pop() if kept[-1].endswith("more left out)") else None
        assert kept[-1].endswith(CUT)
        assert sum(map(len, kept)) <= most + len(CUT)
        assert (left_out or "(0").startswith(f"({len(texts) - len(kept)}")


@given(NAMES, NAMES, st.integers(min_value=0, max_value=10**9))
def test_a_resource_names_collection_and_document_whatever_these_are_called(
    collection: str, uri: str, start: int
) -> None:
    assert _parts(resource_uri(collection, uri, start)) == (collection, uri, start)


@pytest.mark.parametrize("uri", ["", PREFIX, f"{PREFIX}a", f"{PREFIX}a/", f"{PREFIX}/b", f"{PREFIX}a/b?start=x", "a/b"])
def test_what_is_no_resource_of_ours_is_refused(uri: str) -> None:
    with pytest.raises(UsageProblem, match="usage"):
        _parts(uri)


@pytest.mark.parametrize("cursor", ["", "x", "e30=", "WzFd", "é", "bnVsbA==", "W1tbXQ=="])
def test_what_is_no_cursor_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(UsageProblem, match="usage"):
        _place(cursor)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "find_spec", lambda _: None)
    with pytest.raises(OperatorError, match="mcp_not_installed") as error:
        verb.mcp("", 24_000)
    assert error.value.hint == "pip install 'ingest-listener[mcp]'"
