"""Plain FastAPI: `python bench/peers/serve_fastapi.py PORT`.

A `def` handler that calls the model: FastAPI runs it in its pool of threads, and nothing is batched. The documentation:

- Concurrency and async / await: `def` for what blocks.
- Run a Server Manually: Uvicorn with its standard extras, which bring uvloop and httptools.
- Lifespan Events: the model is loaded before the first request.
- Server Workers: processes for the cores of the machine. Two, which drew a little more than one on two cores.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Response

from bench.peers.common import Model, encoder

WORKERS = 2

loaded: dict[str, Any] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    loaded["model"], loaded["encode"] = Model(), encoder()
    yield
    loaded.clear()


app = FastAPI(lifespan=lifespan)


@app.get("/generate")
def generate(n: int = 1, seed: int = 0) -> Response:
    model, encode = loaded["model"], loaded["encode"]
    return Response(encode(model.draw(range(seed, seed + n))), media_type="image/png")


if __name__ == "__main__":
    uvicorn.run(
        "bench.peers.serve_fastapi:app",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        workers=WORKERS,
        log_level="warning",
        access_log=False,
    )
