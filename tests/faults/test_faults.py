"""Each fault, by itself: nothing fails but what has to, and nothing is left behind. See docs/reliability.md."""

from collections.abc import Iterator

import pytest

from tests.deploy.balancer import installed
from tests.faults.catalogue import FAKE, REAL
from tests.faults.lab import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", REAL)
async def test_the_real_service_survives(lab: Lab, name: str) -> None:
    (await REAL[name](lab)).check()


@pytest.mark.parametrize("name", FAKE)
async def test_the_service_survives(lab: Lab, name: str) -> None:
    if name == "rolling_restart" and not installed():
        pytest.skip("HAProxy is not installed (Debian: haproxy)")
    (await FAKE[name](lab)).check()
