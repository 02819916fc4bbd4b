"""MLServer: `python bench/peers/serve_mlserver.py PORT`.

One process answers HTTP and batches, a worker draws and encodes. What its documentation says, and what is chosen here:

- Custom Inference Runtimes: an MLModel with `load` and `predict`. Its request is a tensor with a row of a seed and
  an n, its answer a tensor of BYTES with a row of a PNG, so that requests count in a batch, not images.
- Adaptive Batching: `max_batch_size` and `max_batch_time`, which are off by default. The time is 0.01 s.
- Parallel Inference: one worker, as by default. None, where the work is done beside HTTP, and two drew about as many
  images on two cores. With uvloop 0.22 or later workers do not start (SeldonIO/MLServer issue 2286), hence the pin.
- A custom handler answers GET with a PNG; it is in the source and its tests, not in the guide. MLServer runs it in
  the worker, behind the batcher, so that nothing is batched. Here the server adds one that runs before it, within the
  model's context, without which the batcher's metrics raise an error.

Metrics stay on, as they are by default; the access log is off.
"""

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
