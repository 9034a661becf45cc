"""A little of what ``python -m benchmarks fuzz`` does for long: always the same cases, of each target some."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzzing.all_targets import TARGETS
from fuzzing.exploring import Extent, Tally, explore
from fuzzing.targets import Place, Target
from how_many import how_many
from pipeline import migrated

from listener import embedded

pytestmark = pytest.mark.examples
PLAIN = [target for target in TARGETS.values() if not target.database]
STORED = [target for target in TARGETS.values() if target.database]


@pytest.fixture(scope="module")
def fuzzed(server: embedded.Server) -> Iterator[str]:
    """The URL of a database for all targets: none minds what others leave in it."""
    name = asyncio.run(migrated(server))
    yield server.dsn(name)
    asyncio.run(server.drop_database(name))


@pytest.mark.parametrize("target", PLAIN, ids=lambda target: target.name)
def test_foreign_input_is_taken_or_refused_by_a_code(target: Target, tmp_path: Path) -> None:
    assert_fine(explore(target, Place(tmp_path), Extent(cases=how_many(target.few))))


@pytest.mark.parametrize("target", STORED, ids=lambda target: target.name)
def test_what_gets_to_the_database_is_taken_or_refused_by_a_code(target: Target, tmp_path: Path, fuzzed: str) -> None:
    assert_fine(explore(target, Place(tmp_path, fuzzed), Extent(cases=how_many(target.few))))


def assert_fine(tally: Tally) -> None:
    assert [f"{finding.what}: {finding.input}\n{finding.trace}" for finding in tally.findings] == []
    assert tally.cases > 0
