"""BentoML: `python bench/peers/serve_bentoml.py PORT`."""

import os
import sys
from pathlib import Path

import bentoml
import numpy as np

from bench.peers.common import MAX_BATCH, Model, encoder

QUIET = {"access": {"enabled": False}}
RC = {"runner_connection": {"max_requests": 10**9, "max_age": 1e9}} if os.environ.get("RC", "1") == "1" else {}


@bentoml.service(
    name="Generator", workers=int(os.environ.get("W", 1)), threads=int(os.environ.get("T", 1)), logging=QUIET, **RC
)
class Generator:
    def __init__(self) -> None:
        self._model = Model()

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=int(os.environ.get("ML", 1000)))
    def draw(self, latents: np.ndarray) -> np.ndarray:
        return self._model.images(latents)


import asyncio
import bundle.latents
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

encode = encoder()


async def generate(request: Request) -> Response:
    service = bentoml.get_current_service()
    n, seed = int(request.query_params.get("n", 1)), int(request.query_params.get("seed", 0))
    latents = bundle.latents.latents_of(range(seed, seed + n), 173)
    images = await service.generator.to_async.draw(latents)
    return Response(await asyncio.to_thread(encode, images), media_type="image/png")


@bentoml.service(name="Pictures", workers=int(os.environ.get("PW", 1)), logging=QUIET)
@bentoml.asgi_app(Starlette(routes=[Route("/generate", generate)]))
class Pictures:
    generator = bentoml.depends(Generator)


if __name__ == "__main__":
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.environ.setdefault("BENTOML_HOME", str(Path(sys.prefix) / "home"))
    command = ["bentoml", "serve", "bench.peers.serve_bentoml:Pictures", "--host", "127.0.0.1", "--port", sys.argv[1]]
    os.execv(sys.executable, [sys.executable, "-m", *command])
