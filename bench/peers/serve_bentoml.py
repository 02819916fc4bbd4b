"""BentoML: `python bench/peers/serve_bentoml.py PORT`.

Two services in processes of their own: one batches and draws, the other answers HTTP, calls it and encodes. What its
documentation says, and what is chosen here:

- Adaptive batching: `batchable=True` with `max_batch_size` and `max_latency_ms`, and a wrapper service for single
  requests. An array counts as many as its rows, so images count. The latency of the example is 1,000 ms; beyond it
  BentoML answers 503, which 16 requests for 16 images reached on a busy machine. 10,000 ms drew as many images.
- Mount ASGI applications: for GET, as BentoML's own routes answer POST. Starlette, which BentoML is made with, costs
  less a request than the FastAPI of the example.
- Synchronous and asynchronous APIs: `to_async`, and nothing that blocks in a coroutine.
- Parallelize requests: the number of workers. Two of either service were no faster on two cores.
- Configurations: `runner_connection`, in the default configuration that the page points to, closes the connections
  between the services every 100 requests, and those in flight with them: release 1.4.40 failed two of three of 64
  requests at a time. Here the connections stay. Metrics stay on, as they are by default; the access log is off.
- uvloop and httptools, which Uvicorn uses where they are installed, are in the lock, as the service has them too.
"""

import asyncio
import os
import sys
from pathlib import Path

import bentoml
import numpy as np
from bentoml.exceptions import BentoMLException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.common import MAX_BATCH, Model, encoder

MAX_LATENCY = 10_000  # milliseconds
NO_ACCESS_LOG = {"access": {"enabled": False}}
KEEP_CONNECTIONS = {"max_requests": 1 << 30, "max_age": 1e9}


@bentoml.service(name="generator", logging=NO_ACCESS_LOG, runner_connection=KEEP_CONNECTIONS)
class Generator:
    def __init__(self) -> None:
        self._model = Model()

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=MAX_BATCH, max_latency_ms=MAX_LATENCY)
    def draw(self, seeds: np.ndarray) -> np.ndarray:
        return self._model.draw(seeds.tolist())


encode = encoder()


async def generate(request: Request) -> Response:
    query = request.query_params
    n, seed = int(query.get("n", 1)), int(query.get("seed", 0))
    service = bentoml.get_current_service()
    images = await service.generator.to_async.draw(np.arange(seed, seed + n))
    return Response(await asyncio.to_thread(encode, images), media_type="image/png")


async def refuse(request: Request, error: BentoMLException) -> Response:
    """BentoML's own routes answer its errors so; a mounted application does it itself."""
    return Response(str(error), error.error_code)


app = Starlette(routes=[Route("/generate", generate)], exception_handlers={BentoMLException: refuse})


@bentoml.service(name="pictures", logging=NO_ACCESS_LOG)
@bentoml.asgi_app(app)
class Pictures:
    generator = bentoml.depends(Generator)


if __name__ == "__main__":
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.environ.setdefault("BENTOML_HOME", str(Path(sys.prefix) / "home"))  # else in the user's home
    command = ["bentoml", "serve", "bench.peers.serve_bentoml:Pictures", "--host", "127.0.0.1", "--port", sys.argv[1]]
    os.execv(sys.executable, [sys.executable, "-m", *command])
