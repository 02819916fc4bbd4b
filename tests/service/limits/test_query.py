from typing import Any

import pytest

from service.limits.query import MAX_PARAMETERS
from tests.service.conftest import Service

Check = Any


@pytest.mark.parametrize("path", ["/generate", "/livez", "/nothing", "/v1/models"])
async def test_a_query_of_too_many_parameters_is_refused(service: Service, path: str) -> None:
    answer = await service.client.get(f"{path}?{'&' * MAX_PARAMETERS}")
    assert answer.status_code == (400 if path.startswith("/v1") else 422)
    assert f"{MAX_PARAMETERS + 1} parameters; at most {MAX_PARAMETERS} are read" in answer.text


async def test_as_many_as_may_be_are_each_looked_at(service: Service, problem: Check) -> None:
    names = "&".join(f"a{i}=1" for i in range(MAX_PARAMETERS))
    answer = await service.client.get(f"/generate?{names}")
    assert problem(answer, "invalid-parameter")["errors"][0]["parameter"] == "a0"
