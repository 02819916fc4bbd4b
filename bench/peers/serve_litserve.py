"""LitServe: `python bench/peers/serve_litserve.py PORT`."""

import os
import signal
import sys
from typing import Annotated

import litserve
from fastapi import Query, Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.peers.common import MAX_BATCH, Model, Pixels, encoder

WORKERS = int(os.environ.get("W", 1))
BATCH_TIMEOUT = float(os.environ.get("BT", 0.01))
API_SERVERS = int(os.environ.get("AS", 0)) or None


class Query_(BaseModel):
    n: int = 1
    seed: int = 0


class Generate(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._model, self._encode = Model(), encoder()

    def decode_request(self, request: Annotated[Query_, Query()]) -> tuple[int, int]:
        return request.seed, request.n

    def predict(self, requests: list[tuple[int, int]]) -> list[Pixels]:
        return self._model.images_of(requests)

    def encode_response(self, images: Pixels) -> Response:
        return Response(self._encode(images), media_type="image/png")


class GetAsPost:
    """LitServe's routes answer POST only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/generate":
            scope["method"] = "POST"
        await self._app(scope, receive, send)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    api = Generate(max_batch_size=MAX_BATCH, batch_timeout=BATCH_TIMEOUT, api_path="/generate")
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=WORKERS, middlewares=[GetAsPost], fast_queue=True
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        generate_client_file=False,
        num_api_servers=API_SERVERS,
    )
