"""The figures of several processes as one page. Imported only where they are served, as ``exposition``.

Those of one process get the label ``process``, its number; 0 is the supervisor. Those of the installation are the same
in each page, and are taken from the first one that has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

OF_ONE = ("ingest_listener_", "process_", "ingest_up")
LABEL = "process"


class Joined(Collector):
    """Joins pages."""

    def __init__(self) -> None:
        self._pages: Mapping[int, str] = {}
        self._restarts: Mapping[int, int] = {}
        self._own = ProcessCollector(registry=None)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self, accept: str, pages: Mapping[int, str], restarts: Mapping[int, int]) -> tuple[bytes, str]:
        """Return a page and its media type, as a client accepts it. ``pages``: by process, empty without an answer."""
        self._pages, self._restarts = pages, restarts
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is, the processes say."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        families: dict[str, Metric] = {}
        up = GaugeMetricFamily("ingest_up", "Whether Postgres answered this process: 1 or 0.", labels=[LABEL])
        for number, page in self._pages.items():
            if not page:
                up.add_metric([str(number)], 0)
            _add(families, text_string_to_metric_families(page), number)
        _add(families, self._own.collect(), 0)
        answered = families.pop(up.name, up)
        if answered is not up:
            answered.samples += up.samples
        yield answered
        yield from families.values()
        yield self._restarted()

    def _restarted(self) -> Metric:
        said = "Times that this process ended by itself and was started again."
        family = CounterMetricFamily("ingest_listener_restarts", said, labels=[LABEL])
        for number, times in self._restarts.items():
            family.add_metric([str(number)], times)
        return family


def _add(families: dict[str, Metric], found: Iterable[Metric], number: int) -> None:
    """Add a page's families to those of the pages before it."""
    known = set(families)
    for family in found:
        if family.name.startswith(OF_ONE):
            told = [one._replace(labels={LABEL: str(number), **one.labels}) for one in family.samples]
            families.setdefault(family.name, family).samples = [
                *(families[family.name].samples if family.name in known else []),
                *told,
            ]
        elif family.name not in known:
            families[family.name] = family
