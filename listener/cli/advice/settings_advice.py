"""What settings of the server lose data, and which are too small for what is stored."""

from __future__ import annotations

from collections.abc import Iterator

from listener.cli.advice.piece import GB, MB, Advice, Setter, shown
from listener.client.server_state import ServerState

SOME_CHUNKS = 100_000
MANY_CHUNKS = 5_000_000
GRAPH_BYTES, DIMENSION_BYTES = 650, 2.6  # of a build in memory, a chunk: measured at 256 and 1,536 dimensions
TEMPORARY_BYTES, DAY = 10 * GB, 86400.0
DEFAULT_BUFFERS = 128 * MB

UNSAFE = {
    "fsync": ("fsync_off", "problem",
        "After a power cut or a crash of the machine the database may be corrupt, beyond repair."),
    "full_page_writes": ("full_page_writes_off", "problem",
        "A page that was half written when the machine crashed stays broken, unless the file system writes 8 kB "
        "atomically."),
    "autovacuum": ("autovacuum_off", "problem",
        "Dead rows and index entries pile up: claims slow down by the day, statistics age, and transaction ids run "
        "out."),
    "track_counts": ("track_counts_off", "problem",
        "Autovacuum knows nothing of what changed; limits of pending requests count each row."),
    "synchronous_commit": ("synchronous_commit_off", "warning",
        "After a crash of the server the last commits are lost, up to 0.6 s by default: requests that an application "
        "was told are there, and steps that a listener, which lives on, believes are done. Requests can hang."),
}  # fmt: skip


def of_settings(state: ServerState, setter: Setter, build_memory_mb: int) -> Iterator[Advice]:
    """Yield advice on the server's settings."""
    for name, (code, severity, why) in UNSAFE.items():
        if state.settings[name].value == "off":
            yield Advice(code, severity, f"{name} = off", setter.server(name, "on"), why)
    yield from _memory(state, setter)
    yield from _building(state, build_memory_mb)
    yield from _planning(state, setter)
    yield from _autovacuum(state, setter)


def _memory(state: ServerState, setter: Setter) -> Iterator[Advice]:
    buffers = state.settings["shared_buffers"].number
    if buffers <= DEFAULT_BUFFERS and state.bytes > GB:
        yield Advice(
            "shared_buffers_small", "warning",
            f"shared_buffers = {shown(buffers)}, our tables and indexes have {shown(state.bytes)}",
            setter.server("shared_buffers", shown(_fitting(state.bytes / 4))),
            "A quarter of the machine's memory is right: the value here goes by what is stored. An index of "
            "vectors that is not in memory costs a read of the disk at each step of a search.",
        )  # fmt: skip
    capacity = state.capacity
    if capacity.temp_bytes > TEMPORARY_BYTES * max(1.0, capacity.counted_seconds / DAY):
        work = state.settings["work_mem"].number
        yield Advice(
            "work_mem_small", "warning",
            f"work_mem = {shown(work)}, and {capacity.temp_files} temporary files took {shown(capacity.temp_bytes)}",
            setter.server("work_mem", shown(min(4 * work, 256 * MB))),
            "Sorts and hashes went to the disk. Each session may take this several times: multiply by "
            "max_connections.",
        )  # fmt: skip


def _fitting(bytes_: float) -> float:
    size = float(GB)
    while size < bytes_ and size < 16 * GB:
        size *= 2
    return size


def _building(state: ServerState, build_memory_mb: int) -> Iterator[Advice]:
    given = max(build_memory_mb * MB, state.settings["maintenance_work_mem"].number)
    graphs = {
        one.name: max(one.entries, 1) * (GRAPH_BYTES + DIMENSION_BYTES * one.dimensions)
        for one in state.indexes
        if one.method == "hnsw"
    }
    if graphs and max(graphs.values()) > given:
        name, needed = max(graphs.items(), key=lambda pair: pair[1])
        yield Advice(
            "index_memory_small", "warning",
            f"a build of {name} needs {shown(needed)}, and may take {shown(given)}",
            f"INGEST_MAINTENANCE_MEMORY_MB={-int(-needed // MB)}   # of the listener, or command, that builds "
            "indexes",
            "Without it, the graph is built on the disk from where memory ends: many times slower. In a "
            "container /dev/shm must have as much.",
        )  # fmt: skip


def _planning(state: ServerState, setter: Setter) -> Iterator[Advice]:
    if state.chunks < SOME_CHUNKS:
        return
    cost = float(state.settings["random_page_cost"].value)
    if cost >= 4:
        yield Advice(
            "random_page_cost_high", "advice", f"random_page_cost = {cost:g}, {state.chunks} chunks",
            setter.server("random_page_cost", "1.1"),
            "4 is right for disks that turn. On SSDs, the planner scans tables where an index would do.",
        )  # fmt: skip
    if int(state.settings["effective_io_concurrency"].value) == 1:
        yield Advice(
            "io_concurrency_low", "advice", f"effective_io_concurrency = 1, {state.chunks} chunks",
            setter.server("effective_io_concurrency", "200"),
            "On SSDs, searches by words read many pages of the table, one after the other without this.",
        )  # fmt: skip


def _autovacuum(state: ServerState, setter: Setter) -> Iterator[Advice]:
    own = int(state.settings["autovacuum_vacuum_cost_limit"].value)
    limit = own if own > 0 else int(state.settings["vacuum_cost_limit"].value)
    if state.chunks >= MANY_CHUNKS and limit < 1000:
        yield Advice(
            "autovacuum_slow", "warning", f"autovacuum may spend {limit} between pauses, {state.chunks} chunks",
            setter.server("autovacuum_vacuum_cost_limit", "2000"),
            "A vacuum of a table of this size takes hours otherwise, and dead rows grow faster than it removes them.",
        )  # fmt: skip
