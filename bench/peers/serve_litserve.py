"""LitServe: `python bench/peers/serve_litserve.py PORT`.

One process answers HTTP, one draws and encodes; a third, multiprocessing's manager, holds the queues between them.
What its documentation says, and what is chosen here:

- Batching: `max_batch_size` and `batch_timeout` of the LitAPI; requests count, not images. `predict` gets the list of
  what `decode_request` returned. The time is 0.01 s, as in LitServe's tests; 0.05 s drew as many images under load
  and made a lone request wait longer. With 0, its default, the worker asks an empty queue without a pause.
- Request, response format: types of the request by FastAPI, and an answer of bytes as a `Response` that
  `encode_response` makes.
- LitServer: on a processor as many workers as cores. Two were no faster than one on two cores, where TensorFlow
  uses both for one batch, so it is one. `fast_queue` for hundreds of requests a second: release 0.2.19 ignores it
  (Lightning-AI/LitServe issue 751); it is asked for all the same.
- Routes answer POST only (issue 355): a middleware, as LitServer takes them, tells it that a GET is one.
"""

import signal
import sys
from typing import Annotated

import litserve
from fastapi import Query, Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.peers.common import MAX_BATCH, Model, Pixels, encoder

WORKERS = 1
BATCH_TIMEOUT = 0.01  # seconds


class Wanted(BaseModel):
    n: int = 1
    seed: int = 0


class Generate(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._model, self._encode = Model(), encoder()

    def decode_request(self, request: Annotated[Wanted, Query()]) -> range:
        return range(request.seed, request.seed + request.n)

    def predict(self, requests: list[range]) -> list[Pixels]:
        return self._model.draw_requests(requests)

    def encode_response(self, images: Pixels) -> Response:
        return Response(self._encode(images), media_type="image/png")


class GetAsPost:
    """A GET of the only path with an answer of its own is routed as a POST."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/generate":
            scope["method"] = "POST"
        await self._app(scope, receive, send)


def interrupt(*_: object) -> None:
    """Ctrl-C is what LitServe ends its processes at."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    server = litserve.LitServer(
        Generate(max_batch_size=MAX_BATCH, batch_timeout=BATCH_TIMEOUT, api_path="/generate"),
        accelerator="cpu",
        workers_per_device=WORKERS,
        fast_queue=True,
        middlewares=[GetAsPost],
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
