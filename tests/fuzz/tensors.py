"""`service.api.tensors`: reads any tensor, as bytes and as JSON, or says why not.

The first bytes of an input choose the datatype and the shape.
"""

import json

from tests.fuzz.guided import Try, fuzz

SAMPLES = (
    bytes([0, 2, 1, 2, 0, 0]) + bytes(8),
    bytes([4, 1, 2, 0, 0, 0]) + json.dumps([7, 8]).encode(),
    bytes([0, 2, 1, 2, 0, 0]) + json.dumps([[0.5, 1e39]]).encode(),
)


def load() -> Try:
    """What must hold for any bytes."""
    from service.api.tensors import DTYPES, json_of, tensor_of_bytes, tensor_of_json

    names = list(DTYPES)

    def attempt(data: bytes) -> None:
        if len(data) < 6:
            return
        datatype, shape, content = names[data[0] % len(names)], list(data[2 : 2 + data[1] % 5]), data[6:]
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = content.decode("latin-1")
        for read, sent in ((tensor_of_bytes, content), (tensor_of_json, value)):
            try:
                tensor = read(datatype, shape, sent)  # type: ignore[operator]
            except ValueError:
                continue
            assert list(tensor.shape) == shape
            if datatype == "UINT8" and tensor.ndim and tensor.size:
                assert json.loads(json_of(tensor)) == tensor.tolist()

    return attempt


if __name__ == "__main__":
    fuzz(load, SAMPLES, ["service.api.tensors"], ("[", "]", "[]", ",", "1e39", "-1", "NaN", "true", "null", "1e400"))
