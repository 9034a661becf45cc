"""Pages of several processes as one: whose each figure is, and the installation's once."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from listener.engine.exposition import Exposition
from listener.engine.figure_rows import Figure
from listener.engine.joined import Joined
from listener.pipeline.capacity import Capacity
from listener.pipeline.memory import Memory
from listener.tracing.figures import Figures

INSTALLATION = [
    Figure("ingest_requests_total", "counter", {"status": "failed"}, 3.0, "Ended."),
    Figure("ingest_places", "gauge", {}, 16.0, "Places."),
]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def page(requests: int, installation: list[Figure] | None) -> str:
    figures = Figures()
    figures.count("requests", "succeeded", requests)
    content, _ = Exposition(figures, Capacity(16, 4), Memory(64)).page("", installation)
    return content.decode()


def samples(content: bytes) -> dict[tuple[str, ...], float]:
    found = [
        ((one.name, *(value for _, value in sorted(one.labels.items()))), one.value)
        for family in text_string_to_metric_families(content.decode())
        for one in family.samples
    ]
    assert len(found) == len(dict(found)), "a figure is there twice"
    return dict(found)


def test_each_process_has_its_own_figures_and_the_installation_s_are_there_once() -> None:
    pages = {1: page(2, None), 2: page(3, INSTALLATION), 3: page(4, INSTALLATION)}
    content, media_type = Joined().page("", pages, {1: 0, 2: 1, 3: 0})
    found = samples(content)
    assert media_type.startswith("text/plain")
    assert [found["ingest_listener_requests_total", n, "succeeded"] for n in "123"] == [2, 3, 4]
    assert [found["ingest_up", n] for n in "123"] == [0, 1, 1]
    assert found["ingest_requests_total", "failed"] == 3
    assert found["ingest_places",] == 16
    assert [found["ingest_listener_restarts_total", n] for n in "123"] == [0, 1, 0]
    assert {n for n in "0123" if ("process_resident_memory_bytes", n) in found} == set("0123")
    assert all(content.count(b"# TYPE " + name + b" ") == 1 for name in (b"ingest_up", b"process_open_fds"))


def test_a_process_that_does_not_answer_is_not_up_and_has_no_figures() -> None:
    found = samples(Joined().page("", {1: page(2, INSTALLATION), 2: ""}, {1: 0, 2: 7})[0])
    assert [found["ingest_up", n] for n in "12"] == [1, 0]
    assert ("ingest_listener_requests_total", "2", "succeeded") not in found
    assert found["ingest_listener_restarts_total", "2"] == 7


def test_while_none_answers_there_is_still_a_page() -> None:
    found = samples(Joined().page("", {1: "", 2: ""}, {1: 0, 2: 0})[0])
    assert [found["ingest_up", n] for n in "12"] == [0, 0]


def test_a_client_gets_openmetrics_if_it_asks_for_it() -> None:
    content, media_type = Joined().page(OPENMETRICS, {1: page(2, INSTALLATION)}, {1: 0})
    assert media_type.startswith("application/openmetrics-text")
    assert content.endswith(b"# EOF\n")
    assert b'ingest_listener_step_seconds_bucket{process="1"' in content or b"ingest_listener_call_seconds" in content
