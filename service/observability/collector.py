"""What is so at the moment when the metrics are read: of the catalogue and of its device."""

from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from service.catalogue import Catalogue, Model
from service.store_watch import REASONS


class CatalogueCollector(Collector):
    """The catalogue's state. Labels are names of models in the store, so they are few."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        catalogue = self._catalogue
        yield _one(CounterMetricFamily("figment_versions_loaded", "Versions that were loaded."), catalogue.loaded)
        refused = CounterMetricFamily("figment_versions_refused", "Versions that were refused, by reason.",
                                      labels=["reason"])  # fmt: skip
        for reason in REASONS:
            refused.add_metric([reason], catalogue.refusals[reason])
        yield refused
        restarts = CounterMetricFamily(
            "figment_batch_loop_restarts", "Times that the batch loop died of an error of Figment's own."
        )
        yield _one(restarts, catalogue.device.restarts)
        yield _one(GaugeMetricFamily("figment_ready", "1 where /readyz says so."), not catalogue.state)
        yield _one(GaugeMetricFamily("figment_wedged", "1 where /livez says that the device hangs."),
                   bool(catalogue.wedged))  # fmt: skip
        yield _one(GaugeMetricFamily("figment_queue_limit_images", "Images of a model that may wait."),
                   catalogue.settings.queue)  # fmt: skip
        yield from self._by_model()
        yield from self._memory()

    def _by_model(self) -> Iterator[Metric]:
        catalogue = self._catalogue
        waiting = GaugeMetricFamily("figment_waiting_images", "Images that are in no batch yet.", labels=["model"])
        oldest = GaugeMetricFamily("figment_oldest_waiting_seconds", "Age of the oldest request with such images.",
                                   labels=["model"])  # fmt: skip
        slowdown = GaugeMetricFamily(
            "figment_slowdown_ratio", "Times as long as at warm-up that batches take, of late.", labels=["model"]
        )
        version = GaugeMetricFamily("figment_served_version", "The version that is served.", labels=["model"])
        for name, bundle in sorted(catalogue.shelf.items()):
            models = self._loaded(name)
            waiting.add_metric([name], sum(model.batcher.waiting_rows for model in models))
            oldest.add_metric([name], max((model.batcher.oldest for model in models), default=0.0))
            slowdown.add_metric([name], max((model.batcher.slowdown for model in models), default=1.0))
            version.add_metric([name], bundle.manifest.version)
        yield from (waiting, oldest, slowdown, version)

    def _loaded(self, name: str) -> list[Model]:
        """The loaded versions of a model."""
        catalogue = self._catalogue
        served = [catalogue.models[name]] if name in catalogue.models else []
        return served + [model for (other, _), model in catalogue.others.items() if other == name]

    def _memory(self) -> Iterable[Metric]:
        """The memory of the device where it is not the process's own."""
        model = next(iter(self._catalogue.models.values()), None)
        memory = model.batcher.engine.memory() if model else None
        if memory is None:
            return []
        family = GaugeMetricFamily("figment_device_memory_bytes", "Of a GPU: in use, and at most so far.",
                                   labels=["kind"])  # fmt: skip
        family.add_metric(["in-use"], memory.in_use)
        family.add_metric(["peak"], memory.peak)
        return [family]


def _one(family: CounterMetricFamily | GaugeMetricFamily, value: float) -> Metric:
    family.add_metric([], float(value))
    return family
