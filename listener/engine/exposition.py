"""Figures in the form that Prometheus reads. Imported only where they are served: the library takes 50 ms.

``ingest_listener_…`` and ``process_…`` are of this listener, to be summed up. All others are the installation's, the
same at each listener: to be taken once (``max``). ``ingest_up`` says whether the latter are included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from listener import __version__
from listener.engine.figure_rows import Figure
from listener.pipeline.capacity import Capacity
from listener.pipeline.identity import PIPELINE
from listener.pipeline.memory import Memory
from listener.tracing.figures import Durations, Figures

COUNTS = {
    "requests": ("status", "Requests that this listener ended, by how."),
    "documents": ("outcome", "Documents that steps on this listener finished, by outcome."),
    "chunks": ("", "Chunks stored here, with new vectors or known ones."),
    "texts": ("", "Texts sent to embedders."),
    "tokens": ("", "Tokens of these texts, as the embedders counted them."),
    "retries": ("", "Further attempts of batches on which an embedding service failed although it answers."),
    "waits": ("", "Times that work here was parked because a service was away."),
}


class Exposition(Collector):
    """Writes pages of figures."""

    def __init__(self, figures: Figures, capacity: Capacity, memory: Memory) -> None:
        self._figures = figures
        self._capacity = capacity
        self._memory = memory
        self._installation: Sequence[Figure] | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def page(self, accept: str, installation: Sequence[Figure] | None) -> tuple[bytes, str]:
        """Return a page and its media type, as a client accepts it. ``installation``: None if Postgres is away."""
        self._installation = installation
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is, Postgres says."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        answered = self._installation is not None
        yield GaugeMetricFamily("ingest_up", "Whether Postgres answered this listener: 1 or 0.", value=float(answered))
        version = {"version": __version__, "pipeline": PIPELINE}
        yield InfoMetricFamily("ingest_listener", "This listener's version, and that of its steps.", value=version)
        yield from self._counts()
        yield from self._durations()
        yield from self._gauges()
        yield from _families(self._installation or [])

    def _counts(self) -> Iterator[Metric]:
        for name, (label, said) in COUNTS.items():
            family = CounterMetricFamily(f"ingest_listener_{name}", said, labels=[label] if label else [])
            for (counted, value), number in self._figures.counts.items():
                if counted == name:
                    family.add_metric([value] if label else [], number)
            yield family

    def _durations(self) -> Iterator[Metric]:
        steps = HistogramMetricFamily("ingest_listener_step_seconds", "Duration of steps here.", labels=["step"])
        for step, took in self._figures.steps.items():
            _add(steps, [step], took)
        yield steps
        calls = HistogramMetricFamily("ingest_listener_call_seconds", "Duration of embedders' calls here.", labels=[])
        _add(calls, [], self._figures.calls)
        yield calls
        said = "Delay of the event loop, sampled twice a second."
        lags = HistogramMetricFamily("ingest_listener_loop_lag_seconds", said, labels=[])
        _add(lags, [], self._figures.lags)
        yield lags

    def _gauges(self) -> Iterator[Metric]:
        kinds = {"requests": self._capacity.requests, "batches": self._capacity.batches}
        places = GaugeMetricFamily("ingest_listener_places", "Places for requests and batches.", labels=["kind"])
        taken = GaugeMetricFamily("ingest_listener_places_taken", "How many of them are taken.", labels=["kind"])
        for kind, one in kinds.items():
            places.add_metric([kind], one.grown)
            taken.add_metric([kind], one.taken)
        yield places
        yield taken
        said = "Memory for documents in flight, of INGEST_MEMORY_MB."
        yield GaugeMetricFamily("ingest_listener_reserved_bytes", said, value=self._memory.reserved)


def _families(figures: Sequence[Figure]) -> Iterator[Metric]:
    for name, group in groupby(figures, lambda one: one.name):
        some = list(group)
        labels = [*some[0].labels]
        kind = CounterMetricFamily if some[0].kind == "counter" else GaugeMetricFamily
        family = kind(name.removesuffix("_total"), some[0].help, labels=labels)
        for one in some:
            family.add_metric([one.labels[label] for label in labels], one.value)
        yield family


def _add(family: HistogramMetricFamily, labels: Sequence[str], took: Durations) -> None:
    buckets: list[tuple[str, float]] = []
    below = 0
    for bound, number in zip([*map(str, took.bounds), "+Inf"], took.within, strict=True):
        below += number
        buckets.append((bound, below))
    family.add_metric(labels, buckets, sum_value=took.seconds)
