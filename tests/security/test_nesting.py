"""Values that are nested too deeply, or have too many digits, are errors of what they stand in, wherever they stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from pipeline import ended, until
from staging import Connection

from listener.cli.arguments import json_filter, json_object
from listener.client.results import metadata
from listener.embedding import Space
from listener.embedding.answers import Answer, read_vectors
from listener.embedding.refusals import read_refusal
from listener.errors import IngestError, ServiceError

DEEP = "[" * 100_000 + "]" * 100_000
LONG = "9" * 5000
SPACE = Space("openai", "http://127.0.0.1:1/v1", "m", 2)

LINES = {
    "deep body": f'{{"id": 1, "body": {DEEP}}}',
    "deep objects": '{"id": 2, "body": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}",
    "open": '{"id": 3, "body": ' + "[" * 100_000,
    "long number": f'{{"id": 4, "body": {LONG}}}',
    "long id": f'{{"id": {LONG}, "body": "x"}}',
    "long fraction": f'{{"id": 5, "body": "x", "about": 0.{LONG}}}',
    "long exponent": '{"id": 6, "body": "x", "about": 1e999999}',
    "half characters": '{"id": "7\\ud800", "body": "a\\ud800b\\u0000c", "about": "\\udfff"}',
    "deep enough": '{"id": 8, "body": ' + "[" * 900 + "]" * 900 + "}",
    "deep metadata": '{"id": 9, "body": "x", "about": ' + "[" * 900 + "]" * 900 + "}",
    "nothing": "null",
    "noise": '{"id": 10, "body": "\\x"}',
    "twice": '{"id": 11, "body": "first", "body": "second"}',
}


ADD = """insert into ingest_requests (collection, uri, content, media_type, options, metadata)
  values ('c', $1, $2, $3, $4::text::jsonb, $5::text::jsonb) returning id"""
ENDED = "select bool_and(status = 'succeeded') from ingest_requests where id = any ($1)"
METADATA = ["[" * 3000 + "]" * 3000, LONG, "1e400", "[" * 900 + "]" * 900, '"x"']


async def test_hostile_rows_fail_alone_or_not_at_all(
    ready: str, own: Connection, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    listener = ListenerProcess(ready, tmp_path)
    listeners.append(listener)
    listener.ready()
    content = "\n".join(['{"id": "first", "body": "one"}', *LINES.values(), '{"id": "last", "body": "two"}'])
    options = json.dumps({"record": {"text": "body", "id": "id", "metadata": ["about"]}})
    records = await own.fetchval(ADD, "a", content, "application/x-ndjson", options, "{}")
    others = [
        await own.fetchval(ADD, f"m{number}", "some words", None, "{}", f'{{"a": {value}, "page": 7}}')
        for number, value in enumerate(METADATA)
    ]
    (row,) = await ended(own, records)
    await until(lambda: own.fetchval(ENDED, others))
    assert row["status"] == "partially_succeeded"
    query = "select uri, state, error ->> 'code' as code from ingest_revisions where request_id = $1 order by position"
    found = await own.fetch(query, records)
    assert [found[0]["state"], found[-1]["state"]] == ["published", "published"]
    assert {one["code"] for one in found} == {None, "bad_json"}
    kept = await own.fetch("select metadata::text as text from ingest_chunks where uri like 'm%' order by uri")
    for chunk, value in zip(kept, METADATA, strict=True):
        assert '"heading_path": []' in chunk["text"]
        assert value.replace("1e400", "1" + "0" * 400) in chunk["text"]
    assert listener.stop() == 0
    assert " ERROR " not in listener.log()


def test_a_hit_with_metadata_that_python_can_t_read_is_found_without_it() -> None:
    assert [metadata(f'{{"a": {value}}}') for value in (DEEP, LONG, "1")] == [{}, {}, {"a": 1}]


@pytest.mark.parametrize(
    "body",
    [
        DEEP, '{"data": ' + DEEP + "}", f'{{"data": {LONG}}}', '{"data": [{"index": 0, "embedding": ' + DEEP + "}]}",
        '{"data": [{"index": ' + DEEP + ', "embedding": [1]}]}', f'{{"data": [{{"index": {LONG}, "embedding": [1]}}]}}',
        '{"data": [{"index": 0, "embedding": [1, ' + LONG + "]}]}", '{"data": [{"index": 0, "embedding": {"a": 1}}]}',
        '{"data": [{"index": "' + "x" * 1_000_000 + '", "embedding": [1]}]}',
        '{"data": [{"index": 0, "embedding": -1}]}',
        '{"data": [{"index": 0, "embedding": true}]}', '{"data": [null]}', "null", '"' + "x" * 1_000_000, "",
        '{"data": [{"index": 0, "embedding": [1, [2]]}]}', '{"data": [{"index": 0, "embedding": "é"}]}',
    ],
    ids=range(17),
)  # fmt: skip
def test_an_embedding_service_s_bad_answer_is_its_error(body: str) -> None:
    with pytest.raises(ServiceError) as raised:
        read_vectors(body.encode(), 1)
    assert raised.value.code == "embedding_answer_malformed"
    assert len(raised.value.message) < 500


@pytest.mark.parametrize("tokens", [LONG[:4000], "-1", "1e400", DEEP[:20] + DEEP[-20:], '"x"', "true"])
def test_counts_of_tokens_that_are_none_fit_into_a_column(tokens: str) -> None:
    body = '{"data": [{"index": 0, "embedding": [1, 2]}], "usage": {"prompt_tokens": ' + tokens + "}}"
    assert 0 <= read_vectors(body.encode(), 1).tokens <= 1_000_000_000


@pytest.mark.parametrize("body", [DEEP, '{"error": ' + DEEP + "}", LONG, '{"error": {"message": ' + DEEP + "}}"])
@pytest.mark.parametrize("status", [400, 401, 418, 429, 500])
def test_a_refusal_of_the_service_is_never_a_bug_of_ours(status: int, body: str) -> None:
    try:
        refused = read_refusal(Answer(status, {}, body.encode()), SPACE, None)
    except IngestError as error:
        assert len(error.message) < 2000  # noqa: PT017 - either is right
    else:
        assert len(refused.message) < 2000


def test_the_command_takes_what_it_can_t_read_as_text_or_refuses_it() -> None:
    with pytest.raises(IngestError, match="not_an_object"):
        json_filter(DEEP)
    assert json_object("--metadata", [f"a={DEEP}"]) == {"a": DEEP}
