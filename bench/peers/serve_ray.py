"""Ray Serve: `python bench/peers/serve_ray.py PORT`."""

import asyncio
import os
import signal
import sys
import threading

os.environ.update(RAY_USAGE_STATS_ENABLED="0")
if os.environ.get("TO", "1") == "1":
    os.environ["RAY_SERVE_THROUGHPUT_OPTIMIZED"] = "1"
if os.environ.get("HA") == "1":
    os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = "1"

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from bench.peers.common import MAX_BATCH, Model, encoder

MCB = int(os.environ.get("MCB", 1))


@serve.deployment(
    num_replicas=int(os.environ.get("W", 1)),
    max_ongoing_requests=int(os.environ.get("MOR", 256)),
    ray_actor_options={"num_cpus": 2 / int(os.environ.get("W", 1))},
)
class Generator:
    def __init__(self) -> None:
        self._model, self._encode = Model(), encoder()

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=0.01, max_concurrent_batches=MCB)
    async def _draw(self, requests: list[range]) -> list[bytes]:
        return await asyncio.to_thread(self._answers, requests)

    def _answers(self, requests):
        return [self._encode(images) for images in self._model.draw_requests(requests)]

    async def __call__(self, request: Request) -> Response:
        n, seed = (int(request.query_params.get(name, default)) for name, default in (("n", 1), ("seed", 0)))
        return Response(await self._draw(range(seed, seed + n)), media_type="image/png")


if __name__ == "__main__":
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        _node_ip_address="127.0.0.1",
        log_to_driver=True,
        logging_level="warning",
    )
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(sys.argv[1])},
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )
    serve.run(
        Generator.bind(), route_prefix="/generate", logging_config={"log_level": "WARNING", "enable_access_log": False}
    )
    ended.wait()
    serve.shutdown()
    ray.shutdown()
