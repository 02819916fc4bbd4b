"""`/metrics`: what Prometheus reads, from memory."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from service.catalogue import Catalogue

router = APIRouter(tags=["health"])


class CatalogueCollector(Collector):
    """The catalogue's state at the moment it is read. Labels are names of models in the store, so they are few."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        catalogue = self._catalogue
        yield _counter("figment_versions_loaded", "Versions of models that were loaded.", catalogue.loaded)
        yield _counter("figment_versions_refused", "Versions of models that were refused.", catalogue.refused)
        yield _counter(
            "figment_batch_loop_restarts",
            "How often the batch loop died of an error of Figment's own and was started again.",
            catalogue.device.restarts,
        )
        waiting = GaugeMetricFamily("figment_waiting_images", "Images that are in no batch yet.", labels=["model"])
        version = GaugeMetricFamily("figment_served_version", "The version that is served.", labels=["model"])
        for name, bundle in sorted(catalogue.shelf.items()):
            model = catalogue.models.get(name)
            waiting.add_metric([name], model.batcher.waiting_rows if model else 0)
            version.add_metric([name], bundle.manifest.version)
        yield from (waiting, version)


def _counter(name: str, about: str, value: float) -> Metric:
    metric = CounterMetricFamily(name, about)
    metric.add_metric([], value)
    return metric


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Answer in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(CatalogueCollector(request.app.state.catalogue))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
