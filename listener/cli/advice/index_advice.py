"""Whether indexes on our tables are valid, used, as large as they should be, and in memory; and pgvector's version."""

from __future__ import annotations

from collections.abc import Iterator

from listener.cli.advice.piece import GB, MB, Advice, Setter, lasting, shown
from listener.client.server_state import ServerState, StoredIndex

SOUND = (0, 8, 4)
LINK_BYTES = 290  # of an entry in an index of vectors, besides the vector
PAGE_BYTES = 8192
WEEK = 7 * 86400.0
UNUSED_BYTES = 50 * MB


def of_indexes(state: ServerState, setter: Setter) -> Iterator[Advice]:
    """Yield advice on indexes."""
    for index in state.indexes:
        yield from _one(state, index, setter)
    vectors = sum(one.bytes for one in state.indexes if one.method in ("hnsw", "ivfflat"))
    cache = state.settings["effective_cache_size"].number
    if vectors > cache:
        yield Advice(
            "indexes_exceed_memory", "warning",
            f"indexes of vectors have {shown(vectors)}, effective_cache_size = {shown(cache)}",
            "-- more memory, or fewer dimensions. If the machine has it: "
            f"{setter.server('effective_cache_size', shown(_whole(vectors)))}",
            "Each step of a search by vector reads a page: from a disk, that is 0.1 ms and more each, some "
            "hundreds a search.",
        )  # fmt: skip
    yield from _extension(state)


def _whole(bytes_: float) -> int:
    return -int(-bytes_ // GB) * GB


def _one(state: ServerState, index: StoredIndex, setter: Setter) -> Iterator[Advice]:
    name = setter.named(index.name)
    if not index.valid and not index.building:
        yield Advice(
            "index_invalid", "warning", f"{index.name} on {index.on_table} is invalid, {shown(index.bytes)}",
            f"drop index concurrently {name};" if not index.ours else f"reindex index concurrently {name};",
            "A build was interrupted: writers maintain it, and no search uses it. Those of vectors that we "
            "made are rebuilt by listeners.",
        )  # fmt: skip
        return
    counted = state.capacity.counted_seconds
    if not index.ours and not index.unique and not index.scans and index.bytes > UNUSED_BYTES and counted > WEEK:
        yield Advice(
            "index_unused", "advice",
            f"{index.name} on {index.on_table}: {shown(index.bytes)}, no scan in {lasting(counted)}",
            f"drop index concurrently {name};",
            "Each written row maintains it. Replicas count for themselves: look there, too.",
        )  # fmt: skip
    if index.method == "hnsw" and index.entries and index.dimensions > 0:
        needed = index.entries * _entry(index.dimensions)
        if index.bytes > 3 * needed + UNUSED_BYTES:
            yield Advice(
                "index_bloated", "warning",
                f"{index.name}: {shown(index.bytes)} for {index.entries} vectors of {index.dimensions} "
                f"dimensions, which need {shown(needed)}",
                f"reindex index concurrently {name};",
                "Deleted vectors stay in the graph: searches walk through them. Indexes that we made are "
                "rebuilt by listeners.",
            )  # fmt: skip


def _entry(dimensions: int) -> float:
    """Return what an entry takes: as many as fit into a page, at half precision."""
    return PAGE_BYTES / max(1, PAGE_BYTES // (2 * dimensions + LINK_BYTES))


def _extension(state: ServerState) -> Iterator[Advice]:
    installed, newest = state.capacity.pgvector, state.capacity.newest_pgvector
    if not installed:
        return
    if _version(installed) < SOUND and any(one.method == "hnsw" for one in state.indexes):
        yield Advice(
            "pgvector_unsound", "warning", f"pgvector {installed}, and an index of vectors",
            "-- with 0.8.4 or newer on the server: alter extension vector update;  -- then reindex index "
            "concurrently …;",
            "Before 0.8.4, a vacuum may corrupt indexes of vectors: searches miss chunks.",
        )  # fmt: skip
    elif newest and _version(newest) > _version(installed):
        yield Advice(
            "pgvector_outdated", "advice", f"pgvector {installed}; the server has {newest}",
            "alter extension vector update;", "The database goes on with the former version's functions until then.",
        )  # fmt: skip


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
