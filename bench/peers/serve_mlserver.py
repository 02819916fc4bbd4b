"""MLServer: `python bench/peers/serve_mlserver.py PORT`."""

import asyncio
import os
import socket
import sys
import tempfile
from pathlib import Path

import fastapi
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.context import model_context
from mlserver.handlers.custom import custom_handler
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput
from mlserver.utils import install_uvloop_event_loop

from bench.peers.common import MAX_BATCH, Model, encoder


class Generator(MLModel):
    async def load(self) -> bool:
        self._model, self._encode = Model(), encoder()
        return True

    @custom_handler(rest_path="/generate", rest_method="GET")
    async def generate(self, n: int = 1, seed: int = 0) -> fastapi.Response:
        seeds = RequestInput(name="seeds", shape=[1, 2], datatype="INT64", data=[seed, n])
        with model_context(self.settings):
            answer = await self.predict(InferenceRequest(inputs=[seeds]))
        return fastapi.Response(answer.outputs[0].data[0], media_type="image/png")

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        numbers = payload.inputs[0].data.root
        pngs = await asyncio.to_thread(self._answers, [range(s, s + n) for s, n in zip(numbers[::2], numbers[1::2])])
        output = ResponseOutput(name="pictures", shape=[len(pngs), 1], datatype="BYTES", data=pngs)
        return InferenceResponse(model_name=self.name, outputs=[output])

    def _answers(self, requests: list[range]) -> list[bytes]:
        return [self._encode(images) for images in self._model.draw_requests(requests)]


async def serve(port):
    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=0,
        metrics_port=0,
        parallel_workers=int(os.environ.get("W", 0)),
        metrics_dir=tempfile.mkdtemp(),
        environments_dir=tempfile.mkdtemp(),
        debug=False,
    )
    models = [
        ModelSettings(
            name="generator",
            implementation="bench.peers.serve_mlserver.Generator",
            max_batch_size=MAX_BATCH,
            max_batch_time=float(os.environ.get("MBT", 0.01)),
        )
    ]
    server = MLServer(settings)
    if settings.parallel_workers:

        async def handler(n: int = 1, seed: int = 0) -> fastapi.Response:
            seeds = RequestInput(name="seeds", shape=[1, 2], datatype="INT64", data=[seed, n])
            answer = await server._data_plane.infer(InferenceRequest(inputs=[seeds]), "generator")
            return fastapi.Response(answer.outputs[0].data[0], media_type="image/png")

        server._rest_server._app.add_api_route("/generate", handler, methods=["GET"])
    await server.start(models)


if __name__ == "__main__":
    install_uvloop_event_loop()
    asyncio.run(serve(int(sys.argv[1])))
