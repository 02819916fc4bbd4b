"""A service with keys on, asked by the clients that people have: ours, OpenAI's, Triton's and curl's way."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import tritonclient.http
from figment_client import Figment, Forbidden, RateLimited, Unauthorized

from bundle.store import Store
from tests.service.access.test_gate import key_lines
from tests.service.conftest import publish_fake
from tests.service.live_server import listening


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Keys `painter` and `watcher`, whose tokens are their names; `painter` may have 20 images an hour."""
    folder: Path = tmp_path_factory.mktemp("locked")
    store, keys = Store(folder / "models"), folder / "keys.toml"
    publish_fake(store, "tiny")
    keys.write_text(key_lines("painter", "generate", rate="20/hour") + key_lines("watcher", "admin"))
    keys.chmod(0o600)
    with listening(store, keys=str(keys)) as address:
        yield address


def test_our_client(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://{address}"
    with Figment(url, key="painter") as figment:
        assert figment.generate(n=2, seed=7).seeds == (7, 8)
        with pytest.raises(Forbidden, match="project is needed"), figment.project(b"not read") as search:
            search.result()
    with Figment(url) as figment, pytest.raises(Unauthorized, match="a key is needed"):
        figment.models()
    monkeypatch.setenv("FIGMENT_KEY", "watcher")
    with Figment(url) as figment, pytest.raises(Forbidden, match="generate is needed"):
        figment.models()


def test_openais_client(address: str) -> None:
    def client(key: str) -> openai.OpenAI:
        http = httpx.Client(trust_env=False)
        return openai.OpenAI(api_key=key, base_url=f"http://{address}/v1", max_retries=0, http_client=http)

    with client("painter") as known:
        assert known.images.generate(model="tiny", prompt="a face", response_format="b64_json").data
    with client("nobody") as unknown, pytest.raises(openai.AuthenticationError):
        unknown.models.list()


def test_tritons_client(address: str) -> None:
    client = tritonclient.http.InferenceServerClient(address)
    seeds = tritonclient.http.InferInput("seeds", [2, 1], "INT64")
    seeds.set_data_from_numpy(np.array([[7], [8]]))
    answer = client.infer("tiny", [seeds], headers={"X-Api-Key": "painter"})
    assert answer.as_numpy("images").shape == (2, 4, 4, 3)
    with pytest.raises(tritonclient.http.InferenceServerException, match="a key is needed"):
        client.infer("tiny", [seeds])
    client.close()


def test_prometheus_asks_with_a_key_of_its_own(address: str) -> None:
    statuses = [
        httpx.get(f"http://{address}/metrics", headers={"Authorization": f"Bearer {key}"}, trust_env=False).status_code
        for key in ("watcher", "painter", "nobody")
    ]
    assert statuses == [200, 403, 401]


def test_who_has_had_its_images_is_told_by_our_client(address: str) -> None:
    with Figment(f"http://{address}", key="painter", max_retries=0) as figment, pytest.raises(RateLimited) as refused:
        [figment.image(seed) for seed in range(21)]
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= 3600
