"""Requests for inference of the Open Inference Protocol: what may be in them, and what is taken from them."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Request
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from service.api.content import wrong
from service.api.json_body import JsonRoute, StrictBody
from service.api.parameters import MAX_LABEL, MAX_TRUNCATION
from service.api.tensors import DTYPES, tensor_of_bytes, tensor_of_json

LENGTH_HEADER: Final = "Inference-Header-Content-Length"
"""Bytes of JSON before the binary data, in a request and in an answer."""

INPUTS: Final = ("latents", "seeds")
OUTPUT: Final = "images"

Text = Annotated[str, Field(max_length=1000)]


class InputParameters(StrictBody):
    """Parameters of an input."""

    binary_data_size: int | None = Field(default=None, ge=0)
    """Bytes of the tensor behind the JSON, where it is not in `data`."""
    content_type: Text | None = None
    """A hint of other servers' clients; it changes nothing."""


class InferInput(StrictBody):
    """An input: `latents` or `seeds`."""

    name: Text
    shape: list[Annotated[int, Field(ge=0)]] = Field(max_length=8)
    datatype: Text
    parameters: InputParameters | None = None
    data: list[Any] | None = None
    """Nested lists of numbers, or a flat one."""


class OutputParameters(StrictBody):
    """Parameters of an output."""

    binary_data: bool | None = None
    """Whether it comes behind the JSON instead of in it."""


class InferOutput(StrictBody):
    """An output that is asked for: `images`."""

    name: Text
    parameters: OutputParameters | None = None


class InferParameters(StrictBody):
    """Parameters of a request. `priority`, `sequence_…` and `content_type` are hints that change nothing here."""

    binary_data_output: bool = False
    timeout: int | None = Field(
        default=None, ge=1, description="Microseconds, where they are fewer than the service's."
    )
    truncation: float = Field(default=1.0, ge=0, le=MAX_TRUNCATION, allow_inf_nan=False)
    label: str | None = Field(default=None, min_length=1, max_length=MAX_LABEL)
    priority: int | None = None
    sequence_id: int | Text | None = None
    sequence_start: bool | None = None
    sequence_end: bool | None = None
    content_type: Text | None = None


class InferRequest(StrictBody):
    """The JSON of a request for inference."""

    id: Text | None = None
    model_name: Text | None = None
    """KServe's client repeats what is in the path."""
    model_version: Text | None = None
    parameters: InferParameters | None = None
    inputs: list[InferInput] = Field(min_length=1, max_length=8)
    outputs: list[InferOutput] | None = Field(default=None, max_length=8)


class AnsweredTensor(BaseModel):
    """An output: in `data`, or behind the JSON in as many bytes as `parameters` say."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: dict[str, int] | None = None


class InferAnswer(BaseModel):
    """The JSON of an answer."""

    id: str | None = None
    model_name: str
    model_version: str
    outputs: list[AnsweredTensor]


class InferRoute(JsonRoute):
    """A route of JSON with binary data behind it, which is put into the request's `state.binary`."""

    def parts(self, request: Request, content: bytes) -> bytes:
        """The JSON of a body.

        Raises:
            InvalidParameters: the length of the JSON is no number, or more than there is.
        """
        length = request.headers.get(LENGTH_HEADER, str(len(content)))
        if not (length.isascii() and length.isdecimal() and len(length) < 20 and int(length) <= len(content)):
            raise wrong(LENGTH_HEADER, f"a whole number 0 … {len(content)} is needed, the body's length", length)
        request.state.binary = content[int(length) :]
        return content[: int(length)]


@dataclass(frozen=True)
class SentTensor:
    """An input, not decoded yet: it is in `data` or, if that is None, in `content`."""

    name: str
    datatype: str
    shape: list[int]
    data: object
    content: bytes

    def decode(self) -> NDArray[Any]:
        """The tensor; not to be written to.

        Raises:
            InvalidParameters: what was sent is not of its shape and datatype, or not finite.
        """
        try:
            if self.data is None:
                return tensor_of_bytes(self.datatype, self.shape, self.content)
            return tensor_of_json(self.datatype, self.shape, self.data)
        except ValueError as error:
            raise wrong(self.name, str(error)) from None


def input_of(body: InferRequest, binary: bytes) -> SentTensor:
    """The input of a request.

    Raises:
        InvalidParameters: there is another one, or more than one; it has both `data` and binary data, or neither; its
            datatype is not read; or the binary data is longer or shorter than it says.
    """
    if len(body.inputs) > 1 or body.inputs[0].name not in INPUTS:
        names = ", ".join(each.name for each in body.inputs)
        raise wrong("inputs", "one input is needed: latents, or seeds", names)
    sent = body.inputs[0]
    size = sent.parameters.binary_data_size if sent.parameters else None
    if (sent.data is None) == (size is None):
        raise wrong(sent.name, "either data or the parameter binary_data_size is needed")
    if (size or 0) != len(binary):
        raise wrong(sent.name, f"there are {len(binary)} bytes behind the JSON; binary_data_size says {size or 0}")
    allowed = ["FP32"] if sent.name == "latents" else [name for name in DTYPES if "INT" in name]
    if sent.datatype not in allowed:
        raise wrong(sent.name, f"the datatype {' or '.join(allowed)} is needed", sent.datatype)
    return SentTensor(sent.name, sent.datatype, sent.shape, sent.data, binary)


def wants_binary(body: InferRequest) -> bool:
    """Whether the output is to come behind the JSON.

    Raises:
        InvalidParameters: another output is asked for, or this one twice.
    """
    default = body.parameters.binary_data_output if body.parameters else False
    if not body.outputs:
        return default
    if len(body.outputs) > 1 or body.outputs[0].name != OUTPUT:
        raise wrong("outputs", "there is one output: images", ", ".join(each.name for each in body.outputs))
    parameters = body.outputs[0].parameters
    return default if parameters is None or parameters.binary_data is None else parameters.binary_data
