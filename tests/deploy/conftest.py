import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bundle.store import Store
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

DEPLOY = Path(__file__).parents[2] / "deploy"

METRIC = re.compile(r"\b(?:figment|process)_[a-z_]+\b")


@pytest.fixture(scope="session")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What a service answers on /metrics after some traffic."""
    store = Store(tmp_path_factory.mktemp("watched") / "models")
    publish_fake(store, "tiny")
    with listening(store) as host, httpx.Client(base_url=f"http://{host}", trust_env=False, timeout=60) as client:
        for path in ("/generate?n=8&seed=1", "/generate?n=0", "/images/7.png", "/nothing"):
            client.get(path)
        for _ in range(200):  # what is learnt of a batch comes after its answer
            text = client.get("/metrics").text
            if "figment_image_diversity_count" in text:
                break
        yield text


@pytest.fixture(scope="session")
def exposed(exposition: str) -> dict[str, set[str]]:
    """Its samples: their names, with the names of their labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


GPU = {"figment_device_memory_bytes"}
"""Only there where there is a GPU."""


@pytest.fixture(scope="session")
def unknown(exposed: dict[str, set[str]]) -> Callable[[str], set[str]]:
    """The metrics of expressions that a service does not have."""
    return lambda text: set(METRIC.findall(text)) - exposed.keys() - GPU
