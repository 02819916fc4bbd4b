"""Examples for the OpenAPI document, from `examples.json`; those of problems are in `problem_kinds`.

They are put in when the document is asked for. A path with a version has those of the path without.
"""

import json
from pathlib import Path
from typing import Any

from service.api.foreign import shape_of
from service.api.negotiation import MEDIA_TYPES, WALKS
from service.api.problem_kinds import KINDS

Part = dict[str, Any]

FORMATS = {media_type: name for name, media_type in MEDIA_TYPES.items()}
FOREIGN_ERRORS = {"4XX": "unknown-model", "5XX": "overloaded"}
"""What errors of other protocols are shown by."""


def put_into(document: Part) -> None:
    """Add the examples to an OpenAPI document: of path parameters, of bodies in JSON, of answers.

    A picture's is the address of one.
    """
    examples: Part = json.loads(Path(__file__).with_name("examples.json").read_text("utf-8"))
    for path, operations in document["paths"].items():
        of = path.removesuffix(".{ending}")
        if of not in examples["answers"].keys() | examples["pictures"].keys():
            of = of.replace("/versions/{version}", "")
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in examples["paths"]:
                    parameter["example"] = examples["paths"][parameter["name"]]
            if of in examples["requests"] and "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"]["example"] = examples["requests"][of]
            answers = operation["responses"]
            for media_type, content in answers["200"].get("content", {}).items():
                content |= _example(examples, of, media_type)
            for status in FOREIGN_ERRORS.keys() & answers.keys():
                answers[status]["content"]["application/json"]["example"] = _foreign_error(path, FOREIGN_ERRORS[status])


def _example(examples: Part, path: str, media_type: str) -> Part:
    if media_type == "application/json":
        return {"example": examples["answers"][path]}
    if path in examples["pictures"] and (name := FORMATS.get(media_type)):
        frame = path == "/interpolate" and name not in WALKS
        address = examples["pictures"][f"{path}, one frame" if frame else path].replace("{ending}", name)
        return {"examples": {"picture": {"externalValue": address}}}
    return {}


def _foreign_error(path: str, kind: str) -> Part:
    shape = shape_of(path)
    assert shape is not None, path
    return shape(KINDS[kind].status, kind, KINDS[kind].example["detail"], None)
