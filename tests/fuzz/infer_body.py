"""`service.api.infer_body`: reads any body of the Open Inference Protocol, or says which parameter is wrong.

The first two bytes of an input say how much of the rest is JSON; tensors follow.
"""

import json
import math

from tests.fuzz.guided import Try, fuzz

LATENTS = {"name": "latents", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1.5]}
BINARY = {"name": "latents", "shape": [1, 2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}
SEEDS = {"name": "seeds", "shape": [2], "datatype": "INT64", "data": [7, 8]}


def sample(body: object, binary: bytes = b"") -> bytes:
    """An input."""
    text = json.dumps(body).encode()
    return len(text).to_bytes(2, "big") + text + binary


SAMPLES = (
    sample({"inputs": [LATENTS]}),
    sample({"inputs": [SEEDS], "outputs": [{"name": "images", "parameters": {"binary_data": True}}]}),
    sample({"id": "x", "inputs": [BINARY], "parameters": {"truncation": 0.5, "label": "cat"}}, bytes(8)),
    sample({"inputs": [LATENTS | {"shape": [2, 1], "data": [[0.5], [1.5]]}]}),
)
WORDS = ("latents", "seeds", "images", "FP32", "UINT64", "INT8", "null", "true", "1e39", "-1", "18446744073709551616",
         "[]", "{}", "[[", "]]", "[0]", "binary_data", "truncation", "timeout", "0.5")  # fmt: skip


def load() -> Try:
    """What must hold for any bytes."""
    from service.api.infer_body import InferRequest, input_of, wants_binary
    from service.api.json_body import parse
    from service.api.problems import InvalidParameters

    def attempt(data: bytes) -> None:
        length = int.from_bytes(data[:2], "big")
        try:
            body = parse(InferRequest, data[2 : 2 + length])
            sent = input_of(body, data[2 + length :])
            tensor = sent.decode()
            wants_binary(body)
        except InvalidParameters:
            return
        assert list(tensor.shape) == sent.shape
        assert tensor.size == math.prod(sent.shape)

    return attempt


if __name__ == "__main__":
    fuzz(load, SAMPLES, ["service.api.infer_body", "service.api.json_body", "service.api.tensors"], WORDS)
