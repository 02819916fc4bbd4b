"""The objects of deploy/kubernetes, as kustomize makes them."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

KUBERNETES = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"

Object = dict[str, Any]


@cache
def rendered(folder: str) -> tuple[Object, ...]:
    """All objects of a folder, as `kubectl apply --kustomize` would send them."""
    if shutil.which("kubectl"):
        command = ["kubectl", "kustomize"]
    elif shutil.which("kustomize"):
        command = ["kustomize", "build"]
    else:
        pytest.skip("there is neither kubectl nor kustomize")
    done = subprocess.run([*command, str(KUBERNETES / folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(kind: str, folder: str) -> list[Object]:
    return [thing for thing in rendered(folder) if thing["kind"] == kind]


def only(kind: str, folder: str) -> Object:
    (thing,) = of_kind(kind, folder)
    return thing


def pods(folder: str) -> Iterator[Object]:
    """Each pod that comes of a folder's objects, as one that Kubernetes could be sent."""
    for thing in rendered(folder):
        template = thing.get("spec", {}).get("template")
        if thing["kind"] == "Pod":
            yield thing
        elif template:
            metadata = template["metadata"] | {"name": thing["metadata"]["name"]}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        elif thing["kind"] == "ServingRuntime":
            own = ("supportedModelFormats", "protocolVersions", "annotations")
            spec = {name: value for name, value in thing["spec"].items() if name not in own}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": thing["metadata"], "spec": spec}


def environment(container: Object) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container.get("env", ())}


def selects(selector: Object, pod: Object) -> bool:
    return bool(selector) and selector.items() <= pod["metadata"]["labels"].items()


def probes(pod: Object) -> dict[str, Object]:
    (container,) = pod["spec"]["containers"]
    return {name: value for name, value in container.items() if name.endswith("Probe")}
