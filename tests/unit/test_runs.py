"""A text in runs between the borders of its chunks: nothing is lost, and each run knows how many chunks have it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from listener.cli.webui.runs import runs_of
from listener.client.stretches import ChunkPlace, Stretch

PLACES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=8)


def stretch(start: int, text: str) -> Stretch:
    return Stretch("c", "u", "live", None, None, None, 100, start, text, None, None, None, None, None, 1)


@given(st.integers(0, 20), st.text(max_size=50), PLACES)
def test_runs_are_the_text_and_each_has_the_chunks_that_cover_it(
    start: int, text: str, given_places: list[tuple[int, int]]
) -> None:
    end = start + len(text)
    covering = sorted((begin, begin + length) for begin, length in given_places if begin < end > start < begin + length)
    places = [ChunkPlace(number, begin, until, [], None) for number, (begin, until) in enumerate(covering)]
    runs = runs_of(stretch(start, text), places, 0)
    assert "".join(run.text for run in runs) == text
    place = start
    for run in runs:
        covers = [one.ordinal for one in places if one.start_char <= place < one.end_char]
        if run.text:
            assert (run.chunks, run.aimed) == (len(covers), 0 in covers)
            assert run.newest == max(covers, default=None)
        assert all(one.start_char == place for one in run.begins)
        assert all(one.end_char == place for one in run.ends)
        place += len(run.text)
    begun = [one.ordinal for run in runs for one in run.begins]
    assert begun == [one.ordinal for one in places if one.start_char >= start]
