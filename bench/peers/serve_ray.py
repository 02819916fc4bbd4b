"""Ray Serve: `python bench/peers/serve_ray.py PORT`.

One replica batches, draws and encodes; before it stands HAProxy. What its documentation says, and what is chosen here:

- Dynamic Request Batching: `@serve.batch`; requests count, not images.
- Asyncio and concurrency best practices: the work of a batch in a thread, and two batches in flight, which
  `max_concurrent_batches` allows then; with one, under load a quarter less.
- Performance Tuning: `max_ongoing_requests` above the batches in flight, `RAY_SERVE_THROUGHPUT_OPTIMIZED`, and the
  cores of the machine for the replica, by which Ray sets OMP_NUM_THREADS. Two replicas were no faster on two cores.
- Enable High Throughput: `RAY_SERVE_ENABLE_HA_PROXY`, with the HAProxy that ray[serve] brings. It forwards to the
  replica; with the proxy in Python that stands there by default a request cost four times as much processor time.
- HTTP: `__call__` with Starlette's request, without FastAPI.

Usage statistics, dashboard and access log are off.
"""

import asyncio
import os
import secrets
import signal
import sys
import tempfile
import threading

from starlette.requests import Request
from starlette.responses import Response

from bench.peers.common import MAX_BATCH, Model, encoder, free_port

if __name__ == "__main__":  # read while Ray is imported, here and in the processes it starts
    os.environ |= {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),  # else always the same
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",  # else it takes half a minute to end
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",  # as it is by default, when Ray leaves a token in the user's home
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }

import ray
from ray import serve

CORES = os.cpu_count() or 1
BATCHES = 2  # in flight
LOGGING = {"log_level": "WARNING", "enable_access_log": False}


@serve.deployment(max_ongoing_requests=4 * BATCHES * MAX_BATCH, ray_actor_options={"num_cpus": CORES})
class Generator:
    def __init__(self) -> None:
        self._model, self._encode = Model(), encoder()

    async def __call__(self, request: Request) -> Response:
        query = request.query_params
        n, seed = int(query.get("n", 1)), int(query.get("seed", 0))
        return Response(await self._answer(range(seed, seed + n)), media_type="image/png")

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=0.01, max_concurrent_batches=BATCHES)
    async def _answer(self, requests: list[range]) -> list[bytes]:
        return await asyncio.to_thread(self._answers, requests)

    def _answers(self, requests: list[range]) -> list[bytes]:
        return [self._encode(images) for images in self._model.draw_requests(requests)]


def main(port: int) -> None:
    end = threading.Event()
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        ray.init(
            num_cpus=CORES,
            object_store_memory=100 * 2**20,
            include_dashboard=False,
            logging_level="warning",
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
        signal.signal(signal.SIGTERM, lambda *_: end.set())  # after Ray, which sets its own
        serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=LOGGING)
        serve.run(Generator.bind(), route_prefix="/generate", logging_config=LOGGING)
        end.wait()
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
