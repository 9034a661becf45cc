"""Where the words of a query stand in a text, by offsets, and the text with marks there."""

from __future__ import annotations

import pytest
from how_many import how_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staging import Connection

MARKED = "select ingest_marked($1, ingest_highlight($1, $2, $3::text::regconfig), '<', '>')"


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("How invoices are paid: one invoice.", "invoice pay", "How <invoices> are paid: one <invoice>."),
        ("How invoices are paid", "invoices -paid", "How <invoices> are paid"),
        ("a state-of-the-art pump", '"state-of-the-art"', "a <state-of-the-art> pump"),
        ("the art of pumps", "state-of-the-art", "the <art> of pumps"),
        ("see http://example.com/pump.html, pump", "pump", "see http://example.com/pump.html, <pump>"),
        ("👩‍💻 日本 Größe, größen", "größe", "👩‍💻 日本 <Größe>, größen"),
        ("**P**ersonal and personal", "personal", "<**P**ersonal> and <personal>"),
        ("Rech\u00adnung im cafe\u0301", "rechnung café", "<Rech\u00adnung> im <cafe\u0301>"),
        ("<b>pump</b> & it's", "pump it's", "<b><pump></b> & it's"),
        ("isn't \\ 'quoted'", "isn't quote", "<isn>'t \\ '<quoted>'"),
        ("nothing here", "pump", "nothing here"),
        ("the of and", "the", "the of and"),
        ("pump", "", "pump"),
        ("", "pump", ""),
    ],
)
async def test_words_are_marked_as_full_text_search_sees_them(
    c: Connection, text: str, query: str, expected: str
) -> None:
    assert await c.fetchval(MARKED, text, query, "english") == expected


async def test_places_are_characters_in_order_from_0(c: Connection) -> None:
    places = await c.fetchval("select ingest_highlight('👩 pump, pumps', 'pump')")
    assert [(place.lower, place.upper) for place in places] == [(2, 6), (8, 13)]
    assert (
        await c.fetchval("select ingest_highlight('Pumpen der Häuser', 'haus pumpe', 'german')::text")
        == '{"[0,6)","[11,17)"}'
    )
    for nothing in ("null, 'pump'", "'pump', null"):
        assert await c.fetchval(f"select ingest_highlight({nothing})") == []


async def test_places_outside_of_the_text_and_none_are_passed_by(c: Connection) -> None:
    assert await c.fetchval("""select ingest_marked('abc', '{"[0,1)","[2,9)","(,2)",empty}', '<', '>')""") == "<a>bc"
    assert await c.fetchval("select ingest_marked('abc', null)") == "abc"
    assert await c.fetchval("select ingest_marked(null, '{}')") is None


PIECES = st.lists(
    st.sampled_from(
        ["pump", "Pumps", "foo-bar", "a.b@c.de", "http://x.org/a?b=1#c", "/usr/lib/x.so", "1.5e-3", "v1.2.3", "&amp;",
         "<i a='b'>", "**b**old", "e\u0301", "\u00ad", "日本", "👩‍💻", "-", "'", "\\", "\n", "\r\n", " ", "  ",
         "\t", "x_y", "%", "http://", "a-"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@pytest.mark.examples
async def test_marks_change_nothing_but_what_they_add(c: Connection) -> None:
    """The parser's tokens, without compounds, are the text: what places are counted by."""
    tokens = """select coalesce(string_agg(token, '' order by place), '')
      from ts_parse('default', $1) with ordinality as t (tokid, token, place) where tokid not in (5, 15, 16, 17)"""
    examples: list[str] = []

    @settings(max_examples=how_many(300), suppress_health_check=list(HealthCheck), database=None)
    @given(PIECES)
    def collect(text: str) -> None:
        examples.append(text)

    collect()
    for text in examples:
        assert await c.fetchval(tokens, text) == text
        marked = await c.fetchval(MARKED.replace("'<', '>'", "E'\\x01', E'\\x02'"), text, "pump bar bold b", "english")
        assert marked.replace("\x01", "").replace("\x02", "") == text
        assert marked.count("\x01") == marked.count("\x02")
        if "pump" in text.split():
            assert "\x01pump\x02" in marked
