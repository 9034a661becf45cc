"""A real listener's /metrics, as Prometheus scrapes it: while it works, beside another, while Postgres is away."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from listener_process import ListenerProcess
from pipeline import ended, until
from prometheus_client.parser import text_string_to_metric_families
from staging import Connection, add
from tcp_proxy import TcpProxy

from listener import embedded

Found = dict[tuple[str, ...], float]
Start = Callable[..., tuple[ListenerProcess, int]]

CHECKOUT = Path(__file__).parents[2]
DASHBOARD = CHECKOUT / "deploy" / "grafana" / "ingest.json"
ALERTS = CHECKOUT / "deploy" / "prometheus" / "alerts.yml"
METRIC = re.compile(r"\b(?:ingest|process)_[a-z_]+\b")
OF_A_KIND = re.compile(r"_(?:bucket|sum|count)$")
CONNECTIONS = (
    "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()"
    " and backend_type = 'client backend'"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def text_of(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return str(answer.read().decode())


async def scrape(port: int) -> Found:
    """Return the samples of a page by their names and the values of their labels."""
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(await asyncio.to_thread(text_of, port))
        for one in family.samples
    }


async def reached(port: int, key: tuple[str, ...], value: float) -> Found:
    """Scrape until a figure is at least so much."""

    async def look() -> Found | None:
        found = await scrape(port)
        return found if found.get(key, 0) >= value else None

    found: Found = await until(look)
    return found


@pytest.fixture
def start(ready: str, tmp_path: Path) -> Iterator[Start]:
    """Starts listeners that serve their figures; returns each with its port."""
    started: list[ListenerProcess] = []

    def begin(dsn: str = ready, **settings: Any) -> tuple[ListenerProcess, int]:
        port = free_port()
        given = {"heartbeat_seconds": 0.2, "metrics_port": port} | settings
        started.append(ListenerProcess(dsn, tmp_path / f"listener{len(started)}", **given))
        return started[-1].ready(), port

    yield begin
    for one in started:
        assert one.stop() == 0
        assert " ERROR " not in one.log()


async def test_what_a_listener_does_is_on_its_page_and_in_the_view(
    own: Connection, start: Start, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for n in range(5):
        (root / f"{n}.md").write_text(f"# House {n}\n\nThe vents of house {n} open.\n")
    (root / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    it, port = start(file_roots=root)
    before = await scrape(port)
    assert before["ingest_up",] == 1
    assert before["ingest_requests_total", "succeeded"] == 0
    await ended(own, await add(own, source=str(root)), await add(own, content="A valve closes.", uri="v"))
    await reached(port, ("ingest_requests_total", "succeeded"), 1)
    found = await reached(port, ("ingest_requests_total", "partially_succeeded"), 1)
    for prefix in ("ingest_listener_", "ingest_"):
        assert found[f"{prefix}requests_total", "succeeded"] == 1
        assert found[f"{prefix}requests_total", "partially_succeeded"] == 1
        assert found[f"{prefix}documents_total", "published"] == 6
        assert found[f"{prefix}documents_total", "failed"] == 1
        assert found[f"{prefix}chunks_total",] == found[f"{prefix}texts_total",] == 6
        assert found[f"{prefix}tokens_total",] == await own.fetchval("select sum(tokens)::int from ingest_usage")
    for step, times in {"discover": 1, "load": 2, "chunk": 2, "embed": 2, "save": 2, "mirror": 0}.items():
        assert found["ingest_listener_step_seconds_count", step] == found["ingest_steps_total", step] == times
        assert (found["ingest_step_seconds_total", step] > 0) == (times > 0)
    assert found["ingest_listener_call_seconds_count",] >= 2
    assert found["ingest_listeners", "alive"] == 1
    assert found["ingest_places",] == found["ingest_listener_places", "requests"] == 16
    assert found["ingest_collections",] == 1
    assert found["process_resident_memory_bytes",] > 10_000_000
    await reached(port, ("ingest_listener_loop_lag_seconds_count",), 2)
    assert await own.fetchval(CONNECTIONS, f"ingest {it.executor_id}") <= 10


@pytest.mark.long
async def test_installation_s_figures_outlive_listeners_and_are_the_same_at_each(own: Connection, start: Start) -> None:
    first, _port = start()
    await ended(own, await add(own, content="A valve closes.", uri="v"))
    assert first.stop() == 0  # what it counted since its last heartbeat, too
    assert await own.fetchval("select value from ingest_counts where (name, label) = ('requests', 'succeeded')") == 1
    pages = [await scrape(port) for _, port in (start(), start())]
    for page in pages:
        assert page["ingest_requests_total", "succeeded"] == 1
        assert page["ingest_listener_requests_total", "succeeded"] == 0
        assert page["ingest_places",] == 32 or page["ingest_listeners", "alive"] == 1


@pytest.mark.long
async def test_without_postgres_a_listener_answers_with_its_own_figures(
    own: Connection, start: Start, server: embedded.Server
) -> None:
    with TcpProxy(server.home.cluster / ".s.PGSQL.5432") as proxy:
        name = await own.fetchval("select current_database()")
        it, port = start(proxy.dsn(name), safety_poll_seconds=600)
        await ended(own, await add(own, content="A valve closes.", uri="v"))
        await reached(port, ("ingest_requests_total", "succeeded"), 1)
        proxy.refuse()
        proxy.cut()
        found = await until(lambda: away(port))
        assert found["ingest_listener_requests_total", "succeeded"] == 1
        assert ("ingest_listeners", "alive") not in found
        proxy.accept()
        await reached(port, ("ingest_up",), 1)
        assert it.log().count("lacks the installation's figures") >= 1
        await ended(own, await add(own, content="Another valve closes.", uri="w"))
        assert it.stop() == 0


async def away(port: int) -> Found | None:
    found = await scrape(port)
    return found if found["ingest_up",] == 0 else None


@pytest.mark.long
async def test_two_scrapes_at_once_both_have_a_whole_page(own: Connection, start: Start) -> None:
    _, port = start()
    pages = await asyncio.gather(*(scrape(port) for _ in range(8)))
    assert [page["ingest_up",] for page in pages] == [1] * 8
    assert len({len(page) for page in pages}) == 1


def test_nothing_is_served_unless_a_port_is_set(start: Start) -> None:
    it, _ = start(metrics_port="")
    sockets = subprocess.run(["ls", "-l", f"/proc/{it.process.pid}/fd"], capture_output=True, text=True, check=True)
    inodes = set(re.findall(r"socket:\[(\d+)\]", sockets.stdout))
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {one[9] for one in listening if one[3] == "0A"} & inodes == set()


async def test_a_port_that_is_taken_ends_the_start_with_what_to_do(ready: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        it = ListenerProcess(ready, tmp_path / "listener", metrics_port=port)
        assert it.ended() == 5
        assert "metrics_not_served" in it.log()
        assert f"127.0.0.1, port {port}" in it.log()
        assert "INGEST_METRICS_HOST" in it.log()


# what names metrics, and what there is


@pytest.fixture
async def names(start: Start, own: Connection) -> set[str]:
    """The names of all metrics; of a histogram without its suffix."""
    found = await scrape(start()[1])
    described = {row["name"] for row in await own.fetch("select name from ingest_metric_kinds()")}
    return {OF_A_KIND.sub("", key[0]) for key in found} | described


def expressions(value: Any) -> Iterator[str]:
    """Yield all queries in a dashboard."""
    if isinstance(value, dict):
        if isinstance(value.get("expr"), str):
            yield value["expr"]
        for one in value.values():
            yield from expressions(one)
    elif isinstance(value, list):
        for one in value:
            yield from expressions(one)


def named(*queries: str) -> set[str]:
    return {OF_A_KIND.sub("", name) for query in queries for name in METRIC.findall(query)}


async def test_dashboard_alerts_and_page_name_metrics_that_there_are(names: set[str]) -> None:
    queries = [*expressions(json.loads(DASHBOARD.read_text(encoding="utf-8")))]
    assert len(queries) > 10
    assert named(*queries) <= names
    rules = re.findall(r"^ +expr: (?:>-?\n)?((?:.+\n)(?: {12}.+\n)*)", ALERTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rules) >= 6
    assert named(*rules) <= names
    table = re.findall(r"^\| `(\w+)", (CHECKOUT / "docs" / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(table) == len(set(table))
    assert {OF_A_KIND.sub("", name) for name in table} | {"process_"} >= {
        "process_" if name.startswith("process_") else name for name in names
    }
    assert set(table) <= names | {"ingest_listener_restarts_total"}  # the supervisor's: test_joined_figures


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert dashboard["uid"]
    assert next(one["type"] for one in dashboard["templating"]["list"]) == "datasource"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert dashboard["id"] is None
    for panel in dashboard["panels"]:
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}", panel["title"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (Debian's package prometheus)")
@pytest.mark.parametrize(("verb", "file"), [("check", ALERTS), ("test", ALERTS.with_name("alerts_test.yml"))])
def test_the_alert_rules_are_valid_and_fire_when_they_should(verb: str, file: Path) -> None:
    done = subprocess.run(["promtool", verb, "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
