"""Whatever a service says, embedder and re-ranker make vectors and scores of it, or an error; and no wish is too long.

A server on loopback answers with exactly the bytes of the case.
"""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from fuzzing.targets import TAKEN, Place, Target, Trial, code_of
from fuzzing.values import JSON, JSON_TEXT
from listener.embedding import Space, openai_embedder, pace, rerank_service
from listener.embedding.embedder import TextsRefused
from listener.embedding.endpoint import Endpoint
from listener.embedding.openai_embedder import OpenAIEmbedder
from listener.embedding.refusals import retry_after
from listener.embedding.rerank_service import RerankService
from listener.errors import LONGEST_WISH_SECONDS, IngestError, ServiceError, SettingsError
from listener.logs.visible import on_one_line
from listener.settings import Settings

KEY = "sk-QXZJKV0123456789"
DIMENSIONS = 3
LINE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
SECONDS = st.sampled_from([
    "0", "1", "-1", "inf", "-inf", "nan", "1e400", "1e7", "10000000", "9" * 5000, "0x10", "1_0", "1,2", "1, inf", "", " 3 ", "٣",
    "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 99 Foo 10000 25:61:61 +9999", "Sun, 06 Nov 1994 08:49:37 -0000",
]) | LINE  # fmt: skip
STATUS = st.sampled_from(
    [200] * 12 + [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503, 100, 101, 204, 206, 299, 304, 307, 600, 999]
)
NUMBER = st.floats() | st.integers() | st.sampled_from([0, 10**400, "1", None, True, [1]])
EMBEDDING = (
    st.lists(NUMBER, min_size=DIMENSIONS, max_size=DIMENSIONS)
    | st.just([0.6, 0.8, 0.0])
    | st.lists(st.floats(width=32), min_size=0, max_size=5).map(
        lambda floats: base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()
    )
    | JSON
)
ITEM = st.fixed_dictionaries({"index": st.integers(-1, 3) | JSON, "embedding": EMBEDDING})
GOOD = st.integers(1, 3).map(
    lambda count: {
        "data": [{"index": n, "embedding": [0.6, 0.8, 0.0]} for n in range(count)],
        "usage": {"prompt_tokens": 3},
    }
)
VECTORS = st.fixed_dictionaries({"data": st.lists(ITEM, max_size=4) | JSON}, optional={"usage": JSON, "object": JSON})
SCORE = st.fixed_dictionaries(
    {"index": st.integers(-1, 3) | JSON}, optional={"score": NUMBER, "relevance_score": NUMBER}
)
SCORES = st.lists(SCORE, max_size=4) | st.integers(1, 3).map(
    lambda count: [{"index": n, "score": n / 4} for n in range(count)]
)
ERROR = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from([KEY, f"bad key {KEY[:9]}****", "insufficient_quota", "input too large", "dimensions",
                                         "model_not_found", "unsupported value: NaN", "<b>" * 2000, "\ud800", "\0"]) | JSON
                  for name in ("message", "type", "param", "code", "detail")}
)  # fmt: skip
BODY = (
    (
        GOOD
        | VECTORS
        | SCORES
        | SCORES.map(lambda scores: {"results": scores})
        | ERROR
        | ERROR.map(lambda error: {"error": error})
        | JSON
    ).map(lambda body: json.dumps(body).encode())
    | JSON_TEXT.map(lambda text: text.encode())
    | st.binary(max_size=60)
    | st.tuples(GOOD.map(lambda body: json.dumps(body).encode()), st.integers(0, 200), st.binary(max_size=4)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
    )
    | st.sampled_from(
        [b'{"data": ' + b"[" * 50_000, gzip.compress(bytes(5_000_000)), b'{"data": [' + b'{"embedding": [],' * 3000]
    )
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "date", "x-request-id", "set-cookie"]), SECONDS, max_size=3
) | st.dictionaries(
    st.sampled_from(["location", "content-encoding", "content-type", "transfer-encoding", "content-length", "connection"]),
    st.sampled_from(["gzip", "deflate", "br", "zstd", "identity", "chunked", "-1", "5", "99999999999999999999", "close", "text/html",
                     "application/json; charset=utf-16", f"http://u:{KEY}@h/{KEY}?k={KEY}", "//", "http://[", "/x"]) | LINE,
    max_size=2,
)  # fmt: skip


class Said(NamedTuple):
    """An answer to every call: ``raw``, or else a status, headers and a body; for so many texts."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes | None
    texts: int

    @property
    def sent(self) -> bytes:
        head = {"content-length": str(len(self.body))} | self.headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode("utf-8")
        return self.raw if self.raw is not None else b"HTTP/1.1 %d X\r\n%s\r\n%s" % (self.status, lines, self.body)


RAW = st.none() | st.none() | st.none() | st.none() | st.none() | st.none() | st.binary(max_size=40) | st.sampled_from(
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000 + b"\r\n", b"HTTP/9.9 x\r\n\r\n", b"\0" * 100_000,
     b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx", b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
     b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"]
)  # fmt: skip
INPUTS = st.builds(Said, STATUS, st.just({}) | st.just({}) | HEADERS, BODY, RAW, st.integers(1, 3))


class _Answers:
    """What the server says, and the one client for all cases."""

    def __init__(self) -> None:
        self.said = b""

    def connect(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.endpoint = Endpoint(self.url, KEY, calls=4, seconds=3.0)
        self.settings = Settings.model_validate(
            {"embedder": "openai", "OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": KEY, "embedding_calls": 4}
        )
        about = {"reranker_url": self.url, "reranker_key": KEY, "embedding_timeout_seconds": 3}
        self.reranker = RerankService(Settings.model_validate(about))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            writer.write(self.said)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def case(self, said: Said) -> str:
        self.said = said.sent
        wish = retry_after(said.headers)
        assert wish is None or 0 <= wish <= LONGEST_WISH_SECONDS, f"a wish of {wish} s"
        embedder = OpenAIEmbedder(Space("openai", self.url, "m", DIMENSIONS), self.settings)
        embedder._endpoint = self.endpoint  # to make one takes 50 ms
        await self._reranked(said)
        try:
            found = await embedder.embed([f"text {number}" for number in range(said.texts)])
        except IngestError as error:
            return _checked(error)
        assert found.vectors.shape == (said.texts, DIMENSIONS)
        assert np.isfinite(found.vectors).all(), "a vector has numbers that are none"
        assert found.vectors.any(axis=1).all(), "a vector has no direction"
        assert 0 <= found.tokens < 2**62
        return TAKEN

    async def _reranked(self, said: Said) -> None:
        try:
            scores = await self.reranker.score("a query", [f"text {number}" for number in range(said.texts)])
        except IngestError as error:
            _checked(error)
        else:
            assert len(scores) == said.texts
            assert np.isfinite(scores).all()


def _checked(error: IngestError) -> str:
    code = code_of(error, ServiceError, SettingsError, TextsRefused)
    told = f"{error.message} {error.hint}"
    assert KEY not in told, f"the key is told: {told}"
    assert error.hint
    assert len(told) < 2000, f"{len(told)} characters are told"
    assert on_one_line(told) == told, f"told: {told!r}"
    told.encode()
    if isinstance(error, ServiceError) and error.retry_after is not None:
        assert 0 <= error.retry_after <= LONGEST_WISH_SECONDS, f"a wish of {error.retry_after} s"
    return code


@asynccontextmanager
async def opened(_: Place) -> AsyncIterator[Trial]:
    answers = _Answers()
    server = await asyncio.start_server(answers.serve, "127.0.0.1", 0)
    answers.connect(server.sockets[0].getsockname()[1])
    pauses, patience = openai_embedder.QUICK_PAUSES, pace.PATIENCE_SECONDS
    rerank_service.QUICK_PAUSES = (0.0, 0.0)
    openai_embedder.QUICK_PAUSES, pace.PATIENCE_SECONDS = (0.0, 0.0), 0.0  # nothing is different but that nobody waits
    try:
        async with server:
            yield Trial(answers.case)
    finally:
        await answers.endpoint.close()
        await answers.reranker.close()
        rerank_service.QUICK_PAUSES = pauses
        openai_embedder.QUICK_PAUSES, pace.PATIENCE_SECONDS = pauses, patience


TARGET = Target("answers", INPUTS, opened, few=60, round=500)
