"""Functions that users call, with whatever arguments, by the owner, a role with rights and one without: refused by a code.

A role without a right finds nothing and changes nothing. No call takes as long as the server's time limit.
"""

# ruff: noqa: E501 - samples are easier to compare in one line

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import staging
from hypothesis import strategies as st

from fuzzing.targets import TAKEN, Place, Target, Trial, code_of
from fuzzing.values import (
    COLLECTION,
    HOSTILE,
    ID,
    INTEGER_TEXT,
    INTERVAL,
    JSON,
    JSON_TEXT,
    STEP,
    TIME,
    WORD,
    written,
)

ROLES = ("owner", "member", "stranger")
KNOWN_ID = st.integers(0, 7)  # of a request that is there
SETTING = (
    st.sampled_from(
        ["english", "simple", "nowhere.simple", "pg_catalog.english", "1", "-1", "1000", "2147483648", "{text}"]
    )
    | JSON
)
SETTINGS = st.dictionaries(
    st.sampled_from(
        ["embedder", "endpoint", "model", "dimensions", "chunk_size", "chunk_overlap", "embedding_template", "passage_prefix", "query_prefix", "text_config", "max_running", "unknown"]
    ),
    SETTING, max_size=4,
).map(written)  # fmt: skip
QUERY = st.sampled_from([
    "valves open", '"valves open" -house', "-valves", "or or or", "a | b & !c", "valves:*", '"' * 3, "- -", "x " * 5000, "é" * 3000,
    "w" * 3000, "a-b-c-d-e-f@g.h/i?j=k", "'valves' <-> 'open'",
]) | WORD  # fmt: skip
FILTER = st.sampled_from([
    "{}", '{"a": 1}', "[]", "null", "1", '{"a": {"$gt": 1e400}}', '{"$or": [{"a": {"$in": [null, "\\u20ac"]}}, {"$not": {"b": 1}}]}',
    '{"": {"$exists": false}}', '{"a": {"$lt": "\\\\"}}', '{"$": 1}', '{"a": {"$eq": -0.0}}', '{"$and": [{}, {}]}', '{"$not": {}}',
]) | JSON_TEXT  # fmt: skip
NUMBER = st.sampled_from([None, "0", "1", "-1", "0.5", "NaN", "infinity", "1e308", "1e-320", ""])
WAY = st.sampled_from([None, None, "words", "vector", "both", ""]) | WORD
VECTOR = st.sampled_from([
    "[1,0,0]", "[1,2]", "[0,0,0]", "[]", "[NaN,0,0]", "[1e39,0,0]", "[1e-45,1e-45,1e-45]", "{1,2,3}", "WIDE", "",
]) | WORD  # fmt: skip
LONG = {"WIDE": "[" + "1," * 16_000 + "1]"}
PLACE = st.none() | COLLECTION
PRINCIPALS = st.sampled_from(["{}", "{a}", '{"",a}', "{NULL}", "{{a}}", "{a", None]) | st.lists(WORD).map(
    lambda words: "{" + ",".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words) + "}"
)
KIND = st.sampled_from(["submitter", "searcher", "operator", "gateway", "listener", "owner", ""]) | WORD
OPTIONS = st.dictionaries(
    st.sampled_from(["include", "record", "force", "max_bytes", "principals", "x"]), JSON, max_size=3
).map(written)

SEARCHES: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "select * from ingest_search($1::text, $2::text, $3::text::int, $4::text::jsonb, $5::text)":
        (QUERY, COLLECTION, INTEGER_TEXT, FILTER, WAY),
    "select * from ingest_search($1::text::vector, $2::text, $3::text::int, $4::text::jsonb)":
        (VECTOR, COLLECTION, INTEGER_TEXT, FILTER),
    "select * from ingest_search($1::text, filter => $2::text::jsonb, collections => $3::text::text[], since => $4::text::timestamptz,"
    " min_similarity => $5::text::float8, words_weight => $6::text::float8, vector_weight => $7::text::float8, rerank => true)":
        (QUERY, FILTER, PRINCIPALS, TIME, NUMBER, NUMBER, NUMBER),
    "select * from ingest_context($1::text::vector, filter => $2::text::jsonb, since => $3::text::timestamptz, min_similarity => $4::text::float8)":
        (VECTOR, FILTER, TIME, NUMBER),
    "select * from ingest_search_for($1::text::text[], $2::text, $3::text, $4::text::int, $5::text::jsonb, $6::text)":
        (PRINCIPALS, QUERY, COLLECTION, INTEGER_TEXT, FILTER, WAY),
}  # fmt: skip
CONTROL: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    f"select ingest_{verb}($1::text::uuid)": (KNOWN_ID | ID,) for verb in ("cancel", "resume", "retry")
} | {
    "select ingest_fork($1::text::uuid, $2::text, $3::text::jsonb, $4::text)": (KNOWN_ID | ID, STEP, OPTIONS | JSON_TEXT, PLACE),
    "select ingest_set_principals($1::text, $2::text, $3::text::text[])": (COLLECTION, st.just("doc") | WORD, PRINCIPALS),
}  # fmt: skip
OTHERS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "select * from ingest_collection($1::text, $2::text::jsonb)": (COLLECTION, SETTINGS | JSON_TEXT),
    "call ingest_embed_query($1::text, $2::text, $3::text::interval)": (QUERY, COLLECTION, INTERVAL),
    "select ingest_query_embedding($1::text, $2::text)": (QUERY, COLLECTION),
    "call ingest_rerank($1::text, $2::text, $3::text::int, $4::text::jsonb, $5::text, principals => $6::text::text[],"
    " timeout => $7::text::interval)": (QUERY, COLLECTION, INTEGER_TEXT, FILTER, WAY, PRINCIPALS, INTERVAL),
    "select * from ingest_rerank_scores($1::text, $2::text, $3::text::bigint[], '{0,1}')": (QUERY, COLLECTION, PRINCIPALS),
    "select ingest_grant($1::text::name, $2::text, $3::text)": (WORD | st.just("fuzzing_other"), KIND, PLACE),
    "select ingest_revoke($1::text::name, $2::text, $3::text)": (WORD | st.just("fuzzing_other"), KIND, PLACE),
    "select ingest_add(content => $1::text, collection => $2::text, options => $3::text::jsonb, dedupe_key => $4::text,"
    " run_at => $5::text::timestamptz)": (WORD, COLLECTION, OPTIONS | JSON_TEXT, st.none() | HOSTILE, st.just("now") | TIME),
    "select * from ingest_status where collection = $1::text and status = $2::text": (COLLECTION, WORD),
    "select ingest_channel($1::text)": (WORD,),
    "delete from ingest_documents where collection = $1::text and uri = $2::text": (COLLECTION, WORD),
    "update ingest_requests set priority = $2::text::int, run_at = $3::text::timestamptz where id = $1::text::uuid":
        (KNOWN_ID | ID, INTEGER_TEXT, TIME),
    "update ingest_requests set options = $2::text::jsonb, source = $3::text where id = $1::text::uuid":
        (KNOWN_ID | ID, JSON_TEXT, WORD),
}  # fmt: skip
READS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "select * from ingest_inventory($1::text)": (PLACE,),
    "select * from ingest_list_documents($1::text, $2::text, $3::boolean, $4::text::int, $5::text, $6::text)":
        (PLACE, WORD, st.booleans() | st.none(), INTEGER_TEXT, PLACE, WORD),
    "select * from ingest_show_document($1::text, $2::text)": (st.just("doc") | WORD, COLLECTION),
    "select * from ingest_show_chunks($1::text, $2::text)": (st.just("doc") | WORD, COLLECTION),
    "select * from ingest_show_revisions($1::text, $2::text, $3::text::int)": (st.just("doc") | WORD, COLLECTION, INTEGER_TEXT),
    "select ingest_count_documents($1::text, $2::text::text[], $3::text)": (COLLECTION, PRINCIPALS, WORD),
    "select * from ingest_delete_under($1::text, $2::text, $3::text::int, $4::text)": (COLLECTION, WORD, INTEGER_TEXT, WORD),
    "select * from ingest_usage_by_day where collection = $1::text": (COLLECTION,),
}  # fmt: skip
SECRET = "Nobody but those who may search finds the halyard."
REFUSED_TO_STRANGERS = frozenset(SEARCHES) | {call for call in CONTROL if "principals" in call}


class Call(NamedTuple):
    """A statement with its values, and who sends it."""

    statement: str
    values: tuple[Any, ...]
    role: str


def _call(statement: str) -> st.SearchStrategy[Call]:
    values = (SEARCHES | CONTROL | OTHERS | READS)[statement]
    return st.builds(Call, st.just(statement), st.tuples(*values), st.sampled_from(ROLES))


INPUTS = st.one_of(*map(_call, SEARCHES | CONTROL | OTHERS | READS))


class _Functions:
    def __init__(self, connections: dict[str, asyncpg.Connection]) -> None:
        self._connections = connections

    async def case(self, call: Call) -> str:
        requests = await self._requests()
        values = [
            str(requests[value % len(requests)]) if isinstance(value, int) else LONG.get(value, value)
            for value in call.values
        ]
        allowed = frozenset({"not_permitted"} if call.role != "owner" else ())
        try:
            found = await self._connections[call.role].fetch(call.statement, *values)
        except asyncpg.PostgresError as error:
            return code_of(error, allowed=allowed)
        if call.role == "stranger":
            assert call.statement not in REFUSED_TO_STRANGERS, f"a stranger got {found}"
            assert SECRET not in repr(found), f"a stranger got {found}"
        return TAKEN

    async def _requests(self) -> list[uuid.UUID]:
        rows = await self._connections["owner"].fetch("select id from ingest_requests order by created_at limit 8")
        return [row["id"] for row in rows]


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Trial]:
    name = f"fuzzing_{uuid.uuid4().hex[:12]}"
    connections = {role: await staging.connect(place.dsn) for role in ROLES}
    owner = connections["owner"]
    try:
        await _fill(owner)
        for role in ("member", "stranger"):
            await owner.execute(f"create role {name}_{role}; grant usage on schema public to {name}_{role}")
        for kind in ("submitter", "searcher", "operator", "gateway"):
            await owner.execute("select ingest_grant($1::text::name, $2, null)", f"{name}_member", kind)
        for role, connection in connections.items():
            await connection.execute(
                "set statement_timeout = '8s'" + (f"; set role {name}_{role}" if role != "owner" else "")
            )
        yield Trial(_Functions(connections).case)
    finally:
        for role in ("member", "stranger"):
            await connections[role].close()
            await owner.execute(f"drop owned by {name}_{role}; drop role {name}_{role}")
        await owner.close()


async def _fill(owner: asyncpg.Connection) -> None:
    """Make documents, and a request in each of some statuses."""
    if await owner.fetchval("select exists (select from ingest_documents)"):
        return
    await staging.ingest(owner, {"doc": SECRET, "other": "The valves of house two open."})
    await staging.ingest(owner, {"a": "The valves open."}, collection="notes")
    await staging.start(owner, ["later"], content="valves", collection="notes")
    failed = await staging.start(owner, ["broken"], content="valves")
    await staging.settle(
        owner, failed, "failed", {"code": "no_text", "message": "m", "hint": "h", "step": "load", "retryable": False}
    )
    await owner.execute("select ingest_cancel($1)", await staging.start(owner, ["stopped"], content="valves"))
    await staging.add(owner, content="valves")


TARGET = Target("functions", INPUTS, opened, few=120, round=500, seconds=12, database=True)
