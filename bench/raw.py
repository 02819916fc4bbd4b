"""The raw model: TensorFlow's own loader, and a bare loop that is told by lines of JSON what to time.

`python -m bench.raw BUNDLE`. On a GPU it takes memory as it needs it, and its float32 is float32, as in the service:
the two run side by side.
"""

import json
import sys
import time
from collections.abc import Callable

import tensorflow as tf

from bundle.latents import latents_of
from service.pictures.grid import make_grid
from service.pictures.png import encode_png


def taken(function: Callable[[], object], seconds: float) -> float:
    """The seconds of a call, over so many seconds."""
    function()
    begin, runs = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < seconds:
        function()
        runs += 1
    return spent / runs


def main() -> int:
    """Load, say so, and time what is asked for until the input ends."""
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    module = tf.saved_model.load(sys.argv[1])
    generate = module.signatures["serving_default"]
    size = generate.structured_input_signature[1]["latents"].shape[1]
    print("{}", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        latents = latents_of(range(order["rows"]), size)

        def draw(latents: object = latents) -> object:
            return generate(latents=tf.constant(latents))["images"].numpy()

        images = draw()

        def encode(images: object = images) -> object:
            return encode_png(make_grid(images), {"figment:request": "/generate?n=16&seed=0"})

        print(json.dumps(taken(encode if order["encode"] else draw, order["seconds"])), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
