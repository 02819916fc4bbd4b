"""MLServer: `python bench/peers/serve_mlserver.py PORT`."""

import asyncio
import sys
import tempfile

from fastapi import Response
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.context import model_context
from mlserver.handlers.custom import CustomHandler, register_custom_handler
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput
from mlserver.utils import install_uvloop_event_loop

from bench.peers.common import MAX_BATCH, Model, encoder, free_port

WORKERS = 1
BATCH_TIME = 0.01  # seconds


class Generator(MLModel):
    """The runtime, in a worker: a request is a row of a seed and an n, and its answer a row with a PNG."""

    async def load(self) -> bool:
        self._model, self._encode = Model(), encoder()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        numbers = iter(payload.inputs[0].data.root)
        requests = [range(seed, seed + n) for seed, n in zip(numbers, numbers, strict=True)]
        pngs = await asyncio.to_thread(self._answers, requests)
        pictures = ResponseOutput(name="pictures", shape=[len(pngs), 1], datatype="BYTES", data=pngs)
        return InferenceResponse(model_name=self.name, outputs=[pictures])

    def _answers(self, requests: list[range]) -> list[bytes]:
        return [self._encode(images) for images in self._model.draw_requests(requests)]


class Server(MLServer):
    """MLServer with a custom handler in its own process, where it batches."""

    async def add_custom_handlers(self, model: MLModel) -> MLModel:
        async def generate(n: int = 1, seed: int = 0) -> Response:
            wanted = RequestInput(name="wanted", shape=[1, 2], datatype="INT64", data=[seed, n])
            with model_context(model.settings):  # the batcher counts by it
                answer = await model.predict(InferenceRequest(inputs=[wanted]))
            return Response(answer.outputs[0].data[0], media_type="image/png")

        register_custom_handler(CustomHandler(rest_path="/generate", rest_method="GET"), generate)
        model.generate = generate
        return await super().add_custom_handlers(model)


async def serve(port: int, folder: str) -> None:
    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=free_port(),
        metrics_port=free_port(),
        metrics_dir=folder,
        environments_dir=folder,
        parallel_workers=WORKERS,
        debug=False,  # and with it the access log is off
    )
    model = ModelSettings(
        name="generator",
        implementation="bench.peers.serve_mlserver.Generator",
        max_batch_size=MAX_BATCH,
        max_batch_time=BATCH_TIME,
    )
    await Server(settings).start([model])


if __name__ == "__main__":
    install_uvloop_event_loop()
    with tempfile.TemporaryDirectory(prefix="mlserver-") as folder:
        asyncio.run(serve(int(sys.argv[1]), folder))
