"""Which process of a listener this is: one listener may be several processes, each an executor of DBOS."""

from __future__ import annotations

from dataclasses import dataclass

OWN_CONNECTIONS = 2  # one for the doorbell, which claims too, one for the heartbeat


@dataclass(frozen=True, slots=True)
class Pools:
    """Most connections of a process for its steps and loops, for DBOS, and for answers to queries."""

    steps: int
    dbos: int
    answers: int

    @property
    def all(self) -> int:
        """Most connections of the process; one more while it builds an index."""
        return self.steps + self.dbos + self.answers + OWN_CONNECTIONS


@dataclass(frozen=True, slots=True)
class OneOf:
    """Process ``number`` of ``processes``, counted from 1."""

    number: int = 1
    processes: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it does what one process does for all."""
        return self.number == 1

    @property
    def is_alone(self) -> bool:
        """Whether there are no others: then it serves its figures itself."""
        return self.processes == 1

    @property
    def pools(self) -> Pools:
        """Return its share: what one process waits for Postgres with, several need not have each."""
        size = Pools(3, 4, 1) if self.is_alone else Pools(2, 2, 1)
        return size if self.is_first else Pools(size.steps, size.dbos, 0)


def most_connections(processes: int) -> int:
    """Return how many connections a listener of so many processes has at most."""
    return sum(OneOf(number, processes).pools.all for number in range(1, processes + 1))
