"""What a listener counts, and the page that Prometheus reads of it."""

from __future__ import annotations

import re

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from listener.engine.exposition import Exposition
from listener.engine.figure_rows import Figure
from listener.pipeline.capacity import Capacity
from listener.pipeline.memory import Memory
from listener.tracing.figures import Durations, Figures

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
STANDARD = ("process_", "ingest_up")
INSTALLATION = [
    Figure("ingest_requests_total", "counter", {"status": "failed"}, 3.0, "Ended."),
    Figure("ingest_requests_total", "counter", {"status": "succeeded"}, 5.0, "Ended."),
    Figure("ingest_places", "gauge", {}, 16.0, "Places."),
    Figure("ingest_service_away_seconds", "gauge", {"service": 'x "y" \\ \n at http://h/'}, 7.0, "Away."),
]


def page(figures: Figures, accept: str = "", installation: list[Figure] | None = None) -> str:
    content, media_type = Exposition(figures, Capacity(16, 4), Memory(64)).page(accept, installation)
    assert media_type.startswith("application/openmetrics-text" if accept else "text/plain")
    return content.decode()


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.fixture
def figures() -> Figures:
    made = Figures()
    made.ended("failed")
    made.stored(7, 5, 90)
    made.reached({"published": 2, "failed": 0, "open": 9, "superseded": 1})
    made.steps["load"].add(0.02)
    made.steps["load"].add(5000.0)
    made.calls.add(0.5)
    return made


def test_a_page_has_what_was_counted(figures: Figures) -> None:
    found = samples(page(figures, installation=INSTALLATION))
    assert found["ingest_up",] == 1
    assert found["ingest_listener_requests_total", "failed"] == 1
    assert found["ingest_listener_requests_total", "succeeded"] == 0
    assert found["ingest_listener_documents_total", "published"] == 2
    assert found["ingest_listener_tokens_total",] == 90
    assert found["ingest_listener_step_seconds_bucket", "0.01", "load"] == 0
    assert found["ingest_listener_step_seconds_bucket", "0.03", "load"] == 1
    assert found["ingest_listener_step_seconds_bucket", "3600.0", "load"] == 1
    assert found["ingest_listener_step_seconds_bucket", "+Inf", "load"] == 2
    assert found["ingest_listener_step_seconds_count", "load"] == 2
    assert found["ingest_listener_step_seconds_sum", "load"] == pytest.approx(5000.02)
    assert found["ingest_listener_call_seconds_count",] == 1
    assert found["ingest_requests_total", "failed"] == 3
    assert found["ingest_service_away_seconds", 'x "y" \\ \n at http://h/'] == 7
    assert found["process_resident_memory_bytes",] > 1_000_000


def test_without_the_installation_s_figures_the_page_has_this_listener_s(figures: Figures) -> None:
    found = samples(page(figures))
    assert found["ingest_up",] == 0
    assert {name[0] for name in found if not name[0].startswith(("ingest_listener_", *STANDARD))} == set()
    assert found["ingest_listener_requests_total", "failed"] == 1


def test_names_say_whether_a_figure_is_this_listener_s_and_follow_the_conventions(figures: Figures) -> None:
    families = list(text_string_to_metric_families(page(figures)))
    assert len(families) > 15
    for family in families:
        assert re.fullmatch(r"(ingest_listener_|process_)[a-z_]+|ingest_up", family.name)
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        labels = {label for one in family.samples for label in one.labels}
        assert labels <= {"status", "outcome", "step", "kind", "le", "version", "pipeline"}
        if family.type == "histogram":
            assert family.name.endswith("_seconds")


def test_the_page_is_valid_for_clients_that_want_openmetrics_too(figures: Figures) -> None:
    text = page(figures, OPENMETRICS, INSTALLATION)
    families = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    names = [family.name for family in families]
    assert {"ingest_requests", "ingest_listener_requests", "ingest_listener"} <= set(names)
    assert len(names) == len(set(names))


def test_what_takes_as_long_as_a_bound_is_within_it() -> None:
    took = Durations((1.0, 2.0))
    for seconds in (1.0, 1.5, 2.0, 2.5):
        took.add(seconds)
    assert took.within == [1, 2, 1]
    assert (took.number, took.seconds) == (4, 7.0)
