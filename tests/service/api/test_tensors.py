import json
import math

import numpy as np
import pytest

from service.api.tensors import DTYPES, json_of, tensor_of_bytes, tensor_of_json

SHAPES = [(1,), (7,), (3, 1), (2, 4, 5, 3), (1, 1, 1, 1), (64, 8, 8, 4)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", SHAPES)
def test_pixels_as_json_are_the_nested_lists_of_the_array(seed: int, shape: tuple[int, ...]) -> None:
    pixels = np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)
    assert json.loads(json_of(pixels)) == pixels.tolist()


def test_every_number_has_its_text() -> None:
    assert json.loads(json_of(np.arange(256, dtype=np.uint8))) == list(range(256))


def test_pixels_of_any_strides_are_taken() -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (4, 6, 3)).astype(np.uint8)
    assert json.loads(json_of(pixels[::2, ::-1])) == pixels[::2, ::-1].tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("datatype", DTYPES)
def test_bytes_and_lists_are_the_same_tensor(seed: int, datatype: str) -> None:
    dtype = DTYPES[datatype]
    random = np.random.RandomState(seed)
    tensor = random.randn(3, 5).astype(dtype) if dtype.kind == "f" else random.randint(0, 128, (3, 5)).astype(dtype)
    flat, nested = tensor.reshape(-1).tolist(), tensor.tolist()
    for read in (
        tensor_of_bytes(datatype, (3, 5), tensor.tobytes()),
        tensor_of_json(datatype, (3, 5), flat),
        tensor_of_json(datatype, (3, 5), nested),
    ):
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, tensor)


def test_bytes_are_little_endian() -> None:
    assert tensor_of_bytes("UINT32", (2,), bytes([1, 0, 0, 0, 0, 1, 0, 0])).tolist() == [1, 256]


@pytest.mark.parametrize(("shape", "length"), [((2, 3), 20), ((2, 3), 28), ((2, 3), 0), ((0, 3), 4), ((2**40, 8), 24)])
def test_bytes_of_another_length_are_refused(shape: tuple[int, ...], length: int) -> None:
    with pytest.raises(ValueError, match=rf"takes {math.prod(shape) * 4} bytes, got {length}"):
        tensor_of_bytes("FP32", shape, bytes(length))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        tensor_of_bytes("FP32", (2,), np.array([0.0, value], np.float32).tobytes())
    with pytest.raises(ValueError, match="finite"):
        tensor_of_json("FP32", (2,), [0.0, value])


@pytest.mark.parametrize(
    ("datatype", "data", "message"),
    [
        ("FP32", [1.0], "list of 2"),
        ("FP32", [1.0, 2.0, 3.0], "list of 2"),
        ("FP32", [[1.0], [2.0]], "numbers are needed"),
        ("FP32", [[1.0, 2.0], [3.0]], "numbers are needed"),
        ("FP32", [[1.0, 2.0], 3.0], "numbers are needed"),
        ("FP32", {"a": 1}, "something else"),
        ("FP32", None, "something else"),
        ("FP32", [], "one of 0"),
        ("FP32", ["1", "2"], "numbers are needed"),
        ("FP32", [True, False], "numbers are needed"),
        ("FP32", [None, 1.0], "numbers are needed"),
        ("FP32", [1e39, 0.0], "finite"),
        ("FP32", [10**400, 0], "too large"),
        ("INT64", [1.0, 2.0], "whole numbers"),
        ("INT64", [True, 1], "whole numbers"),
        ("INT64", [2**63, 1], "too large"),
        ("UINT32", [-1, 1], "too large"),
        ("INT8", [128, 1], "too large"),
    ],
)
def test_lists_that_are_no_such_tensor_are_refused(datatype: str, data: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tensor_of_json(datatype, (2,), data)


@pytest.mark.parametrize(
    "data", [[[1, 2], [3]], [[1, 2], 3], [[1, 2, 3], [4]], [[[1], [2]], [[3], [4]]], [[1, 2]], [[]]]
)
def test_lists_that_are_nested_otherwise_are_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"list of 2|numbers are needed"):
        tensor_of_json("FP32", (2, 2), data)
