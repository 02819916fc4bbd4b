import numpy as np
import pytest

from service.api.infer_body import InferRequest, input_of, wants_binary
from service.api.problems import InvalidParameters

LATENTS = {"name": "latents", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1.5]}
SEEDS = {"name": "seeds", "shape": [2], "datatype": "INT64", "data": [7, 8]}


def request_of(*inputs: object, **more: object) -> InferRequest:
    return InferRequest.model_validate({"inputs": [*inputs], **more})


def binary_of(size: int | None, **more: object) -> dict[str, object]:
    parameters = {} if size is None else {"binary_data_size": size}
    return {"name": "latents", "shape": [1, 2], "datatype": "FP32", "parameters": parameters} | more


def test_numbers_are_taken_from_the_json_or_from_behind_it() -> None:
    content = np.array([0.5, 1.5], "<f4").tobytes()
    assert input_of(request_of(LATENTS), b"").decode().tolist() == [[0.5, 1.5]]
    assert input_of(request_of(binary_of(8)), content).decode().tolist() == [[0.5, 1.5]]
    assert input_of(request_of(SEEDS), b"").decode().tolist() == [7, 8]


@pytest.mark.parametrize(
    ("inputs", "content", "message"),
    [
        ([LATENTS, SEEDS], b"", "one input is needed"),
        ([LATENTS, LATENTS], b"", "one input is needed"),
        ([LATENTS | {"name": "z"}], b"", "latents, or seeds"),
        ([LATENTS], b"12345678", "8 bytes behind the JSON; binary_data_size says 0"),
        ([binary_of(8)], b"", "0 bytes behind the JSON; binary_data_size says 8"),
        ([binary_of(8)], b"123456789", "9 bytes behind"),
        ([binary_of(10**18)], b"12345678", "binary_data_size says 1000000000000000000"),
        ([binary_of(None)], b"", "either data or the parameter"),
        ([binary_of(8, data=[0.5, 1.5])], b"12345678", "either data or the parameter"),
        ([LATENTS | {"datatype": "FP64"}], b"", "FP32 is needed"),
        ([LATENTS | {"datatype": "fp32"}], b"", "FP32 is needed"),
        ([SEEDS | {"datatype": "FP32"}], b"", "INT64 .* is needed"),
        ([SEEDS | {"datatype": "BYTES"}], b"", "INT64 .* is needed"),
    ],
)
def test_an_input_that_cannot_be_read_is_refused(inputs: list[object], content: bytes, message: str) -> None:
    with pytest.raises(InvalidParameters, match=message):
        input_of(request_of(*inputs), content)


@pytest.mark.parametrize(
    ("more", "binary"),
    [
        ({}, False),
        ({"parameters": {}}, False),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"outputs": []}, False),
        ({"outputs": [{"name": "images"}], "parameters": {"binary_data_output": True}}, True),
        ({"outputs": [{"name": "images", "parameters": {"binary_data": True}}]}, True),
        (
            {
                "outputs": [{"name": "images", "parameters": {"binary_data": False}}],
                "parameters": {"binary_data_output": True},
            },
            False,
        ),
    ],
)
def test_what_is_said_of_the_output_counts_before_what_is_said_of_all(more: dict[str, object], binary: bool) -> None:
    assert wants_binary(request_of(LATENTS, **more)) is binary


@pytest.mark.parametrize("outputs", [[{"name": "labels"}], [{"name": "images"}, {"name": "images"}]])
def test_there_is_one_output(outputs: list[object]) -> None:
    with pytest.raises(InvalidParameters, match="one output: images"):
        wants_binary(request_of(LATENTS, outputs=outputs))
