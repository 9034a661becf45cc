"""What a server is set to and how it does: settings, tables, indexes, sessions. Read in a moment, from statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from listener.client import server_statements as statements
from listener.client.session import Session

LONG_SECONDS = 600.0
WITH_CHECKPOINTER = 170000
UNITS = {"B": 1, "kB": 1024, "8kB": 8192, "MB": 1 << 20, "GB": 1 << 30}


@dataclass(frozen=True, slots=True)
class ServerCapacity:
    """What the server is, and what it has counted for ``counted_seconds``; ``provider``: who runs it, if that shows.

    ``may_alter``: the role may ALTER SYSTEM. ``sees_all``: it sees what sessions of others do.
    """

    number: int
    may_alter: bool
    provider: str | None
    sees_all: bool
    oldest_xid: int
    temp_bytes: int
    temp_files: int
    counted_seconds: float
    pgvector: str | None
    newest_pgvector: str | None


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """A setting; ``restart``: a change needs one."""

    value: str
    unit: str | None
    restart: bool

    @property
    def number(self) -> float:
        """The value as a number; of memory, in bytes."""
        return float(self.value) * UNITS.get(self.unit or "", 1)


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table of ours: estimated rows, and what autovacuum knows; ``width``: bytes of a row, None if unknown."""

    name: str
    rows: int
    pages: int
    bytes: int
    live: int
    dead: int
    vacuumed: bool
    analyzed: bool
    autovacuum: bool
    scale_factor: float | None
    threshold: int | None
    fillfactor: int
    width: float | None


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """An index on a table of ours; ``ours``: made by us; ``dimensions``: of an index of vectors."""

    name: str
    on_table: str
    method: str
    valid: bool
    unique: bool
    ours: bool
    bytes: int
    entries: int
    scans: int
    building: bool
    dimensions: int


@dataclass(frozen=True, slots=True)
class ServerSessions:
    """Sessions in use, and how many are of how many listeners."""

    used: int
    listeners: int
    of_listeners: int


@dataclass(frozen=True, slots=True)
class LongTransaction:
    """A transaction that has been open for long."""

    pid: int
    role: str
    application: str
    state: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LeftPrepared:
    """A prepared transaction that nobody ended for long."""

    gid: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ReplicationSlot:
    """A replication slot, and the bytes of WAL that are kept for it."""

    name: str
    active: bool
    bytes: int


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """How many checkpoints came in time, and how many because much was written."""

    timed: int
    requested: int


@dataclass(frozen=True, slots=True)
class ServerState:
    """All of it."""

    capacity: ServerCapacity
    settings: Mapping[str, ServerSetting]
    checkpoints: Checkpoints
    tables: list[StoredTable]
    indexes: list[StoredIndex]
    sessions: ServerSessions
    transactions: list[LongTransaction]
    prepared: list[LeftPrepared]
    slots: list[ReplicationSlot]

    def rows(self, table: str) -> int:
        """Return how many rows a table has, as its statistics say."""
        return next((max(one.rows, one.live) for one in self.tables if one.name == table), 0)

    @property
    def chunks(self) -> int:
        """How many chunks are stored, replaced ones too."""
        return self.rows("ingest_chunk_store")

    @property
    def bytes(self) -> int:
        """What our tables and indexes take."""
        return sum(one.bytes for one in self.tables) + sum(one.bytes for one in self.indexes)


async def server_state(session: Session, long_seconds: float = LONG_SECONDS) -> ServerState:
    """Look at the server, and at our tables and indexes; ``long_seconds``: from when on a transaction is a long one."""
    capacity = ServerCapacity(**(await session.rows(statements.CAPACITY))[0])
    newer = capacity.number >= WITH_CHECKPOINTER
    checkpoints = await session.rows(statements.CHECKPOINTS if newer else statements.CHECKPOINTS_FORMER)
    return ServerState(
        capacity,
        {
            row["name"]: ServerSetting(row["setting"], row["unit"], row["context"] == "postmaster")
            for row in await session.rows(statements.SETTINGS)
        },
        Checkpoints(**checkpoints[0]),
        [StoredTable(**row) for row in await session.rows(statements.TABLES)],
        [StoredIndex(**row) for row in await session.rows(statements.INDEXES)],
        ServerSessions(**(await session.rows(statements.SESSIONS))[0]),
        [LongTransaction(**row) for row in await session.rows(statements.LONG_TRANSACTIONS, long_seconds)],
        [LeftPrepared(**row) for row in await session.rows(statements.PREPARED, long_seconds)],
        [ReplicationSlot(**row) for row in await session.rows(statements.SLOTS)],
    )
