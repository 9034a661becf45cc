"""Whatever bytes come to the port of /metrics are a request for the page, or refused with a status."""

from __future__ import annotations

import asyncio

from hypothesis import example, given
from hypothesis import strategies as st

from listener.engine.scrapes import MOST_HEAD_BYTES, BadScrape, _asked

WORDS = st.sampled_from(
    [b"GET", b"HEAD", b"/metrics", b"?", b" ", b"HTTP/1.1", b"\r\n", b"\n", b"\0", b"Accept:", b":"]
)
HEADS = st.lists(WORDS | st.binary(max_size=20), max_size=20).map(b"".join)


async def answer(sent: bytes) -> int:
    reader = asyncio.StreamReader(limit=MOST_HEAD_BYTES)
    reader.feed_data(sent)
    reader.feed_eof()
    try:
        method, _ = await _asked(reader)
    except BadScrape as bad:
        return bad.status
    assert method in ("GET", "HEAD")
    return 200


@given(HEADS)
@example(b"GET /metrics HTTP/1.1\r\n\r\n")
@example(b"x" * (MOST_HEAD_BYTES + 1))
@example(b"\xff\r\n\r\n")
def test_any_head_is_answered(sent: bytes) -> None:
    assert asyncio.run(answer(sent)) in (200, 400, 404, 405, 431)
