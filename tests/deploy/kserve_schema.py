"""`python kserve_schema.py < objects.json`: says where objects of KServe are not what its own client's models allow.

Run where KServe's client is installed; its models are made from the API's description. Ends with 1 if anything is
wrong: a field that there is not, one that is missing, or a value of another type.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import kserve
from kubernetes import client

PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str, "int": int, "float": (int, float), "bool": bool, "object": object, "datetime": str,
    "ResourceQuantity": (str, int, float),
}  # fmt: skip


def wrong(value: Any, kind: str, place: str) -> Iterator[str]:  # noqa: ANN401 (as JSON has it)
    """What is wrong with a value that should be of a type, as the models write types."""
    if found := re.fullmatch(r"[lL]ist\[(.+)\]", kind):
        if not isinstance(value, list):
            yield f"{place}: a list is needed"
            return
        for i, each in enumerate(value):
            yield from wrong(each, found[1], f"{place}[{i}]")
    elif found := re.fullmatch(r"[dD]ict[(\[](\w+), (.+)[)\]]", kind):
        if not isinstance(value, dict):
            yield f"{place}: a map is needed"
            return
        for name, each in value.items():
            yield from wrong(each, found[2], f"{place}.{name}")
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind not in ("bool", "object")):
            yield f"{place}: {kind} is needed, got {value!r}"
    else:
        yield from wrong_fields(value, getattr(kserve, kind, None) or getattr(client, kind), place)


def wrong_fields(value: Any, model: Any, place: str) -> Iterator[str]:  # noqa: ANN401
    """What is wrong with the fields of an object."""
    if not isinstance(value, dict):
        yield f"{place}: an object is needed"
        return
    names = {name: attribute for attribute, name in model.attribute_map.items()}
    for name, each in value.items():
        if name in names:
            yield from wrong(each, model.openapi_types[names[name]], f"{place}.{name}")
        else:
            yield f"{place}: there is no field {name}"
    try:
        model(**{names[name]: each for name, each in value.items() if name in names})
    except ValueError as error:  # a field that must not be missing
        yield f"{place}: {error}"


def main() -> int:
    """Read a list of objects, and write a line for whatever is wrong."""
    complaints = []
    for each in json.load(sys.stdin):
        version = each["apiVersion"].rpartition("/")[2]
        complaints += wrong(each, f"V{version[1:]}{each['kind']}", each["kind"])
    sys.stdout.write("".join(f"{each}\n" for each in complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
