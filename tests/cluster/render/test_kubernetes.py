"""Manifests: valid for Kubernetes and KubeRay, closed, without root and without secrets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from distnet.cluster.render.kubernetes.job import EXAMPLE
from distnet.spec.read import read_job_text
from tests.cluster.file.texts import KUBERNETES
from tests.cluster.render.rendering import documents, loaded, texts

SCHEMAS = Path(__file__).parents[1] / "schemas"
FILES = Path(__file__).parents[3] / "cluster" / "kubernetes"
APIS = {
    ("v1", "Namespace"): "io.k8s.api.core.v1.Namespace",
    ("v1", "ConfigMap"): "io.k8s.api.core.v1.ConfigMap",
    ("v1", "PersistentVolumeClaim"): "io.k8s.api.core.v1.PersistentVolumeClaim",
    ("v1", "Service"): "io.k8s.api.core.v1.Service",
    ("apps/v1", "Deployment"): "io.k8s.api.apps.v1.Deployment",
    ("networking.k8s.io/v1", "NetworkPolicy"): "io.k8s.api.networking.v1.NetworkPolicy",
}
STORED = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource(contents, specification=DRAFT202012)) for name, contents in STORED.items()
)


def validator(document: dict[str, Any]) -> Draft202012Validator:
    api = (document["apiVersion"], document["kind"])
    file, name = (
        ("kuberay.json", api[1]) if api[0] == "ray.io/v1" else ("kubernetes.json", APIS[api])
    )
    return Draft202012Validator({"$ref": f"{file}#/$defs/{name}"}, registry=REGISTRY)


def all_documents(text: str = KUBERNETES) -> list[dict[str, Any]]:
    """Those of the stream, and the RayJob with its ConfigMap."""
    return [*documents(text), *loaded(texts(text)["ray-job.yaml"])]


def named(kind: str, name: str, text: str = KUBERNETES) -> dict[str, Any]:
    (found,) = [
        d for d in all_documents(text) if (d["kind"], d["metadata"]["name"]) == (kind, name)
    ]
    return found


def pods(value: Any) -> Iterator[dict[str, Any]]:
    """Every specification of a pod, however deep."""
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for below in value.values():
            yield from pods(below)
    elif isinstance(value, list):
        for below in value:
            yield from pods(below)


def containers() -> Iterator[dict[str, Any]]:
    for pod in pods(all_documents()):
        yield from (*pod.get("initContainers", []), *pod["containers"])


@pytest.mark.parametrize(
    "more", ["", "storage: {size: 1GiB, storage_class: nfs-client}\n", "idle: 90s\n"]
)
def test_manifests_are_valid(more: str) -> None:
    found = all_documents(KUBERNETES + more)
    kinds = {document["kind"] for document in found}
    assert kinds == {"RayCluster", "RayJob", *(kind for _, kind in APIS)}
    for document in found:
        errors = [error.message for error in validator(document).iter_errors(document)]
        assert errors == [], document["kind"]


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("RayCluster", "lab", lambda spec: spec.update(workerGroups=[])),
        ("RayCluster", "lab", lambda spec: spec["headGroupSpec"]["template"].update(spce={})),
        ("Deployment", "lab-server", lambda spec: spec.update(replicas="one")),
    ],
)
def test_the_schemas_find_mistakes(kind: str, name: str, change: Any) -> None:
    document = named(kind, name)
    change(document["spec"])
    assert not validator(document).is_valid(document)


def test_no_manifest_holds_a_secret() -> None:
    assert "Secret" not in {document["kind"] for document in all_documents()}
    for container in containers():
        for variable in container.get("env", []):
            assert "TOKEN" not in variable["name"] or "valueFrom" in variable


def test_the_secret_is_made_of_a_file_beside_the_manifests() -> None:
    (kustomization,) = loaded(texts(KUBERNETES)["kustomization.yaml"])
    assert kustomization["secretGenerator"] == [
        {"name": "lab-token", "files": ["auth_token=token"]}
    ]
    assert set(kustomization["resources"]) < set(texts(KUBERNETES))
    assert "ray-job.yaml" not in kustomization["resources"]


def test_ray_and_the_server_use_that_token() -> None:
    for spec in (
        named("RayCluster", "lab")["spec"],
        named("RayJob", "lab-job")["spec"]["rayClusterSpec"],
    ):
        assert spec["authOptions"] == {"mode": "token", "secretName": "lab-token"}
    (pod,) = pods(named("Deployment", "lab-server"))
    env = {variable["name"]: variable for variable in pod["containers"][0]["env"]}
    assert env["RAY_AUTH_MODE"]["value"] == "token"
    reference = env["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "lab-token", "key": "auth_token"}


def test_all_pods_satisfy_the_restricted_standard() -> None:
    labels = named("Namespace", "distnet")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    found = list(pods(all_documents()))
    assert len(found) == 8  # head and two groups, twice; server; submitter
    for pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers():
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_every_container_requests_cpu_and_memory() -> None:
    for container in containers():
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


def test_the_server_is_probed_and_keeps_its_ledger() -> None:
    (pod,) = pods(named("Deployment", "lab-server"))
    (server,) = pod["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"] == {"path": "/healthz", "port": "http"}
    claims = {
        v["persistentVolumeClaim"]["claimName"]
        for v in pod["volumes"]
        if len(v) > 1 and "persistentVolumeClaim" in v
    }
    assert claims == {"lab-runs", "lab-ledger"}
    assert named("Deployment", "lab-server")["spec"]["strategy"] == {"type": "Recreate"}


def test_groups_become_worker_groups() -> None:
    spec = named("RayCluster", "lab")["spec"]
    assert spec["enableInTreeAutoscaling"] is True
    assert spec["autoscalerOptions"]["idleTimeoutSeconds"] == 600
    cpu, gpu = spec["workerGroupSpecs"]
    assert (cpu["minReplicas"], cpu["maxReplicas"]) == (0, 8)
    assert "replicas" not in cpu
    (container,) = gpu["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/distnet-gpu:0.1.0"
    assert container["resources"]["limits"] == {"memory": "64Gi", "nvidia.com/gpu": "1"}
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_a_cluster_of_fixed_size_has_no_autoscaler() -> None:
    spec = named("RayCluster", "lab", KUBERNETES.replace("0..8", "2"))["spec"]
    assert "enableInTreeAutoscaling" not in spec
    (head,) = pods(spec["headGroupSpec"])
    assert head["automountServiceAccountToken"] is False


def test_labels_resources_and_selectors_reach_the_group() -> None:
    more = "labels: {gpu: H100}, resources: {licences: 2}, selector: {pool: gpu}, gpus: 1"
    spec = named("RayCluster", "lab", KUBERNETES.replace("gpus: 1", more))["spec"]
    gpu = spec["workerGroupSpecs"][1]
    assert gpu["labels"] == {"gpu": "H100", "distnet.io/group": "gpu"}
    assert json.loads(json.loads(gpu["rayStartParams"]["resources"])) == {"licences": 2}
    assert gpu["template"]["spec"]["nodeSelector"] == {"pool": "gpu"}


def test_raw_keys_go_over_the_ray_cluster() -> None:
    text = f"{KUBERNETES}ray: {{suspend: true, autoscalerOptions: {{idleTimeoutSeconds: 5}}}}\n"
    job = named("RayJob", "lab-job", text)["spec"]["rayClusterSpec"]
    for spec in (named("RayCluster", "lab", text)["spec"], job):
        assert spec["suspend"] is True
        assert spec["autoscalerOptions"]["idleTimeoutSeconds"] == 5
        assert spec["autoscalerOptions"]["version"] == "v2"


def test_a_raw_key_may_take_the_place_of_a_whole_section() -> None:
    text = f"{KUBERNETES}ray: {{headGroupSpec: null}}\n"
    assert named("RayJob", "lab-job", text)["spec"]["rayClusterSpec"]["headGroupSpec"] is None


def test_only_pods_of_the_cluster_the_operator_and_clients_get_in() -> None:
    policies = [d for d in documents(KUBERNETES) if d["kind"] == "NetworkPolicy"]
    everything = policies[0]["spec"]
    (rule,) = everything["ingress"]
    assert everything["podSelector"] == rule["from"][0]["podSelector"]
    ports = [[p["port"] for p in policy["spec"]["ingress"][0]["ports"]] for policy in policies[1:]]
    assert ports == [[8265], [8270]]
    selected = everything["podSelector"]["matchLabels"].items()
    for pod in (d for d in all_documents() if d["kind"] in ("RayCluster", "Deployment", "RayJob")):
        for labels in _pod_labels(pod):
            assert selected <= labels.items()


def _pod_labels(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("spec"), dict) and "containers" in value["spec"]:
            yield value["metadata"]["labels"]
        for below in value.values():
            yield from _pod_labels(below)
    elif isinstance(value, list):
        for below in value:
            yield from _pod_labels(below)


def test_the_example_of_the_ray_job_is_a_job() -> None:
    assert read_job_text(EXAMPLE).job.resources.max_workers == 2


def test_the_shipped_base_is_what_its_cluster_file_renders() -> None:
    for name, text in texts((FILES / "cluster.yaml").read_text()).items():
        assert without_version((FILES / "base" / name).read_text()) == without_version(text), name


def test_the_gpu_overlay_adds_the_group_that_the_cluster_file_has_as_a_comment() -> None:
    text = (FILES / "cluster.yaml").read_text().replace("  # gpu:", "  gpu:")
    ((patch,),) = loaded((FILES / "overlays" / "gpu" / "gpu-group.yaml").read_text())
    spec = named("RayCluster", "lab", text)["spec"]
    assert patch == {
        "op": "add",
        "path": "/spec/workerGroupSpecs/-",
        "value": spec["workerGroupSpecs"][1],
    }


def test_the_gpu_overlay_lets_the_server_know_of_the_group() -> None:
    text = (FILES / "cluster.yaml").read_text().replace("  # gpu:", "  gpu:")
    ((patch,),) = loaded((FILES / "overlays" / "gpu" / "gpu-nodes.yaml").read_text())
    assert (patch["op"], patch["path"]) == ("replace", "/data/groups.yaml")
    assert patch["value"] == named("ConfigMap", "lab-groups", text)["data"]["groups.yaml"]
    ((restart,),) = loaded((FILES / "overlays" / "gpu" / "gpu-server.yaml").read_text())
    metadata = named("Deployment", "lab-server", text)["spec"]["template"]["metadata"]
    assert restart["path"] == "/spec/template/metadata/annotations"
    assert restart["value"] == metadata["annotations"]


@pytest.mark.parametrize("overlay", ["cpu", "gpu"])
def test_overlays_name_files_and_images_that_there_are(overlay: str) -> None:
    folder = FILES / "overlays" / overlay
    (kustomization,) = loaded((folder / "kustomization.yaml").read_text())
    used = (FILES / "base" / "ray-cluster.yaml").read_text()
    for path in kustomization["resources"]:
        assert (folder / path / "kustomization.yaml").is_file()
    for patch in kustomization.get("patches", []):
        used += (folder / patch["path"]).read_text()
        assert named(patch["target"]["kind"], patch["target"]["name"])
    assert {f"{i['name']}:" in used for i in kustomization["images"]} == {True}


def without_version(text: str) -> list[str]:
    return [line for line in text.splitlines() if "rayVersion:" not in line]
