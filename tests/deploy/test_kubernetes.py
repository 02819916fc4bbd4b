"""deploy/kubernetes: what kustomize makes of it holds against the schemas of the API, and against the service."""

import copy
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml
from starlette.routing import compile_path

from bundle.store import Store
from service.app import create_app
from service.settings import Settings
from tests.deploy.manifests import KUBERNETES, Object, environment, of_kind, only, pods, probes, rendered, selects
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("overlays/cpu", "overlays/gpu", "store", "metrics", "kserve", "train")
OVERLAYS = ("overlays/cpu", "overlays/gpu")
VERSIONS = ("1.31", kubernetes_validate.latest_version())
"""Of Kubernetes: the oldest that all of this is for, and the newest whose schemas are there."""
FOREIGN = {"PodMonitor", "ServingRuntime", "InferenceService"}
"""Kinds of other people's, whose schemas are not Kubernetes's; those of KServe are checked by its own models."""


def service_pods() -> list[tuple[str, Object]]:
    return [(folder, pod) for folder in (*OVERLAYS, "kserve") for pod in pods(folder)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_objects_are_valid(folder: str, version: str) -> None:
    for thing in rendered(folder):
        assert thing["metadata"].get("namespace", thing["metadata"]["name"]) == "figment"
        if thing["kind"] not in FOREIGN:
            kubernetes_validate.validate(thing, version, strict=True)
    for pod in pods(folder):
        kubernetes_validate.validate(pod, version, strict=True)


def test_the_schemas_find_what_is_wrong() -> None:
    deployment = only("Deployment", "overlays/cpu")
    wrong = deployment | {"spec": deployment["spec"] | {"replicas": "two"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment | {"speck": {}}, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("folder", ["overlays/cpu", "overlays/gpu", "store", "kserve", "train"])
def test_every_pod_is_restricted(folder: str) -> None:
    """By the Pod Security Standard "restricted", and on a file system that cannot be written."""
    for pod in pods(folder):
        spec = pod["spec"]
        for container in spec["containers"]:
            security = spec.get("securityContext", {}) | container["securityContext"]
            assert security["runAsNonRoot"] is True
            assert security["runAsUser"] == 10001
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert "memory" in container["resources"]["limits"]
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        kinds = {next(kind for kind in volume if kind != "name") for volume in spec["volumes"]}
        assert kinds <= {"persistentVolumeClaim", "secret", "emptyDir"}


@pytest.mark.parametrize("folder", ["overlays/cpu", "overlays/gpu", "store", "kserve", "train"])
def test_every_mount_has_its_volume_and_every_claim_exists(folder: str) -> None:
    claims = {claim["metadata"]["name"] for place in FOLDERS for claim in of_kind("PersistentVolumeClaim", place)}
    for pod in pods(folder):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
        named = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values() if len(volume) == 2
                 and "persistentVolumeClaim" in volume}  # fmt: skip
        assert named <= claims


@pytest.mark.parametrize("folder", OVERLAYS)
def test_selectors_find_the_replicas(folder: str) -> None:
    (pod,) = pods(folder)
    deployment = only("Deployment", folder)
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        only("Service", folder)["spec"]["selector"],
        only("PodDisruptionBudget", folder)["spec"]["selector"]["matchLabels"],
        only("PodMonitor", "metrics")["spec"]["selector"]["matchLabels"],
        *(rule["labelSelector"]["matchLabels"] for rule in pod["spec"]["topologySpreadConstraints"]),
        *(
            policy["spec"]["podSelector"]["matchLabels"]
            for policy in of_kind("NetworkPolicy", folder)
            if policy["metadata"]["name"] == "figment"
        ),
    ]
    assert len(selectors) == 7
    assert all(selects(selector, pod) for selector in selectors)
    assert only("HorizontalPodAutoscaler", folder)["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]  # the autoscaler's; applying it again would undo what it did


@pytest.mark.parametrize("folder", OVERLAYS)
def test_other_pods_are_not_taken_for_replicas(folder: str) -> None:
    selector = only("Service", folder)["spec"]["selector"]
    others = [pod for place in ("store", "train") for pod in pods(place)]
    assert len(others) == 2
    assert not any(selects(selector, pod) for pod in others)
    assert selects(only("Service", "train")["spec"]["selector"], others[1])


@pytest.mark.parametrize("folder", OVERLAYS)
def test_ports_have_one_name_everywhere(folder: str) -> None:
    (pod,) = pods(folder)
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert ports == {"http": 8000}
    assert "FIGMENT_PORT=8000" in (ROOT / "Dockerfile").read_text()
    (policy,) = [policy for policy in of_kind("NetworkPolicy", folder) if policy["metadata"]["name"] == "figment"]
    (rule,) = policy["spec"]["ingress"]
    used = [only("Service", folder)["spec"]["ports"][0]["targetPort"], rule["ports"][0]["port"]]
    used += [endpoint["port"] for endpoint in only("PodMonitor", "metrics")["spec"]["podMetricsEndpoints"]]
    used += [probe["httpGet"]["port"] for probe in probes(pod).values()]
    assert set(used) == {"http"}


def test_nobody_speaks_with_anybody_unless_it_is_allowed() -> None:
    (closed,) = [p for p in of_kind("NetworkPolicy", "overlays/cpu") if p["metadata"]["name"] == "nobody"]
    assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in (p for folder in FOLDERS for p in of_kind("NetworkPolicy", folder)):
        assert all(rule.get("from") for rule in policy["spec"].get("ingress", ()))


def test_the_service_has_what_probes_and_prometheus_ask_for(tmp_path: Path) -> None:
    app = create_app(Settings(models=tmp_path), Store(tmp_path), lambda _: None)  # type: ignore[arg-type, return-value]
    paths = {probe["httpGet"]["path"] for _, pod in service_pods() for probe in probes(pod).values()}
    paths |= {endpoint["path"] for endpoint in only("PodMonitor", "metrics")["spec"]["podMetricsEndpoints"]}
    assert {"/livez", "/readyz", "/metrics", "/v2/health/ready", "/v2/health/live"} == paths
    patterns = [compile_path(path)[0] for path in app.openapi()["paths"]]
    assert [path for path in sorted(paths) if not any(pattern.match(path) for pattern in patterns)] == []


def test_live_and_ready_are_asked_apart() -> None:
    for _, pod in service_pods():
        asked = {name: probe["httpGet"]["path"] for name, probe in probes(pod).items()}
        assert asked["livenessProbe"] in ("/livez", "/v2/health/live")
        assert asked["readinessProbe"] in ("/readyz", "/v2/health/ready")


def test_variables_are_settings_and_their_values_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, pod in service_pods():
        (container,) = pod["spec"]["containers"]
        given = environment(container)
        names = {name.removeprefix("FIGMENT_").lower() for name in given}
        assert names <= set(Settings.model_fields)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings = Settings()
        assert settings.log_format == "json"
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert str(Path(settings.keys).parent) in mounts


@pytest.mark.parametrize("folder", OVERLAYS)
def test_a_replica_has_time_to_end(folder: str) -> None:
    """It serves on for the grace time, during which the cluster finds out, and then ends what it has."""
    (pod,) = pods(folder)
    given = environment(pod["spec"]["containers"][0])
    grace, drain = float(given["FIGMENT_GRACE"]), float(given["FIGMENT_DRAIN"])
    assert grace + drain + 5 <= pod["spec"]["terminationGracePeriodSeconds"]
    probe = probes(pod)["readinessProbe"]
    assert grace > probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert pod["spec"]["shareProcessNamespace"] is True  # else SIGTERM during the start would be lost


def test_kubernetes_makes_no_settings_of_its_own() -> None:
    """Of a Service named figment it would make FIGMENT_PORT=tcp://10.0.0.1:80, in every pod of the namespace."""
    for folder in (*OVERLAYS, "store", "train"):
        assert [pod["spec"]["enableServiceLinks"] for pod in pods(folder)] == [False]
    (pod,) = pods("kserve")  # a ServingRuntime has no such field; a variable of its own comes first
    assert environment(pod["spec"]["containers"][0])["FIGMENT_PORT"] == "8000"


def test_the_images_are_targets_of_the_dockerfile() -> None:
    images = {
        container["image"] for folder in FOLDERS for pod in pods(folder) for container in pod["spec"]["containers"]
    }
    assert images == {"figment:cpu", "figment:gpu", "figment:train"}
    for image in images:
        assert f" AS {image.removeprefix('figment:')}\n" in (ROOT / "Dockerfile").read_text()


def test_a_gpu_is_asked_for_and_none_is_made_do_without() -> None:
    (pod,) = pods("overlays/gpu")
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert environment(container)["FIGMENT_DEVICE"] == "gpu"


def test_replicas_cannot_write_the_store() -> None:
    for folder in OVERLAYS:
        (pod,) = pods(folder)
        (mount,) = [m for m in pod["spec"]["containers"][0]["volumeMounts"] if m["mountPath"] == "/models"]
        assert mount["readOnly"] is True


def test_the_autoscaler_uses_a_metric_that_there_is(tmp_path: Path) -> None:
    (metric,) = only("HorizontalPodAutoscaler", "overlays/cpu")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    (rule,) = yaml.safe_load((KUBERNETES / "metrics" / "adapter.yaml").read_text())["rules"]["custom"]
    assert rule["name"]["as"] == name == rule["seriesQuery"].partition("{")[0]
    store = Store(tmp_path / "models")
    publish_fake(store, "tiny")
    with listening(store) as address:
        metrics = httpx.get(f"http://{address}/metrics", trust_env=False).text
    assert f'\n{name}{{model="tiny"}} 0' in metrics


def test_kserve_is_told_the_protocol_and_where_the_store_is() -> None:
    runtime, service = only("ServingRuntime", "kserve"), only("InferenceService", "kserve")
    model = service["spec"]["predictor"]["model"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"] == ["v2"]
    assert model["modelFormat"] in runtime["spec"]["supportedModelFormats"]
    assert model["runtime"] == runtime["metadata"]["name"]
    claim = only("PersistentVolumeClaim", "overlays/cpu")["metadata"]["name"]
    assert model["storageUri"] == f"pvc://{claim}"
    (pod,) = pods("kserve")
    assert environment(pod["spec"]["containers"][0])["FIGMENT_MODELS"] == "/mnt/models"


def complaints(python: str, objects: Sequence[Object]) -> list[str]:
    """What KServe's client has against objects."""
    script = Path(__file__).with_name("kserve_schema.py")
    done = subprocess.run([python, script], input=json.dumps(objects), capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if done.returncode else []


def test_kserve_s_own_models_allow_what_it_is_sent(kserve_python: str) -> None:
    objects = [only(kind, "kserve") for kind in ("ServingRuntime", "InferenceService")]
    assert complaints(kserve_python, objects) == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "complaint"),
    [
        ("InferenceService", "spec.predictor.model.storageURI", "pvc://a", "there is no field storageURI"),
        ("InferenceService", "spec.predictor.maxReplicas", "4", "maxReplicas: int is needed, got '4'"),
        ("InferenceService", "spec.predictor", None, "predictor: an object is needed"),
        ("ServingRuntime", "spec.containers.0.ports.0.containerPort", None, "containerPort: int is needed, got None"),
        ("ServingRuntime", "spec.protocolVersions", "v2", "protocolVersions: a list is needed"),
    ],
)
def test_what_they_do_not_allow_is_told(
    kserve_python: str, kind: str, path: str, value: object, complaint: str
) -> None:
    changed = copy.deepcopy(only(kind, "kserve"))
    *way, last = path.split(".")
    place: Any = changed
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    assert any(complaint in said for said in complaints(kserve_python, [changed]))
