"""How many processes ``auto`` means: by cores, and by what a container or a unit may have of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from listener.cli.processes.cores import MOST, automatic, processes_for
from listener.errors import OperatorError
from listener.settings import Settings, load

CORES = min(len(os.sched_getaffinity(0)), MOST)


@pytest.mark.parametrize(
    ("quotas", "processes"),
    [
        ({"": "max 100000"}, CORES),
        ({}, CORES),
        ({"": "100000 100000"}, 1),
        ({"": "50000 100000"}, 1),
        ({"": "max 100000", "system.slice": "max 100000", "system.slice/ingest.service": "150000 100000"}, 1),
        ({"": "max 100000", "system.slice": "100000 100000", "system.slice/ingest.service": "max 100000"}, 1),
        ({"": "nonsense"}, CORES),
    ],
)
def test_auto_is_no_more_than_cores_and_what_every_cgroup_above_may_have(
    tmp_path: Path, quotas: dict[str, str], processes: int
) -> None:
    for folder, quota in quotas.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "cpu.max").write_text(quota + "\n")
    (own := tmp_path / "own").write_text("0::/system.slice/ingest.service\n")
    assert automatic(tmp_path, own) == processes


def test_the_first_version_of_cgroups_counts_too(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    for name, value in (("quota", "100000"), ("period", "100000")):
        (tmp_path / "cpu" / f"cpu.cfs_{name}_us").write_text(value)
    assert automatic(tmp_path, tmp_path / "none") == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1")
    assert automatic(tmp_path, tmp_path / "none") == CORES


def test_the_embedded_postgres_has_one_process_beside_it_unless_more_are_asked_for() -> None:
    assert processes_for(Settings(processes="auto")) == 1
    assert processes_for(Settings(processes=3)) == 3
    assert processes_for(Settings(processes="auto", database_url="postgresql://app")) == automatic()


@pytest.mark.parametrize("value", ["0", "-1", "65", "1.5", "two", "²", "9" * 5000])
def test_a_number_that_is_none_is_a_wrong_setting(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_PROCESSES", value)
    with pytest.raises(OperatorError, match="it should be a number from 1 to 64, or auto") as error:
        load()
    assert error.value.code == "wrong_setting"


def test_an_empty_variable_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_PROCESSES", "")
    assert load().processes == 1
